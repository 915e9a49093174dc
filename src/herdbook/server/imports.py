"""The noun ``imports`` over HTTP."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query

from herdbook.model.imports import ImportEntry
from herdbook.ports.registry import Registry
from herdbook.server.calls import Calls
from herdbook.server.parameters import Namespace
from herdbook.wire import imports as wire

router = Calls("imports")


@router.answers(wire.RECORD)
def record(registry: Registry, asked: wire.Record) -> ImportEntry:
    """Write a delivery as one batch: all of it or nothing. Idempotent: what is there is not written again."""
    return registry.imports.record(asked.namespace, asked.delivery)


@router.answers(wire.LIST)
def list_(registry: Registry, namespace: Namespace) -> list[ImportEntry]:
    """Return the batches of a namespace, newest first."""
    return registry.imports.list(namespace)


@router.answers(wire.GET)
def get(
    registry: Registry,
    namespace: Namespace,
    batch: Annotated[str, Query(description="The id of a batch, or its beginning.")],
) -> ImportEntry:
    """Return a batch."""
    return registry.imports.get(namespace, batch)


@router.answers(wire.UNDO)
def undo(registry: Registry, asked: wire.Undo) -> ImportEntry:
    """Withdraw all that a batch brought and clear its labels; what others added stays."""
    return registry.imports.undo(asked.namespace, asked.batch, reason=asked.reason)
