"""The noun ``namespaces`` over HTTP."""

from __future__ import annotations

from collections.abc import Mapping

from herdbook.client.calls import Calls, asked
from herdbook.model.journal import Checkpoint
from herdbook.model.statements import StatementEntry
from herdbook.wire import namespaces as wire


class Namespaces:
    """Namespaces, as the façade gives them."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def create(self, name: str) -> Checkpoint:
        """Begin a journal at the server; one that is there already is answered with."""
        return self._calls.post(wire.CREATE, asked(wire.Create, name=name))

    def list(self) -> list[Checkpoint]:
        """Return every namespace and where its journal stands."""
        return self._calls.get(wire.LIST)

    def schema(self, name: str, entity: str, version: str, schema: Mapping[str, object]) -> StatementEntry:
        """Register a JSON Schema 2020-12 for ``ext.NAME`` of an entity."""
        told = {"name": name, "entity": entity, "version": version, "schema_": dict(schema)}
        return self._calls.post(wire.SCHEMA, asked(wire.Schema, **told))
