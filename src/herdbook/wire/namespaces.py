"""Namespaces on the wire."""

from __future__ import annotations

from herdbook.model.base import Json, Text
from herdbook.model.journal import Checkpoint
from herdbook.model.statements import StatementEntry
from herdbook.wire.routes import Asked, Route

LIST: Route[list[Checkpoint]] = Route("namespaces.list", "GET", "/namespaces", list[Checkpoint])
CREATE: Route[Checkpoint] = Route("namespaces.create", "POST", "/namespaces", Checkpoint)
SCHEMA: Route[StatementEntry] = Route("namespaces.schema", "POST", "/namespaces/schemas", StatementEntry)


class Create(Asked):
    """A namespace to begin."""

    name: Text


class Schema(Asked):
    """A JSON Schema for ``ext.NAME`` of an entity."""

    name: Text
    entity: Text
    version: Text
    schema_: Json
