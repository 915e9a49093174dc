"""The noun ``activities`` over HTTP."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query

from herdbook.model.activities import ActivityEntry
from herdbook.model.pages import DEFAULT_LIMIT, Page
from herdbook.ports.registry import Registry
from herdbook.server.calls import Calls
from herdbook.server.parameters import Cursor, Limit
from herdbook.wire import activities as wire

router = Calls("activities")


@router.answers(wire.REGISTER)
def register(registry: Registry, asked: wire.Register) -> ActivityEntry:
    """Write down an activity that ended. One with the same ids is answered with what is there."""
    return registry.activities.register(asked.namespace, asked.activity)


@router.answers(wire.LIST)
def list_(
    registry: Registry,
    kind: Annotated[str, Query(description="Only of this kind; empty: all.", examples=["training"])] = "",
    cursor: Cursor = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Page[ActivityEntry]:
    """Return activities."""
    return registry.activities.list(kind=kind, cursor=cursor, limit=limit)


@router.answers(wire.GET)
def get(
    registry: Registry,
    reference: Annotated[
        str, Query(description="The digest of its record, or its beginning, or `scheme:value` of one of its ids.")
    ],
) -> ActivityEntry:
    """Return an activity."""
    return registry.activities.get(reference)
