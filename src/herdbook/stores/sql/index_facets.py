"""Facets: which values of a field are most common among what matches, with bounded work."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from sqlalchemy import Connection, bindparam, select

from herdbook.model.query import All
from herdbook.stores.sql.index_blocks import descending, unpack_floats, unpack_ids
from herdbook.stores.sql.index_look import Look
from herdbook.stores.sql.index_plan import PRESENCE, View
from herdbook.stores.sql.index_tables import documents, terms

MAX_COUNTED = 10_000
"""So many matches at most, the newest ones, have their documents read for facets."""

_FEW_VALUES = 64  # a field of so few values is counted by its postings: exact, however many match
_IN = 500

_NAMES = select(terms.c.id, terms.c.field, terms.c.value).where(terms.c.id.in_(bindparam("ids", expanding=True)))
_FIELD = (
    select(terms.c.id, terms.c.value, terms.c.count)
    .where(terms.c.field == bindparam("field"))
    .order_by(terms.c.count.desc(), terms.c.value)
    .limit(bindparam("most"))
)
_NUMBERS = select(documents.c.numbers).where(documents.c.item.in_(bindparam("items", expanding=True)))


def names(connection: Connection, ids: Iterable[int]) -> dict[int, tuple[str, str]]:
    """Return (field, value) of terms by id."""
    found, wanted = {}, list(ids)
    for start in range(0, len(wanted), _IN):
        for id_, field, value in connection.execute(_NAMES, {"ids": wanted[start : start + _IN]}):
            found[id_] = field, value
    return found


def count(look: Look, field: str, limit: int) -> Counter[str]:
    """Return how often values of a field stand among what matches: at least the ``limit`` most common ones."""
    most = max(limit, _FEW_VALUES + 1)
    rows = look.connection.execute(_FIELD, {"field": field, "most": most}).all()
    if isinstance(look.query, All) and rows:
        return Counter({value: number for _, value, number in rows})
    span, bits = look.whole()
    if not bits:
        return Counter()
    if 0 < len(rows) <= _FEW_VALUES and bits.bit_count() * 4 > len(rows) * span.blocks:
        view = View(look.connection, span, look.every)
        counts = {value: view.postings((id_,), bits).bit_count() for id_, value, _ in rows}
        return Counter({value: number for value, number in counts.items() if number})
    if bits.bit_count() > MAX_COUNTED:
        bits = span.of_items(span.low + offset for offset, _ in zip(descending(bits), range(MAX_COUNTED), strict=False))
    if rows:
        return _of_terms(View(look.connection, span, look.every), bits, field)
    return _of_numbers(look, [span.low + offset for offset in descending(bits)], field)


def _of_terms(view: View, bits: int, field: str) -> Counter[str]:
    ids: Counter[int] = Counter()
    for item, data in view.documents(bits):
        if bits >> (item - view.span.low) & 1:
            ids.update(unpack_ids(data))
    found = names(view.connection, ids)
    return Counter({value: ids[id_] for id_, (name, value) in found.items() if name == field})


def _of_numbers(look: Look, items: list[int], field: str) -> Counter[str]:
    wanted = look.connection.execute(
        select(terms.c.id).where(terms.c.field == PRESENCE, terms.c.value == field)
    ).scalar_one_or_none()
    counts: Counter[str] = Counter()
    for data in _packed(look, items) if wanted is not None else ():
        split = len(data) // 3
        values = zip(unpack_ids(data[:split]), unpack_floats(data[split:]), strict=True)
        counts.update({_shortest(value) for id_, value in values if id_ == wanted})
    return counts


def _packed(look: Look, items: list[int]) -> Iterator[bytes]:
    for start in range(0, len(items), _IN):
        yield from look.connection.execute(_NUMBERS, {"items": items[start : start + _IN]}).scalars()


def _shortest(value: float) -> str:
    return str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)
