"""A query over the index as it is now, walked span by span until enough was found."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection, func, select

from herdbook.model.query import Expression
from herdbook.stores.sql.index_ask import Ask
from herdbook.stores.sql.index_blocks import BLOCK, Span, ascending, descending
from herdbook.stores.sql.index_plan import PRESENCE, Planner
from herdbook.stores.sql.index_tables import documents, terms
from herdbook.stores.sql.index_view import View

_GROW = 8
_LAST = Ask(lambda _: select(func.max(documents.c.item)))
_EVERY = Ask(lambda _: select(terms.c.id, terms.c.count).where(terms.c.field == PRESENCE, terms.c.value == ""))


class Look:
    """A query over the index as it is now."""

    def __init__(self, connection: Connection, query: Expression) -> None:
        self.query = query
        self.connection = connection
        self.every, self.total = next(iter(_EVERY.rows(connection)), (0, 0))
        self.last: int = (_LAST.rows(connection)[0][0] or 0) if self.total else -1
        self.node = Planner(connection, self.total).plan(query)

    def bits(self, span: Span) -> int:
        """Return what matches within a span."""
        return self.node.bits(View(self.connection, span, self.every), None)

    def whole(self) -> tuple[Span, int]:
        """Return the span of all items, and what matches."""
        span = Span(0, self.last // BLOCK + 1)
        return span, self.bits(span) if self.total else 0

    def walk_down(self, last: int, wanted: int) -> Iterator[tuple[Span, int]]:
        """Yield spans that together hold all items up to ``last``, the newest first, and what matches in each."""
        end, pace = last // BLOCK + 1, _Pace(self, wanted)
        while end > 0:
            span = Span(end - min(pace.size, end), min(pace.size, end))
            bits = self.bits(span)
            if span.high > last:
                bits &= (1 << (last + 1 - span.low)) - 1
            yield span, bits
            end = span.first
            pace.note(span, bits)

    def walk_up(self, first: int, wanted: int) -> Iterator[tuple[Span, int]]:
        """Yield spans that together hold all items from ``first`` on, the oldest first, and what matches in each."""
        block, pace = first // BLOCK, _Pace(self, wanted)
        while block <= self.last // BLOCK:
            span = Span(block, min(pace.size, self.last // BLOCK + 1 - block))
            bits = self.bits(span)
            if span.low < first:
                bits = bits >> (first - span.low) << (first - span.low)
            yield span, bits
            block += span.blocks
            pace.note(span, bits)

    def newest(self, before: int | None, wanted: int) -> Iterator[int]:
        """Yield items that match, the highest first, below ``before``; prepared for as many as are wanted."""
        for span, bits in self.walk_down(self.last if before is None else min(self.last, before - 1), wanted):
            yield from (span.low + offset for offset in descending(bits))

    def oldest(self, after: int | None, wanted: int) -> Iterator[int]:
        """Yield items that match, the lowest first, above ``after``; prepared for as many as are wanted."""
        for span, bits in self.walk_up(0 if after is None else after + 1, wanted):
            yield from (span.low + offset for offset in ascending(bits))


class _Pace:
    """How many blocks to take next: first by the planner's estimate, then by what was found, never much too far."""

    def __init__(self, look: Look, wanted: int) -> None:
        self._wanted = wanted
        self._found = self._seen = 0
        density = max(1, min(look.node.estimate, look.total)) / max(1, look.last // BLOCK + 1)
        self.size = max(1, round(1.5 * wanted / density))

    def note(self, span: Span, bits: int) -> None:
        self._found += bits.bit_count()
        self._seen += span.blocks
        longest = self._seen * _GROW
        missing = max(1, self._wanted - self._found)
        self.size = min(longest, 1 + round(1.5 * missing * self._seen / self._found)) if self._found else longest
