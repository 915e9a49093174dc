"""From a query to a set of items. Sets are made block by block, and only where what is known already leaves a chance.

The rarest condition of an AND goes first; those that follow read only blocks in which something is left. Conditions on
words and values read postings, those on numbers read chunks of numbers. A prefix or range of more than ``WIDE`` terms
reads documents instead, those that are still in question.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from sqlalchemy import Connection, Select, and_, bindparam, select

from herdbook.model import query as q
from herdbook.model.query_match import WORDS
from herdbook.stores.sql import index_hashes
from herdbook.stores.sql.index_blocks import BLOCK, CHUNK, Span, ascending, unpack_ids
from herdbook.stores.sql.index_tables import documents, numbers, postings, terms

PRESENCE = "?"
"""The field under which the index keeps, for itself, which fields a document has; the empty value is every document."""

WIDE = 2048
"""More terms than these are looked for in documents, not in postings."""

_IN = 500
_FEW = 24

_term_is = postings.c.term == bindparam("term")
_terms_are = postings.c.term.in_(bindparam("terms", expanding=True))
_block_between = postings.c.block.between(bindparam("first"), bindparam("last"))
_blocks_are = postings.c.block.in_(bindparam("blocks", expanding=True))
_posting = select(postings.c.block, postings.c.data)
_ONE_RANGE = _posting.where(_term_is, _block_between)
_ONE_FEW = _posting.where(_term_is, _blocks_are)
_SOME_RANGE = _posting.where(_terms_are, _block_between)
_SOME_FEW = _posting.where(_terms_are, _blocks_are)

_number = select(numbers.c.chunk, numbers.c.data).where(
    numbers.c.field == bindparam("field"), numbers.c.low <= bindparam("most"), numbers.c.high >= bindparam("least")
)
_NUMBER_RANGE = _number.where(numbers.c.chunk.between(bindparam("first"), bindparam("last")))
_NUMBER_FEW = _number.where(numbers.c.chunk.in_(bindparam("chunks", expanding=True)))

_document = select(documents.c.item, documents.c.terms)
_DOCUMENT_RANGE = _document.where(documents.c.item.between(bindparam("first"), bindparam("last")))
_DOCUMENT_FEW = _document.where(documents.c.item.in_(bindparam("items", expanding=True)))

_EXACT = select(terms.c.id, terms.c.value, terms.c.count).where(
    terms.c.field == bindparam("field"), terms.c.value.in_(bindparam("values", expanding=True))
)


class View:
    """The index within a span."""

    def __init__(self, connection: Connection, span: Span, every: int) -> None:
        self.connection = connection
        self.span = span
        self._every = every

    @cached_property
    def all(self) -> int:
        """Every document."""
        return self.postings((self._every,), None)

    def postings(self, ids: tuple[int, ...], mask: int | None) -> int:
        """Return the items that have one of these terms, within the mask."""
        if not ids or mask == 0:
            return 0
        blocks = None if mask is None else self.span.active(mask)
        params: dict[str, object]
        if blocks is not None and len(blocks) <= _FEW:
            one, some, params = _ONE_FEW, _SOME_FEW, {"blocks": blocks}
        else:
            first, last = (
                (blocks[0], blocks[-1]) if blocks else (self.span.first, self.span.first + self.span.blocks - 1)
            )
            one, some, params = _ONE_RANGE, _SOME_RANGE, {"first": first, "last": last}
        if len(ids) == 1:
            found = self.span.of_postings(self.connection.execute(one, {"term": ids[0], **params}))
        else:
            found = self.span.of_postings(self._rows(some, ids, params))
        return found if mask is None else found & mask

    def _rows(
        self, statement: Select[int, bytes], ids: tuple[int, ...], params: dict[str, object]
    ) -> Iterator[tuple[int, bytes]]:
        for start in range(0, len(ids), _IN):
            yield from self.connection.execute(statement, {"terms": ids[start : start + _IN], **params})

    def between(self, field: str, least: float, most: float, mask: int | None) -> int:
        """Return the items that have a number from ``least`` to ``most`` in a field, within the mask."""
        if mask == 0:
            return 0
        params: dict[str, object] = {"field": field, "least": least, "most": most}
        chunks = None if mask is None else self.span.active(mask, CHUNK)
        if chunks is not None and len(chunks) <= _IN:
            rows = self.connection.execute(_NUMBER_FEW, {**params, "chunks": chunks})
        else:
            params |= {"first": self.span.low // CHUNK, "last": self.span.high // CHUNK}
            rows = self.connection.execute(_NUMBER_RANGE, params)
        found = self.span.of_numbers(rows, least, most)
        return found if mask is None else found & mask

    def documents(self, mask: int | None) -> Iterator[tuple[int, bytes]]:
        """Yield (item, packed terms) of documents within the mask."""
        count = math.inf if mask is None else mask.bit_count()
        if mask is None or count * 4 > self.span.blocks * BLOCK:
            params = {"first": self.span.low, "last": self.span.high}
            for item, data in self.connection.execute(_DOCUMENT_RANGE, params):
                yield item, data
            return
        items = [self.span.low + offset for offset in ascending(mask)]
        for start in range(0, len(items), _IN):
            for item, data in self.connection.execute(_DOCUMENT_FEW, {"items": items[start : start + _IN]}):
                yield item, data


class Node(Protocol):
    """A condition: roughly how many items it has, how dear a look is, and its set within a view."""

    @property
    def estimate(self) -> int:
        """How many items it may have."""
        ...

    @property
    def rank(self) -> int:
        """Lower goes first: 0 postings, 1 numbers and negations, 2 documents."""
        ...

    def bits(self, view: View, mask: int | None) -> int:
        """Return the set, within the mask when there is one."""
        ...


@dataclass(frozen=True, slots=True)
class _Terms:
    ids: tuple[int, ...]
    estimate: int
    rank: int = 0

    def bits(self, view: View, mask: int | None) -> int:
        return view.postings(self.ids, mask)


@dataclass(frozen=True, slots=True)
class _Every:
    estimate: int
    rank: int = 0

    def bits(self, view: View, mask: int | None) -> int:
        return view.all if mask is None else mask


@dataclass(frozen=True, slots=True)
class _Items:
    items: tuple[int, ...]
    rank: int = 0

    @property
    def estimate(self) -> int:
        return len(self.items)

    def bits(self, view: View, mask: int | None) -> int:
        found = view.span.of_items(self.items)
        return found & (view.all if mask is None else mask)


@dataclass(frozen=True, slots=True)
class _Wide:
    ids: frozenset[int]
    estimate: int
    rank: int = 2

    def bits(self, view: View, mask: int | None) -> int:
        if mask == 0:
            return 0
        found = view.span.of_items(
            item for item, data in view.documents(mask) if not self.ids.isdisjoint(unpack_ids(data))
        )
        return found if mask is None else found & mask


@dataclass(frozen=True, slots=True)
class _Number:
    field: str
    least: float
    most: float
    estimate: int
    rank: int = 1

    def bits(self, view: View, mask: int | None) -> int:
        return view.between(self.field, self.least, self.most, mask)


@dataclass(frozen=True, slots=True)
class _Not:
    of: Node
    estimate: int

    @property
    def rank(self) -> int:
        return max(1, self.of.rank)

    def bits(self, view: View, mask: int | None) -> int:
        base = view.all if mask is None else mask
        return base ^ self.of.bits(view, base)


@dataclass(frozen=True, slots=True)
class _And:
    of: tuple[Node, ...]

    @property
    def estimate(self) -> int:
        return min(part.estimate for part in self.of)

    @property
    def rank(self) -> int:
        return max(part.rank for part in self.of)

    def bits(self, view: View, mask: int | None) -> int:
        for part in self.of:
            mask = part.bits(view, mask)
            if not mask:
                return 0
        assert mask is not None
        return mask


@dataclass(frozen=True, slots=True)
class _Or:
    of: tuple[Node, ...]

    @property
    def estimate(self) -> int:
        return sum(part.estimate for part in self.of)

    @property
    def rank(self) -> int:
        return max(part.rank for part in self.of)

    def bits(self, view: View, mask: int | None) -> int:
        found = 0
        for part in self.of:
            found |= part.bits(view, mask)
        return found


class Planner:
    """Turns queries into nodes, with what the index holds now.

    Args:
        connection: one consistent look.
        total: how many documents there are.
    """

    def __init__(self, connection: Connection, total: int) -> None:
        self._connection = connection
        self._total = total
        self._known: dict[tuple[str, str], tuple[int, int]] = {}

    def plan(self, expression: q.Expression) -> Node:
        """Return the node of a query."""
        self._look_up(set(_exact(expression)))
        return self._node(expression)

    def _look_up(self, wanted: set[tuple[str, str]]) -> None:
        fields: dict[str, list[str]] = {}
        for field, value in sorted(wanted):
            fields.setdefault(field, []).append(value)
        for field, values in fields.items():
            for start in range(0, len(values), _IN):
                params = {"field": field, "values": values[start : start + _IN]}
                for id_, value, count in self._connection.execute(_EXACT, params):
                    self._known[field, value] = id_, count

    def _terms(self, keys: list[tuple[str, str]]) -> Node:
        found = {self._known[key] for key in keys if key in self._known}
        return _Terms(tuple(sorted(id_ for id_, _ in found)), sum(count for _, count in found))

    def _node(self, expression: q.Expression) -> Node:
        match expression:
            case q.All():
                return _Every(self._total)
            case q.Word() | q.Is() | q.Has():
                return self._terms(list(_exact(expression)))
            case q.WordPrefix(prefix):
                return self._range(WORDS, prefix, _after_all(prefix))
            case q.Begins(field, prefix):
                return self._range(field, prefix, _after_all(prefix))
            case q.Text():
                return self._text(expression)
            case q.Number():
                return self._number(expression)
            case q.Hash():
                return self._hash(expression)
            case q.Not(of):
                part = self._node(of)
                return _Not(part, max(0, self._total - part.estimate))
            case q.And(of):
                parts = sorted(map(self._node, of), key=lambda part: (part.rank, part.estimate))
                return _And(tuple(parts)) if parts else _Every(self._total)
            case q.Or(of):
                return _Or(tuple(map(self._node, of)))

    def _range(
        self, field: str, low: str | None, high: str | None, *, low_open: bool = False, high_open: bool = True
    ) -> Node:
        """Terms of a field from ``low`` to ``high``."""
        within = [terms.c.field == field]
        if low is not None:
            within.append(terms.c.value > low if low_open else terms.c.value >= low)
        if high is not None:
            within.append(terms.c.value < high if high_open else terms.c.value <= high)
        rows = self._connection.execute(select(terms.c.id, terms.c.count).where(and_(*within))).all()
        ids = [row[0] for row in rows]
        estimate = min(self._total, sum(row[1] for row in rows))
        return _Wide(frozenset(ids), estimate) if len(ids) > WIDE else _Terms(tuple(sorted(ids)), estimate)

    def _text(self, of: q.Text) -> Node:
        match of.compare:
            case q.Compare.LESS:
                return self._range(of.field, None, of.value)
            case q.Compare.LESS_EQUAL:
                return self._range(of.field, None, of.value, high_open=False)
            case q.Compare.GREATER:
                return self._range(of.field, of.value, None, low_open=True)
            case q.Compare.GREATER_EQUAL:
                return self._range(of.field, of.value, None)
            case q.Compare.EQUAL:
                return self._range(of.field, of.value, of.value, high_open=False)

    def _number(self, of: q.Number) -> Node:
        least, most = {
            q.Compare.EQUAL: (of.value, of.value),
            q.Compare.LESS: (-math.inf, math.nextafter(of.value, -math.inf)),
            q.Compare.LESS_EQUAL: (-math.inf, of.value),
            q.Compare.GREATER: (math.nextafter(of.value, math.inf), math.inf),
            q.Compare.GREATER_EQUAL: (of.value, math.inf),
        }[of.compare]
        return _Number(of.field, least, most, self._total)

    def _hash(self, of: q.Hash) -> Node:
        parts: list[Node] = [_Items(tuple(index_hashes.items(self._connection, of)))]
        for field, text in index_hashes.spellings(of):
            node = self._range(field, text, _after_all(text))
            if node.estimate:
                parts.append(node)
        return parts[0] if len(parts) == 1 else _Or(tuple(parts))


def _exact(expression: q.Expression) -> Iterator[tuple[str, str]]:
    match expression:
        case q.Word(word):
            yield WORDS, word
        case q.Is(field, values):
            for value in values:
                yield field, value
        case q.Has(field):
            yield PRESENCE, field
        case q.Not(of):
            yield from _exact(of)
        case q.And(of) | q.Or(of):
            for part in of:
                yield from _exact(part)
        case _:
            return


def _after_all(prefix: str) -> str | None:
    """Return the least text that comes after all texts with this prefix; ``None`` when none does."""
    for place in range(len(prefix) - 1, -1, -1):
        code = ord(prefix[place]) + 1
        if code == 0xD800:  # surrogates are not characters
            code = 0xE000
        if code <= 0x10FFFF:
            return prefix[:place] + chr(code)
    return None
