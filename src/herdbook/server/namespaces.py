"""The noun ``namespaces`` over HTTP."""

from __future__ import annotations

from herdbook.model.journal import Checkpoint
from herdbook.model.statements import StatementEntry
from herdbook.ports.registry import Registry
from herdbook.server.calls import Calls
from herdbook.wire import namespaces as wire

router = Calls("namespaces")


@router.answers(wire.LIST)
def list_(registry: Registry) -> list[Checkpoint]:
    """Return every namespace and where its journal stands."""
    return registry.namespaces.list()


@router.answers(wire.CREATE)
def create(registry: Registry, asked: wire.Create) -> Checkpoint:
    """Begin a journal here; one that is here already is answered with."""
    return registry.namespaces.create(asked.name)


@router.answers(wire.SCHEMA)
def schema(registry: Registry, asked: wire.Schema) -> StatementEntry:
    """Register a JSON Schema 2020-12 for `ext.NAME` of an entity."""
    return registry.namespaces.schema(asked.name, asked.entity, asked.version, asked.schema_)
