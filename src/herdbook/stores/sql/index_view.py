"""What the index holds within some blocks: postings, numbers, documents, each read only where it can matter."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property

from sqlalchemy import Connection, bindparam, select

from herdbook.stores.sql.index_ask import Ask, Row
from herdbook.stores.sql.index_blocks import BLOCK, CHUNK, Span, ascending
from herdbook.stores.sql.index_tables import documents, numbers, postings

_FEW = 64

_block_between = postings.c.block.between(bindparam("first"), bindparam("last"))
_posting = select(postings.c.block, postings.c.data)
_one = _posting.where(postings.c.term == bindparam("term"))
_ONE_RANGE = Ask(lambda _: _one.where(_block_between), "term", "first", "last")
_ONE_FEW = Ask(lambda blocks: _one.where(postings.c.block.in_(blocks)), "term")
_SOME_RANGE = Ask(lambda ids: _posting.where(postings.c.term.in_(ids), _block_between), "first", "last")

_number = select(numbers.c.chunk, numbers.c.data).where(
    numbers.c.field == bindparam("field"), numbers.c.low <= bindparam("most"), numbers.c.high >= bindparam("least")
)
_NUMBER_RANGE = Ask(
    lambda _: _number.where(numbers.c.chunk.between(bindparam("first"), bindparam("last"))),
    "field", "least", "most", "first", "last",
)  # fmt: skip
_NUMBER_FEW = Ask(lambda chunks: _number.where(numbers.c.chunk.in_(chunks)), "field", "least", "most")

_document = select(documents.c.item, documents.c.terms)
_DOCUMENT_RANGE = Ask(
    lambda _: _document.where(documents.c.item.between(bindparam("first"), bindparam("last"))), "first", "last"
)
_DOCUMENT_FEW = Ask(lambda items: _document.where(documents.c.item.in_(items)))


class View:
    """The index within a span."""

    def __init__(self, connection: Connection, span: Span, every: int) -> None:
        self.connection = connection
        self.span = span
        self._every = every

    @cached_property
    def all(self) -> int:
        """Every document."""
        return self.postings([self._every], None)

    def postings(self, ids: Sequence[int], mask: int | None) -> int:
        """Return the items that have one of these terms, within the mask."""
        if not ids or mask == 0:
            return 0
        first, last = self.span.first, self.span.first + self.span.blocks - 1
        rows: Iterable[Row]
        if mask is None:
            blocks = None
        else:
            blocks = self.span.active(mask)
            first, last = blocks[0], blocks[-1]
        if len(ids) > 1:
            rows = _SOME_RANGE.among(self.connection, ids, first, last)
        elif blocks is not None and 2 * len(blocks) < last - first and len(blocks) <= _FEW:
            rows = _ONE_FEW.among(self.connection, blocks, ids[0])
        else:
            rows = _ONE_RANGE.rows(self.connection, ids[0], first, last)
        found = self.span.of_postings(rows)
        return found if mask is None else found & mask

    def between(self, field: str, least: float, most: float, mask: int | None) -> int:
        """Return the items that have a number from ``least`` to ``most`` in a field, within the mask."""
        if mask == 0:
            return 0
        if mask is None:
            first, last = self.span.low // CHUNK, self.span.high // CHUNK
            rows = _NUMBER_RANGE.rows(self.connection, field, least, most, first, last)
            return self.span.of_numbers(rows, least, most, None)
        chunks = self.span.active(mask, CHUNK)
        found: Iterable[Row]
        if 4 * len(chunks) < chunks[-1] - chunks[0]:
            found = _NUMBER_FEW.among(self.connection, chunks, field, least, most)
        else:
            found = _NUMBER_RANGE.rows(self.connection, field, least, most, chunks[0], chunks[-1])
        return self.span.of_numbers(found, least, most, mask)

    def documents(self, mask: int | None) -> Iterable[Row]:
        """Return (item, packed terms) of documents: those within the mask, and perhaps more."""
        if mask is None or mask.bit_count() * 4 > self.span.blocks * BLOCK:
            return _DOCUMENT_RANGE.rows(self.connection, self.span.low, self.span.high)
        return _DOCUMENT_FEW.among(self.connection, [self.span.low + offset for offset in ascending(mask)])
