"""The client of a server: the façade over HTTP."""
