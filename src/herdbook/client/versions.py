"""The noun ``versions`` over HTTP."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike

from herdbook.client.calls import Calls, asked
from herdbook.kernel.errors import InvalidError
from herdbook.kernel.names import Reference
from herdbook.model.dossiers import Dossier
from herdbook.model.lineage import Impact, Lineage
from herdbook.model.pages import Page
from herdbook.model.query import Order
from herdbook.model.registrations import Registration
from herdbook.model.statements import Said
from herdbook.model.versions import Entry, Registered
from herdbook.ports.blobs import Progress
from herdbook.ports.registry import Registry
from herdbook.service import intake
from herdbook.wire import versions as wire


class Versions:
    """Versions, as the façade gives them."""

    def __init__(self, calls: Calls, registry: Registry) -> None:
        self._calls = calls
        self._registry = registry

    def record(self, registrations: Sequence[Registration], *, batch: bool = False) -> list[Registered]:
        """Register versions in one event for each namespace."""
        told = {"batch": True} if batch else {}
        return self._calls.post(wire.RECORD, asked(wire.Record, registrations=tuple(registrations), **told))

    def register(
        self,
        reference: str,
        *given: str | PathLike[str],
        datasets: Sequence[str] = (),
        parent: str | None = None,
        activity: Mapping[str, object] | None = None,
        statements: Sequence[Said] = (),
        description: Mapping[str, object] | None = None,
        profile: Mapping[str, object] | None = None,
        progress: Progress | None = None,
    ) -> Registered:
        """Register a folder, or files, under ``MODEL:LABEL``; ``service.intake`` explains the arguments."""
        wanted = intake.Wanted(datasets, parent, activity, statements, description, profile)
        return intake.register(self._registry, reference, given, wanted, progress=progress)

    def get(self, reference: str, *, as_of: int | None = None) -> Entry:
        """Return the version that a reference means."""
        entry, date = self._calls.get_dated(wire.GET, reference=reference, as_of=as_of)
        return entry if as_of is not None else _as_of_cache(entry, reference, date)

    def list(self, model: str, *, cursor: str | None = None, limit: int = 50) -> Page[Entry]:
        """Return the versions of a model, newest first."""
        return self._calls.get(wire.LIST, model=model, cursor=cursor, limit=limit)

    def search(
        self,
        query: str = "",
        *,
        order: Order = Order.NEWEST,
        cursor: str | None = None,
        limit: int = 50,
        total: bool = False,
    ) -> Page[Entry]:
        """Return versions that match."""
        return self._calls.get(
            wire.SEARCH,
            query=query or None,
            order=None if order is Order.NEWEST else order,
            cursor=cursor,
            limit=limit,
            total=total or None,
        )

    def facets(self, query: str, fields: Sequence[str], *, limit: int = 10) -> dict[str, Sequence[tuple[str, int]]]:
        """Return the most common values of fields among what matches."""
        found = self._calls.get(wire.FACETS, query=query or None, fields=list(fields), limit=limit)
        return {**found}

    def dossier(self, reference: str) -> Dossier:
        """Return a version with all that is currently said about it."""
        dossier, date = self._calls.get_dated(wire.DOSSIER, reference=reference)
        if not date:
            return dossier
        warning = f"this is how it stood at {date}, in the cache: what was said since is not in it"
        entry = _as_of_cache(dossier.entry, reference, date)
        return dossier.model_copy(update={"entry": entry, "warnings": (*dossier.warnings, warning)})

    def trace(self, reference: str, *, direction: str = "up", depth: int = 50, limit: int = 1000) -> Lineage:
        """Return where it comes from, or what came of it."""
        return self._calls.get(wire.TRACE, reference=reference, direction=direction, depth=depth, limit=limit)

    def impact(self, reference: str, *, cursor: str | None = None, limit: int = 50) -> Impact:
        """Return all that descends from it."""
        return self._calls.get(wire.IMPACT, reference=reference, cursor=cursor, limit=limit)

    def undo(self, reference: str, *, reason: str) -> Registered:
        """Withdraw a mistaken registration and clear its labels; of several labels, only the one that is named."""
        return self._calls.post(wire.UNDO, asked(wire.Undo, reference=reference, reason=reason))


def _as_of_cache(entry: Entry, reference: str, date: str) -> Entry:
    """Return the entry; where a name that moves was asked of the cache, ``chosen`` says so."""
    if not date or not _moves(reference):
        return entry
    said = f"{reference} led to {entry.reference} at {date}, in the cache; it may have moved since"
    return entry.model_copy(update={"chosen": said})


def _moves(reference: str) -> bool:
    try:
        named = Reference.parse(reference)
    except InvalidError:
        return True
    return not (named.label or named.ordinal or named.digest)
