"""The noun ``datasets`` over HTTP."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query

from herdbook.model.datasets import DatasetEntry
from herdbook.model.pages import DEFAULT_LIMIT, Page
from herdbook.ports.registry import Registry
from herdbook.server.calls import Calls
from herdbook.server.parameters import Cursor, Limit
from herdbook.wire import datasets as wire

router = Calls("datasets")


@router.answers(wire.REGISTER)
def register(registry: Registry, asked: wire.Register) -> DatasetEntry:
    """Make a dataset known in a namespace. Idempotent."""
    return registry.datasets.register(asked.namespace, asked.dataset, asked.statements)


@router.answers(wire.LIST)
def list_(
    registry: Registry,
    prefix: Annotated[str, Query(description="How `scheme:value` begins; empty: all.", examples=["cms-dbs:/TT"])] = "",
    cursor: Cursor = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Page[DatasetEntry]:
    """Return datasets."""
    return registry.datasets.list(prefix, cursor=cursor, limit=limit)


@router.answers(wire.GET)
def get(
    registry: Registry,
    reference: Annotated[str, Query(description="The digest of its record, or its beginning, or `scheme:value`.")],
) -> DatasetEntry:
    """Return a dataset."""
    return registry.datasets.get(reference)
