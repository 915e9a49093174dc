"""The noun ``versions``: register, get, list, search, trace, undo."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike

from herdbook.kernel.errors import ConflictError, InvalidError
from herdbook.kernel.names import Reference, namespace_of
from herdbook.model import pointers
from herdbook.model.dossiers import Dossier
from herdbook.model.lineage import Impact, Lineage
from herdbook.model.pages import Page
from herdbook.model.query import Order, find_field
from herdbook.model.query_parser import parse
from herdbook.model.registrations import Registration
from herdbook.model.statements import Said, Subject
from herdbook.model.versions import Entry, Registered
from herdbook.ports.blobs import Progress
from herdbook.ports.registry import Registry
from herdbook.service import currency, dossiers, impact, intake, journal, lineage, references, touched
from herdbook.service import registrations as registering
from herdbook.service import statements as statements_
from herdbook.service.context import Context
from herdbook.service.entries import entries
from herdbook.service.paging import check_limit, position

COUNT_CAP = 10_000


class Versions:
    """Versions, as the façade gives them."""

    def __init__(self, context: Context, registry: Registry) -> None:
        self._context = context
        self._registry = registry

    def record(self, registrations: Sequence[Registration], *, batch: bool = False) -> list[Registered]:
        """Register versions in one event for each namespace."""
        return registering.record(self._context, registrations, batch=batch)

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
        with self._context.catalogue.read() as tx:
            return references.resolve(tx, reference, as_of)

    def list(self, model: str, *, cursor: str | None = None, limit: int = 50) -> Page[Entry]:
        """Return the versions of a model, newest first."""
        check_limit(limit)
        with self._context.catalogue.read() as tx:
            exact, _ = references.follow(tx, model)
            rows = tx.versions(exact, after=position(cursor), limit=limit + 1, newest_first=True)
            page = entries(tx, rows[:limit])
            total = tx.last_ordinals([exact]).get(exact, 0)
        more = str(rows[limit - 1].ordinal) if len(rows) > limit else None
        return Page(items=tuple(page), cursor=more, total=total)

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
        check_limit(limit)
        expression = parse(query)
        with self._context.catalogue.read() as tx:
            found = tx.search(expression, order, cursor or "", limit + 1)
            rows = tx.items(item for item, _ in found[:limit])
            page = entries(tx, [rows[item] for item, _ in found[:limit]])
            count = tx.count(expression, COUNT_CAP) if total else None
        more = found[limit - 1][1] if len(found) > limit else None
        return Page(items=tuple(page), cursor=more, total=count, total_is_exact=count is None or count < COUNT_CAP)

    def facets(self, query: str, fields: Sequence[str], *, limit: int = 10) -> dict[str, Sequence[tuple[str, int]]]:
        """Return the most common values of fields among what matches."""
        expression = parse(query)
        for field in fields:
            if find_field(field) is None:
                raise InvalidError(
                    f"there is no field {field!r}", code="unknown-field", hint="docs/reference/query.md lists them."
                )
        with self._context.catalogue.read() as tx:
            return {field: tx.facets(expression, field, limit) for field in fields}

    def dossier(self, reference: str) -> Dossier:
        """Return a version with all that is currently said about it."""
        with self._context.catalogue.read() as tx:
            return dossiers.dossier(tx, self._context.blobs, references.resolve(tx, reference))

    def trace(self, reference: str, *, direction: str = "up", depth: int = 50, limit: int = 1000) -> Lineage:
        """Return where it comes from, or what came of it."""
        with self._context.catalogue.read() as tx:
            return lineage.walk(tx, reference, direction, depth=depth, limit=limit)

    def impact(self, reference: str, *, cursor: str | None = None, limit: int = 50) -> Impact:
        """Return all that descends from it."""
        with self._context.catalogue.read() as tx:
            return impact.impact(tx, reference, cursor=cursor, limit=limit)

    def undo(self, reference: str, *, reason: str) -> Registered:
        """Withdraw a mistaken registration and clear its labels; of several labels, only the one that is named."""
        with self._context.catalogue.write() as tx:
            entry = references.resolve(tx, reference)
            if entry.chosen:
                raise InvalidError(
                    f"{reference!r} does not say which version", code="bad-reference", hint=f"Write {entry.reference}."
                )
            if entry.withdrawn and not entry.labels:
                raise ConflictError(
                    f"{entry.reference} was withdrawn already", code="withdrawn", hint="Nothing to undo."
                )
            draft = journal.draft_for(self._context, tx, namespace_of(entry.model))
            meant = Reference.parse(reference).label.lower()
            mistaken = [label for label in entry.labels if label.lower() == meant]
            if mistaken and len(entry.labels) > 1:  # the version has a name that nobody called a mistake
                said = Said(type="herdbook/note/1", subject=(Subject(name=entry.model),), body={"text": reason})
            else:
                mistaken = list(entry.labels)
                said = Said(
                    type=currency.WITHDRAWAL,
                    subject=(Subject(record=entry.record),),
                    body={"reason": reason, "registrations": [f"{entry.model}@{entry.ordinal}"]},
                )
            made = statements_.make(self._context, tx, draft, [said])
            for label in mistaken:
                pointer = pointers.label_pointer(entry.model, label)
                draft.point(pointer, frm=entry.record, reason=made[0].digest)
            draft.touched |= touched.items_of(tx, [entry.record])
            rows = draft.commit()
            return Registered(
                model=entry.model,
                ordinal=entry.ordinal,
                record=entry.record,
                outcome="extended",
                journal=draft.head.journal,
                seq=draft.head.seq,
                event=rows[-1].digest if rows else None,
                statements=(made[0].digest,),
            )
