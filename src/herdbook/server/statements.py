"""The noun ``statements`` over HTTP."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query

from herdbook.model.pages import DEFAULT_LIMIT, Page
from herdbook.model.statements import StatementEntry
from herdbook.ports.registry import Registry
from herdbook.server.calls import Calls
from herdbook.server.parameters import Cursor, Limit
from herdbook.wire import statements as wire

router = Calls("statements")


@router.answers(wire.ADD)
def add(registry: Registry, asked: wire.Add) -> list[StatementEntry]:
    """Make statements, in one event. One that is there already, but for its time, is answered with."""
    return registry.statements.add(asked.namespace, asked.statements)


@router.answers(wire.LIST)
def list_(
    registry: Registry,
    subject: Annotated[
        str,
        Query(
            description="A reference, a model's name, a digest, `scheme:value` or a namespace.",
            examples=["demo/tau/toy:v1"],
        ),
    ],
    kind: Annotated[str, Query(description="Only of this kind; empty: all.", examples=["evaluation"])] = "",
    every: Annotated[bool, Query(description="Also those that are no longer current.")] = False,
    cursor: Cursor = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Page[StatementEntry]:
    """Return statements about something."""
    return registry.statements.list(subject, kind=kind, every=every, cursor=cursor, limit=limit)


@router.answers(wire.ABOUT)
def about(registry: Registry, asked: wire.About) -> dict[str, list[StatementEntry]]:
    """Return, by record, all statements about records, also those that are no longer current; oldest first."""
    return registry.statements.about(asked.records)


@router.answers(wire.GET)
def get(
    registry: Registry, digest: Annotated[str, Query(description="The digest of a statement, or its beginning.")]
) -> StatementEntry:
    """Return a statement."""
    return registry.statements.get(digest)
