"""From a query to a set of items. Sets are made block by block, and only where what is known already leaves a chance.

The rarest condition of an AND goes first; those that follow read only blocks in which something is left. Conditions on
words and values read postings, those on numbers read chunks of numbers. A prefix or range of more than ``WIDE`` terms
reads documents instead, those that are still in question.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from operator import ge, gt, le, lt
from typing import Any, Protocol

from sqlalchemy import ColumnElement, Connection, Integer, Select, bindparam, select

from herdbook.model import query as q
from herdbook.model.query_match import WORDS
from herdbook.stores.sql import index_hashes
from herdbook.stores.sql.index_ask import Ask
from herdbook.stores.sql.index_blocks import BLOCK, unpack_ids
from herdbook.stores.sql.index_tables import terms
from herdbook.stores.sql.index_terms import BY_PAIRS
from herdbook.stores.sql.index_view import View

PRESENCE = "?"
"""The field under which the index keeps, for itself, which fields a document has; the empty value is every document."""

WIDE = 2048
"""More terms than these are looked for in documents, not in postings."""

_DOCUMENT_US, _PROBE_US = 5, 1  # what it takes to look into a document, and to find a posting

_COMPARE: dict[str, Callable[[Any, Any], Any]] = {">=": ge, ">": gt, "<": lt, "<=": le}


def _within(low: str, high: str) -> list[ColumnElement[bool]]:
    """Return the conditions of a range of values of a field; without an end when ``high`` is empty."""
    found = [terms.c.field == bindparam("field"), _COMPARE[low](terms.c.value, bindparam("low"))]
    return [*found, _COMPARE[high](terms.c.value, bindparam("high"))] if high else found


def _ranges(select_: Select[*tuple[Any, ...]], *names: str) -> dict[tuple[str, str], Ask]:
    return {
        (low, high): Ask(
            partial(_range_of, select_, low, high), *(("field", "low", "high")[: 3 if high else 2]), *names
        )
        for low in (">=", ">")
        for high in ("<", "<=", "")
    }


def _range_of(select_: Select[*tuple[Any, ...]], low: str, high: str, _: object) -> Select[*tuple[Any, ...]]:
    return select_.where(*_within(low, high))


_RANGES = _ranges(select(terms.c.id, terms.c.count).limit(bindparam("most", type_=Integer)), "most")
_RANGE_IDS = _ranges(select(terms.c.id))


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
    ids: Sequence[int]
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
        asked = view.span.blocks * BLOCK if mask is None else mask.bit_count()
        if asked * _DOCUMENT_US > len(self.ids) * _PROBE_US:
            return view.postings(sorted(self.ids), mask)
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
        for field, value, id_, count in BY_PAIRS.among(self._connection, sorted(wanted)):
            self._known[field, value] = id_, count

    def _terms(self, keys: list[tuple[str, str]]) -> Node:
        found = {self._known[key] for key in keys if key in self._known}
        return _Terms(sorted(id_ for id_, _ in found), sum(count for _, count in found))

    def _node(self, expression: q.Expression) -> Node:
        match expression:
            case q.All():
                return _Every(self._total)
            case q.Word() | q.Is() | q.Has():
                return self._terms(list(_exact(expression)))
            case q.WordPrefix(prefix):
                return self._beginning(WORDS, prefix)
            case q.Begins(field, prefix):
                return self._beginning(field, prefix)
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

    def _range(self, field: str, low: tuple[str, str], high: tuple[str, str] | None) -> Node:
        """Terms of a field between two bounds, each a comparison and a text."""
        bounds = (field, low[1], high[1]) if high else (field, low[1])
        operators = (low[0], high[0] if high else "")
        rows = _RANGES[operators].rows(self._connection, *bounds, WIDE + 1)
        if len(rows) > WIDE:
            ids = _RANGE_IDS[operators].rows(self._connection, *bounds)
            return _Wide(frozenset(id_ for (id_,) in ids), self._total)
        return _Terms(sorted(id_ for id_, _ in rows), min(self._total, sum(count for _, count in rows)))

    def _beginning(self, field: str, prefix: str) -> Node:
        after = _after_all(prefix)
        return self._range(field, (">=", prefix), None if after is None else ("<", after))

    def _text(self, of: q.Text) -> Node:
        match of.compare:
            case q.Compare.LESS | q.Compare.LESS_EQUAL:
                return self._range(of.field, (">=", ""), (of.compare.value, of.value))
            case q.Compare.GREATER | q.Compare.GREATER_EQUAL:
                return self._range(of.field, (of.compare.value, of.value), None)
            case q.Compare.EQUAL:
                return self._range(of.field, (">=", of.value), ("<=", of.value))

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
            node = self._beginning(field, text)
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
