"""A query over the index as it is now, walked span by span until enough was found."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection, func, select

from herdbook.model.query import Expression
from herdbook.stores.sql.index_blocks import BLOCK, Span, ascending, descending
from herdbook.stores.sql.index_plan import PRESENCE, Planner, View
from herdbook.stores.sql.index_tables import documents, terms

_GROW = 8
_LAST = select(func.max(documents.c.item))
_EVERY = select(terms.c.id, terms.c.count).where(terms.c.field == PRESENCE, terms.c.value == "")


class Look:
    """A query over the index as it is now."""

    def __init__(self, connection: Connection, query: Expression) -> None:
        self.query = query
        self.connection = connection
        row = connection.execute(_EVERY).one_or_none()
        self.every: int = row[0] if row else 0
        self.total: int = row[1] if row else 0
        self.last = (connection.execute(_LAST).scalar_one() or 0) if self.total else -1
        self.node = Planner(connection, self.total).plan(query)

    def bits(self, span: Span) -> int:
        """Return what matches within a span."""
        return self.node.bits(View(self.connection, span, self.every), None)

    def whole(self) -> tuple[Span, int]:
        """Return the span of all items, and what matches."""
        span = Span(0, self.last // BLOCK + 1)
        return span, self.bits(span) if self.total else 0

    def _first_blocks(self, wanted: int) -> int:
        """Return in how many blocks as many as wanted may be found, were matches spread evenly."""
        density = max(1, min(self.node.estimate, self.total)) / max(1, self.last // BLOCK + 1)
        return int(max(1, min(round(2 * wanted / density), self.last // BLOCK + 1)))

    def spans_down(self, last: int, wanted: int) -> Iterator[Span]:
        """Yield spans that together hold all items up to ``last``, the newest first, ever longer."""
        end, size = last // BLOCK + 1, self._first_blocks(wanted)
        while end > 0:
            size = min(size, end)
            yield Span(end - size, size)
            end, size = end - size, size * _GROW

    def newest(self, before: int | None, wanted: int) -> Iterator[int]:
        """Yield items that match, the highest first, below ``before``; prepared for as many as are wanted."""
        last = self.last if before is None else min(self.last, before - 1)
        for span in self.spans_down(last, wanted):
            bits = self.bits(span)
            if span.high > last:
                bits &= (1 << (last + 1 - span.low)) - 1
            yield from (span.low + offset for offset in descending(bits))

    def oldest(self, after: int | None, wanted: int) -> Iterator[int]:
        """Yield items that match, the lowest first, above ``after``; prepared for as many as are wanted."""
        first = 0 if after is None else after + 1
        block, size = first // BLOCK, self._first_blocks(wanted)
        while block <= self.last // BLOCK and first <= self.last:
            span = Span(block, min(size, self.last // BLOCK + 1 - block))
            bits = self.bits(span)
            if span.low < first:
                bits = bits >> (first - span.low) << (first - span.low)
            yield from (span.low + offset for offset in ascending(bits))
            block, size = block + span.blocks, size * _GROW
