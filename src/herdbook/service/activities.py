"""The noun ``activities``."""

from __future__ import annotations

from collections.abc import Iterable

from herdbook.kernel.errors import ConflictError, MissingError
from herdbook.model.activities import Activity, ActivityEntry
from herdbook.model.pages import Page
from herdbook.ports.catalogue import Reader
from herdbook.service import bodies, entitlement, journal, links, prefixes
from herdbook.service.context import Context
from herdbook.service.paging import after_digest, check_limit
from herdbook.service.runs import Runs


class Activities:
    """Activities, as the façade gives them."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def register(self, namespace: str, activity: Activity) -> ActivityEntry:
        """Write down an activity that ended."""
        with self._context.catalogue.write() as tx:
            entitlement.check_parts(self._context, tx, namespace, [activity])
            draft = journal.draft_for(self._context, tx, namespace)
            runs = Runs(self._context, tx, draft)
            runs.preload([activity])
            digest = runs.add(activity)
            draft.commit()
            return entries(tx, [digest])[0]

    def get(self, reference: str) -> ActivityEntry:
        """Return an activity by record digest, or by ``scheme:value`` of one of its ids."""
        with self._context.catalogue.read() as tx:
            if digest := prefixes.whole(tx, reference, Activity):
                found = entries(tx, [digest])
            else:
                found = entries(tx, sorted(links.called(tx, [reference]).get(reference, ())))
        if not found:
            raise MissingError(
                f"there is no activity {reference!r} here",
                code="no-activity",
                hint="`herdbook activity list` shows them.",
            )
        if len(found) > 1:
            raise ConflictError(
                f"{reference!r} fits {len(found)} activities",
                code="ambiguous",
                hint="Write one of: " + ", ".join(entry.record for entry in found),
            )
        return found[0]

    def list(self, *, kind: str = "", cursor: str | None = None, limit: int = 50) -> Page[ActivityEntry]:
        """Return activities."""
        check_limit(limit)
        with self._context.catalogue.read() as tx:
            found = _heads(tx, after_digest(cursor), limit + 1, kind)
            items = entries(tx, found[:limit])
        return Page(items=tuple(items), cursor=found[limit - 1] if len(found) > limit else None)


def _heads(tx: Reader, after: str, count: int, kind: str) -> list[str]:
    """Return so many activities by digest, without those that a fuller telling of the same run resolves."""
    found: list[str] = []
    while len(found) < count and (page := tx.activities(after=after, limit=count, kind=kind)):
        found += links.heads(tx, page)
        after = page[-1]
    return found[:count]


def entries(tx: Reader, records: Iterable[str]) -> list[ActivityEntry]:
    """Return the entries of records, in their order."""
    records = list(records)
    values = bodies.load(tx, records)
    known = tx.known(records)
    return [
        ActivityEntry(
            record=record, activity=value, namespaces=tuple(sorted(name for name, _ in known.get(record, ())))
        )
        for record in records
        if isinstance(value := values.get(record), Activity)
    ]
