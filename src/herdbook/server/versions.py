"""The noun ``versions`` over HTTP."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query

from herdbook.model.dossiers import Dossier
from herdbook.model.lineage import Impact, Lineage
from herdbook.model.pages import DEFAULT_LIMIT, Page
from herdbook.model.query import Order
from herdbook.model.versions import Entry, Registered
from herdbook.ports.registry import Registry
from herdbook.server.calls import Calls
from herdbook.server.parameters import Cursor, Limit, Model, Reference
from herdbook.wire import versions as wire

router = Calls("versions")

Asking = Annotated[
    str,
    Query(description="What is looked for, in the query language; empty: everything.", examples=["tau AND files = 2"]),
]
AsOf = Annotated[int | None, Query(description="The sequence of an event: as it was then.")]


@router.answers(wire.GET)
def get(registry: Registry, reference: Reference, as_of: AsOf = None) -> Entry:
    """Return the version that a reference means; `chosen` says what a bare name was taken for."""
    return registry.versions.get(reference, as_of=as_of)


@router.answers(wire.LIST)
def list_(registry: Registry, model: Model, cursor: Cursor = None, limit: Limit = DEFAULT_LIMIT) -> Page[Entry]:
    """Return the versions of a model, newest first."""
    return registry.versions.list(model, cursor=cursor, limit=limit)


@router.answers(wire.SEARCH)
def search(
    registry: Registry,
    query: Asking = "",
    order: Annotated[Order, Query(description="In which order they come.")] = Order.NEWEST,
    cursor: Cursor = None,
    limit: Limit = DEFAULT_LIMIT,
    total: Annotated[bool, Query(description="Whether all matches are to be counted.")] = False,
) -> Page[Entry]:
    """Return versions that match a query."""
    return registry.versions.search(query, order=order, cursor=cursor, limit=limit, total=total)


@router.answers(wire.FACETS)
def facets(
    registry: Registry,
    fields: Annotated[
        list[str], Query(description="A field of the query language; may be repeated.", examples=[["format"]])
    ],
    query: Asking = "",
    limit: Annotated[int, Query(ge=1, le=1000, description="How many values of each field.")] = 10,
) -> dict[str, list[tuple[str, int]]]:
    """Return, for each field, the most common values among what matches, with counts."""
    return {name: list(values) for name, values in registry.versions.facets(query, fields, limit=limit).items()}


@router.answers(wire.DOSSIER)
def dossier(registry: Registry, reference: Reference) -> Dossier:
    """Return a version with all that is currently said about it."""
    return registry.versions.dossier(reference)


@router.answers(wire.TRACE)
def trace(
    registry: Registry,
    reference: Annotated[str, Query(description="A version, or a dataset or activity by digest or `scheme:value`.")],
    direction: Annotated[
        str,
        Query(
            description="`up`: where it comes from; `down`: what came of it.",
            json_schema_extra={"enum": ["up", "down"]},
        ),
    ] = "up",
    depth: Annotated[int, Query(ge=0, le=1000, description="How many steps.")] = 50,
    limit: Annotated[int, Query(ge=1, le=100_000, description="How many nodes; what is cut off is counted.")] = 1000,
) -> Lineage:
    """Return where a version, dataset or activity comes from, or what came of it."""
    return registry.versions.trace(reference, direction=direction, depth=depth, limit=limit)


@router.answers(wire.IMPACT)
def impact(
    registry: Registry,
    reference: Annotated[str, Query(description="A version, or a dataset or activity by digest or `scheme:value`.")],
    cursor: Cursor = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Impact:
    """Return all that descends from a version, dataset or activity: models, versions, releases."""
    return registry.versions.impact(reference, cursor=cursor, limit=limit)


@router.answers(wire.RECORD)
def record(registry: Registry, asked: wire.Record) -> list[Registered]:
    """Register versions whose bytes were put before, with everything that is said with them. Idempotent."""
    return list(registry.versions.record(asked.registrations, batch=asked.batch))


@router.answers(wire.UNDO)
def undo(registry: Registry, asked: wire.Undo) -> Registered:
    """Withdraw a mistaken registration and clear its labels, which may then be set once more."""
    return registry.versions.undo(asked.reference, reason=asked.reason)
