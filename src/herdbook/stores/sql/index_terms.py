"""Terms that are looked up by field and value, many at once."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BindParameter, Select, Text, and_, bindparam, column, or_, select, true, values

from herdbook.stores.sql.index_ask import Ask
from herdbook.stores.sql.index_tables import terms

Parameters = list[BindParameter[Any]]

_term = select(terms.c.field, terms.c.value, terms.c.id, terms.c.count)


def _by_pairs(keys: Parameters) -> Select[*tuple[Any, ...]]:
    # OR, not a list of pairs: SQLite reads the whole index for that.
    pairs = zip(keys[::2], keys[1::2], strict=True)
    return _term.where(or_(*(and_(terms.c.field == field, terms.c.value == value) for field, value in pairs)))


def _each(keys: list[tuple[BindParameter[Any], BindParameter[Any]]]) -> Select[*tuple[Any, ...]]:
    """Return the select that probes the index once for each: PostgreSQL else reads all terms of a field.

    It does so as long as it has not analysed the table, and where a plan for an empty one is kept.
    """
    wanted = values(column("field", Text), column("value", Text), name="wanted").data(keys)
    found = _term.where(terms.c.field == wanted.c.field, terms.c.value == wanted.c.value).limit(1).lateral("found")
    return select(found).join_from(wanted, found, true())


BY_PAIRS = Ask(
    _by_pairs,
    width=2,
    lists=(1, 8, 64),
    postgresql=lambda keys: _each(list(zip(keys[::2], keys[1::2], strict=True))),
)
"""(field, value, id, count) of terms, by pairs of field and value."""

BY_VALUES = Ask(
    lambda listed: _term.where(terms.c.field == bindparam("field"), terms.c.value.in_(listed)),
    "field",
    postgresql=lambda listed: _each([(bindparam("field"), value) for value in listed]),
)
"""The same, by values of one field."""
