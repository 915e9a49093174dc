"""Jobs: what runs at the other end of an engine, from ``request.json`` to ``result.json``, without a registry."""
