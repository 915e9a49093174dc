"""Facets: which values of a field are most common among what matches, with bounded work."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import islice

from sqlalchemy import Connection, Integer, bindparam, select

from herdbook.model.query import All
from herdbook.stores.sql.index_ask import Ask
from herdbook.stores.sql.index_blocks import descending, unpack_floats, unpack_ids
from herdbook.stores.sql.index_look import Look
from herdbook.stores.sql.index_plan import PRESENCE
from herdbook.stores.sql.index_tables import documents, terms
from herdbook.stores.sql.index_view import View

MAX_COUNTED = 10_000
"""So many matches at most, the newest ones, have their documents read for facets."""

_FEW_VALUES = 64  # a field of so few values is counted by its postings: exact, however many match
_SOME_VALUES = 20_000  # a field of so many is read whole; of one with more, the terms that count most are looked up

_LOOKED_UP = 2_000  # so few terms are looked up one by one
_NAMED = 500

_NAMES = Ask(lambda ids: select(terms.c.id, terms.c.field, terms.c.value).where(terms.c.id.in_(ids)))
_of_field = select(terms.c.id, terms.c.value).where(terms.c.field == bindparam("field"))
_VALUES = Ask(lambda _: _of_field.limit(bindparam("most", type_=Integer)), "field", "most")
_COMMONEST = Ask(
    lambda _: (
        select(terms.c.value, terms.c.count)
        .where(terms.c.field == bindparam("field"))
        .order_by(terms.c.count.desc(), terms.c.value)
        .limit(bindparam("most", type_=Integer))
    ),
    "field",
    "most",
)
_PRESENCE = Ask(
    lambda _: select(terms.c.id).where(terms.c.field == PRESENCE, terms.c.value == bindparam("field")), "field"
)
_NUMBERS = Ask(lambda items: select(documents.c.numbers).where(documents.c.item.in_(items)))


def names(connection: Connection, ids: Sequence[int]) -> dict[int, tuple[str, str]]:
    """Return (field, value) of terms by id."""
    return {id_: (field, value) for id_, field, value in _NAMES.among(connection, ids)}


def commonest(look: Look, field: str, limit: int) -> list[tuple[str, int]]:
    """Return (value, count) of a field among what matches, by count down, then value; at most ``limit``."""
    few: dict[int, str] = dict(_VALUES.rows(look.connection, field, _FEW_VALUES + 1))
    if isinstance(look.query, All) and few:
        return [(value, number) for value, number in _COMMONEST.rows(look.connection, field, limit)]
    span, bits = look.whole()
    if not bits:
        return []
    if 0 < len(few) <= _FEW_VALUES and bits.bit_count() * 4 > len(few) * span.blocks:
        view = View(look.connection, span, look.every)
        return _ranked({value: view.postings([id_], bits).bit_count() for id_, value in few.items()}, limit)
    if bits.bit_count() > MAX_COUNTED:
        bits = span.of_items(span.low + offset for offset in islice(descending(bits), MAX_COUNTED))
    if not few:
        return _ranked(_numbers(look, [span.low + offset for offset in descending(bits)], field), limit)
    ids = _terms(View(look.connection, span, look.every), bits)
    if len(ids) > _LOOKED_UP:
        values: dict[int, str] = dict(_VALUES.rows(look.connection, field, _SOME_VALUES + 1))
        if len(values) <= _SOME_VALUES:
            return _ranked({value: ids[id_] for id_, value in values.items() if id_ in ids}, limit)
    return _looked_up(look.connection, ids, field, limit)


def _terms(view: View, bits: int) -> Counter[int]:
    wanted, low = view.span.to_bytes(bits), view.span.low
    ids: Counter[int] = Counter()
    for item, data in view.documents(bits):
        if wanted[(item - low) >> 3] >> (item & 7) & 1:
            ids.update(unpack_ids(data))
    return ids


def _ranked(counts: Mapping[str, int], limit: int) -> list[tuple[str, int]]:
    found = [(value, number) for value, number in counts.items() if number]
    return sorted(found, key=lambda pair: (-pair[1], pair[0]))[:limit]


def _looked_up(connection: Connection, ids: Counter[int], field: str, limit: int) -> list[tuple[str, int]]:
    """Look up terms, those that count most first, until no other can be among the first."""
    counts: dict[str, int] = {}
    ordered = ids.most_common()
    for start in range(0, len(ordered), _NAMED):
        part = dict(ordered[start : start + _NAMED])
        found = names(connection, list(part))
        counts.update({value: part[id_] for id_, (name, value) in found.items() if name == field})
        ranked = _ranked(counts, limit)
        if len(ranked) == limit and ranked[-1][1] > min(part.values()):
            break
    return _ranked(counts, limit)


def _numbers(look: Look, items: list[int], field: str) -> Counter[str]:
    counts: Counter[str] = Counter()
    wanted = {id_ for (id_,) in _PRESENCE.rows(look.connection, field)}
    for (data,) in _NUMBERS.among(look.connection, items) if wanted else ():
        split = len(data) // 3
        values = zip(unpack_ids(data[:split]), unpack_floats(data[split:]), strict=True)
        counts.update({_shortest(value) for id_, value in values if id_ in wanted})
    return counts


def _shortest(value: float) -> str:
    return str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)
