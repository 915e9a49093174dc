"""Search: pages in an explicit order, counts, facets. The planner makes sets; here they are walked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlalchemy import Connection, bindparam, delete, func, or_, select

from herdbook.kernel.errors import InvalidError
from herdbook.model.query import All, Expression, Order
from herdbook.model.rows import Document
from herdbook.stores.sql import index_facets, index_write
from herdbook.stores.sql.index_ask import Ask
from herdbook.stores.sql.index_blocks import ascending, unpack_floats, unpack_ids
from herdbook.stores.sql.index_look import Look
from herdbook.stores.sql.index_plan import PRESENCE
from herdbook.stores.sql.index_tables import documents, numbers, postings, terms
from herdbook.stores.sql.schema import models, versions

_PATIENCE = 8

_LAST_ITEM = Ask(lambda _: select(func.max(versions.c.item)))
_DOCUMENT = Ask(
    lambda _: select(documents.c.terms, documents.c.numbers).where(documents.c.item == bindparam("item")), "item"
)
_named = select(versions.c.item, models.c.name, versions.c.ordinal).join(models, models.c.id == versions.c.model)
_NAMED = Ask(lambda items: _named.where(versions.c.item.in_(items)))
_BY_NAME = (
    _named.where(
        models.c.name >= bindparam("name"),
        or_(models.c.name > bindparam("name"), versions.c.ordinal > bindparam("ordinal")),
    )
    .order_by(models.c.name, versions.c.ordinal)
    .execution_options(yield_per=500)
)


class IndexReader:
    """What search reads. Mixed into the catalogue's reader, which has the connection."""

    connection: Connection

    def search(self, query: Expression, order: Order, after: str, limit: int) -> list[tuple[int, str]]:
        """Return (item, position) of versions that match, in order, those behind the position ``after``.

        Raises:
            InvalidError: when ``after`` is no position of this order.
        """
        look = Look(self.connection, query)
        if order is Order.NAME:
            return _by_name(look, *_read_name(after), limit)
        place = _read_item(after)
        found: list[tuple[int, str]] = []
        if limit > 0:
            for item in look.newest(place, limit) if order is Order.NEWEST else look.oldest(place, limit):
                found.append((item, str(item)))
                if len(found) == limit:
                    break
        return found

    def count(self, query: Expression, cap: int) -> int:
        """Return how many match, counting no further than ``cap``."""
        look = Look(self.connection, query)
        if isinstance(query, All):
            return int(min(cap, look.total))
        found = 0
        for _, bits in look.walk_down(look.last, cap):
            found += bits.bit_count()
            if found >= cap:
                return cap
        return found

    def facets(self, query: Expression, field: str, limit: int) -> list[tuple[str, int]]:
        """Return the most common values of a field among what matches, by count down, then value.

        Counts are exact up to ``index_facets.MAX_COUNTED`` matches, and beyond for fields of few values; else
        only the newest matches are counted. Values are folded, as documents have them; numbers are written shortest.
        """
        return index_facets.commonest(Look(self.connection, query), field, limit)

    def document(self, item: int) -> Document:
        """Return what the index knows of a version."""
        row = next(iter(_DOCUMENT.rows(self.connection, item)), None)
        if row is None:
            return Document()
        ids, fields = unpack_ids(row[0]), unpack_ids(row[1][: len(row[1]) // 3])
        names = index_facets.names(self.connection, [*ids, *fields])
        values = unpack_floats(row[1][len(row[1]) // 3 :])
        return Document(
            terms=frozenset(names[id_] for id_ in ids if names[id_][0] != PRESENCE),
            numbers=frozenset((names[id_][1], value) for id_, value in zip(fields, values, strict=True)),
        )

    def last_item(self) -> int:
        """Return the highest item, 0 in an empty registry."""
        return int(_LAST_ITEM.rows(self.connection)[0][0] or 0)


def _read_item(after: str) -> int | None:
    if not after:
        return None
    if not (after.isascii() and after.isdecimal() and len(after) < 19):
        raise _bad_position(after)
    return int(after)


def _read_name(after: str) -> tuple[str, int]:
    name, _, ordinal = after.rpartition("@")
    if after and not (name and ordinal.isascii() and ordinal.isdecimal() and len(ordinal) < 19):
        raise _bad_position(after)
    return name, int(ordinal or 0)


def _bad_position(after: str) -> InvalidError:
    return InvalidError(
        f"{after!r} is no position of this listing",
        code="bad-cursor",
        hint="Give back a position as it came, with the same order; or begin without one.",
    )


def _by_name(look: Look, name: str, ordinal: int, limit: int) -> list[tuple[int, str]]:
    span, bits = look.whole()
    matched = bits.bit_count()
    if not matched or limit <= 0:
        return []
    # Either all matches are sorted, or versions are read by name until enough match: about limit * total / matched.
    if matched * matched <= limit * look.total:
        return _sorted(look, ascending(bits), (name, ordinal), limit)
    patience = _PATIENCE * (limit * look.total // matched + 100)
    data = span.to_bytes(bits)
    found: list[tuple[int, str]] = []
    with look.connection.execute(_BY_NAME, {"name": name, "ordinal": ordinal}) as rows:
        for seen, (item, model, number) in enumerate(rows):
            if item <= span.high and data[item >> 3] >> (item & 7) & 1:
                found.append((item, f"{model}@{number}"))
                if len(found) == limit:
                    return found
            if seen > patience:  # matches have names that stand late: sorting is less work after all
                return _sorted(look, ascending(bits), (name, ordinal), limit)
    return found


def _sorted(look: Look, items: Iterable[int], after: tuple[str, int], limit: int) -> list[tuple[int, str]]:
    wanted, found = list(items), []
    for item, model, number in _NAMED.among(look.connection, wanted):
        if (model, number) > after:
            found.append((model, number, item))
    return [(item, f"{model}@{number}") for model, number, item in sorted(found)[:limit]]


class IndexWriter(IndexReader):
    """What writes the index. Mixed into the catalogue's writer, which has the connection and the lock."""

    def index(self, documents: Mapping[int, Document]) -> None:
        """Replace what the index knows of these items."""
        index_write.write(self.connection, documents)

    def clear_index(self) -> None:
        """Empty the index, to be built again."""
        for table in (documents, postings, numbers, terms):
            self.connection.execute(delete(table))
