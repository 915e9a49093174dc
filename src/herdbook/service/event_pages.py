"""Events in order, in pages that hold a bounded number of bytes."""

from __future__ import annotations

from collections.abc import Iterator

from herdbook.model.rows import EventRow
from herdbook.ports.catalogue import JournalReader

PAGE_BYTES = 8 * 2**20
MAX_PAGE = 1000


def events(tx: JournalReader, namespace: str, after: int = 0) -> Iterator[list[EventRow]]:
    """Yield pages of events with ``seq > after``: many small ones, or few that are large (up to 32 MiB each)."""
    limit = 1
    while rows := tx.events(namespace, after, limit):
        yield rows
        after = rows[-1].seq
        mean = sum(len(row.body) for row in rows) / len(rows)
        limit = max(1, min(MAX_PAGE, 16 * limit, int(PAGE_BYTES / mean)))
