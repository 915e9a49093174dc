"""Writes the index: what a document has more, or less, than before; nothing else is touched."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from herdbook.model.rows import Document
from herdbook.stores.sql.bulk import Many, chunks
from herdbook.stores.sql.index_ask import Ask
from herdbook.stores.sql.index_blocks import (
    BLOCK,
    CHUNK,
    Numbers,
    change_numbers,
    change_offsets,
    pack_floats,
    pack_ids,
    pack_numbers,
    pack_offsets,
    unpack_floats,
    unpack_ids,
)
from herdbook.stores.sql.index_plan import PRESENCE
from herdbook.stores.sql.index_tables import documents, numbers, postings, terms
from herdbook.stores.sql.index_terms import BY_PAIRS, BY_VALUES

_BATCH = 24 * BLOCK  # documents that are written together: bounds memory
_SINGLE = 256  # so few terms are looked up in one statement, whatever their fields
Key = tuple[str, str]

_LAST = Ask(
    lambda _: select(
        select(func.max(documents.c.item)).scalar_subquery(), select(func.max(terms.c.id)).scalar_subquery()
    )
)
_OLD = Ask(lambda items: select(*documents.c).where(documents.c.item.in_(items)))
_FIELDS = Ask(lambda _: select(terms.c.id, terms.c.value).where(terms.c.field == PRESENCE))
_POSTINGS = Ask(
    lambda ids: select(postings.c.term, postings.c.data).where(
        postings.c.term.in_(ids), postings.c.block == bindparam("block")
    ),
    "block",
)
_CHUNKS = Ask(
    lambda names: select(numbers.c.field, numbers.c.data).where(
        numbers.c.field.in_(names), numbers.c.chunk == bindparam("chunk")
    ),
    "chunk",
)
_POSTING = (postings.c.term == bindparam("t"), postings.c.block == bindparam("b"))
_CHUNK = (numbers.c.field == bindparam("f"), numbers.c.chunk == bindparam("c"))
_TERM = terms.c.id == bindparam("t")

_ADD_TERM = Many(insert(terms), "id", "field", "value", "count", plain=True)
_COUNT_TERM = Many(update(terms).where(_TERM).values(count=terms.c.count + bindparam("n")), "n", "t")
_DROP_TERM = Many(delete(terms).where(_TERM, terms.c.count == bindparam("n")), "t", "n")
_ADD_POSTING = Many(insert(postings), "term", "block", "data", plain=True)
_SET_POSTING = Many(update(postings).where(*_POSTING).values(data=bindparam("d")), "d", "t", "b")
_DROP_POSTING = Many(delete(postings).where(*_POSTING), "t", "b")
_ADD_CHUNK = Many(insert(numbers), "field", "chunk", "low", "high", "data", plain=True)
_SET_CHUNK = Many(
    update(numbers).where(*_CHUNK).values(low=bindparam("l"), high=bindparam("h"), data=bindparam("d")),
    *"fclhd",
)
_DROP_CHUNK = Many(delete(numbers).where(*_CHUNK), "f", "c")
_ADD_DOCUMENT = Many(insert(documents), "item", "terms", "numbers", plain=True)
_SET_DOCUMENT = Many(
    update(documents).where(documents.c.item == bindparam("i")).values(terms=bindparam("t"), numbers=bindparam("n")),
    *"itn",
)


def write(connection: Connection, wanted: Mapping[int, Document]) -> None:
    """Replace what the index knows of these items; fast for many that are new."""
    for items in chunks(sorted(wanted), _BATCH):
        _Batch(connection, {item: wanted[item] for item in items}).write()


@dataclass(slots=True)
class _Change:
    """What changes in one block: offsets of items that get a term, or lose it."""

    added: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    removed: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))


class _Batch:
    """Some documents that are written together, by ascending item."""

    def __init__(self, connection: Connection, wanted: Mapping[int, Document]) -> None:
        self.connection = connection
        self.wanted = wanted
        last, last_term = _LAST.rows(connection)[0]
        self.last: int = -1 if last is None else last
        self.last_term: int = last_term or 0
        self.old: dict[int, tuple[bytes, bytes]] = {}
        for item, *packed in _OLD.among(connection, [item for item in wanted if item <= self.last]):
            self.old[item] = packed[0], packed[1]
        # Read before terms that nothing has any more are dropped.
        self.fields: dict[int, str] = dict(_FIELDS.rows(connection)) if self.old else {}
        self.ids: dict[Key, int] = {}
        self.created: dict[int, Key] = {}
        self.blocks: dict[int, _Change] = defaultdict(_Change)

    def write(self) -> None:
        """Write terms, postings, numbers, documents."""
        self._find_ids()
        packed = self._pack()
        self._write_terms()
        fresh: list[tuple[int, int, bytes]] = []
        for block, change in self.blocks.items():
            fresh += self._write_block(block, change)
        _ADD_POSTING.run(self.connection, sorted(fresh))
        changed = {item: both for item, both in packed.items() if self.old.get(item) != both}
        self._write_numbers({item: figures for item, (_, figures) in changed.items()})
        _ADD_DOCUMENT.run(self.connection, [(item, *both) for item, both in changed.items() if item not in self.old])
        _SET_DOCUMENT.run(self.connection, [(item, *both) for item, both in changed.items() if item in self.old])

    def _find_ids(self) -> None:
        """Find the id of each term, and of those that tell which fields a document has; those that are new get one."""
        keys: set[Key] = {(PRESENCE, "")}
        fields: set[str] = set()
        for document in self.wanted.values():
            keys.update(document.terms)
            fields.update([name for name, _ in document.numbers])
        fields.update([name for name, _ in keys])
        keys.update([(PRESENCE, name) for name in fields if name != PRESENCE])
        ordered = sorted(keys)
        ids = self.ids
        if self.last >= 0 and len(ordered) <= _SINGLE:
            for name, value, id_, _ in BY_PAIRS.among(self.connection, ordered):
                ids[name, value] = id_
        elif self.last >= 0:
            by_field: dict[str, list[str]] = defaultdict(list)
            for name, value in ordered:
                by_field[name].append(value)
            for name, values in by_field.items():
                for _, value, id_, _ in BY_VALUES.among(self.connection, values, name):
                    ids[name, value] = id_
        for id_, key in enumerate((key for key in ordered if key not in ids), self.last_term + 1):
            ids[key] = id_
            self.created[id_] = key

    def _pack(self) -> dict[int, tuple[bytes, bytes]]:
        """Return documents as they are kept, and note which postings change."""
        ids, every = self.ids, self.ids[PRESENCE, ""]
        presence = {name: id_ for (kind, name), id_ in ids.items() if kind == PRESENCE}
        find, old = ids.__getitem__, self.old
        packed: dict[int, tuple[bytes, bytes]] = {}
        for item, document in self.wanted.items():
            found = set(map(find, document.terms))
            found.update([presence[name] for name in {name for name, _ in document.terms}])
            found.add(every)
            # Adding 0.0 makes integers doubles, and -0.0 the zero that it equals.
            pairs = sorted({(presence[name], value + 0.0) for name, value in document.numbers})
            figures = [id_ for id_, _ in pairs]
            found.update(figures)
            ordered = sorted(found)
            packed[item] = pack_ids(ordered), pack_ids(figures) + pack_floats([value for _, value in pairs])
            change, offset = self.blocks[item // BLOCK], item % BLOCK
            added = change.added
            if item not in old:
                for id_ in ordered:
                    added[id_].append(offset)
                continue
            before = set(unpack_ids(old[item][0]))
            for id_ in found - before:
                added[id_].append(offset)
            for id_ in before - found:
                change.removed[id_].append(offset)
        return packed

    def _write_terms(self) -> None:
        counts: dict[int, int] = defaultdict(int)
        for change in self.blocks.values():
            for id_, offsets in change.added.items():
                counts[id_] += len(offsets)
            for id_, offsets in change.removed.items():
                counts[id_] -= len(offsets)
        _ADD_TERM.run(self.connection, [(id_, *key, counts.pop(id_)) for id_, key in self.created.items()])
        _COUNT_TERM.run(self.connection, sorted((number, id_) for id_, number in counts.items() if number))
        _DROP_TERM.run(self.connection, [(id_, 0) for id_, number in sorted(counts.items()) if number < 0])

    def _write_block(self, block: int, change: _Change) -> list[tuple[int, int, bytes]]:
        """Write postings that are there already; return those that are new."""
        touched = {*change.added, *change.removed}
        known: dict[int, bytes] = {}
        if block <= self.last // BLOCK:
            ids = sorted(id_ for id_ in touched if id_ not in self.created)
            known.update(_POSTINGS.among(self.connection, ids, block))
        fresh, kept, gone = [], [], []
        for id_ in touched:
            if id_ not in known:
                fresh.append((id_, block, pack_offsets(change.added[id_])))
            elif left := change_offsets(known[id_], change.added.get(id_, ()), change.removed.get(id_, ())):
                kept.append((left, id_, block))
            else:
                gone.append((id_, block))
        _SET_POSTING.run(self.connection, kept)
        _DROP_POSTING.run(self.connection, gone)
        return fresh

    def _write_numbers(self, figures: Mapping[int, bytes]) -> None:
        """Write the numbers of items whose documents change."""
        names = {**self.fields, **{id_: name for (kind, name), id_ in self.ids.items() if kind == PRESENCE}}
        by_chunk: dict[int, list[int]] = defaultdict(list)
        for item in figures:
            by_chunk[item // CHUNK].append(item)
        fresh: list[tuple[Any, ...]] = []
        for chunk, items in by_chunk.items():
            touched: dict[str, list[tuple[float, int]]] = defaultdict(list)
            gone: set[int] = set()
            for item in items:
                for id_, value in _unpack(figures[item]):
                    if value == value:  # NaN is present, and compares with nothing  # noqa: PLR0124
                        touched[names[id_]].append((value, item % CHUNK))
                if item in self.old:
                    gone.add(item % CHUNK)
                    for id_, _ in _unpack(self.old[item][1]):
                        touched[names[id_]] += ()
            fresh += self._write_chunk(chunk, touched, gone)
        _ADD_CHUNK.run(self.connection, sorted(fresh))

    def _write_chunk(
        self, chunk: int, touched: Mapping[str, list[tuple[float, int]]], gone: set[int]
    ) -> list[tuple[Any, ...]]:
        """Write the numbers of a chunk that is there already; return those of one that is new."""
        known: dict[str, bytes] = {}
        if touched and chunk <= self.last // CHUNK:
            known.update(_CHUNKS.among(self.connection, sorted(touched), chunk))
        fresh: list[tuple[Any, ...]] = []
        kept: list[tuple[Any, ...]] = []
        dropped: list[tuple[Any, ...]] = []
        for name, more in touched.items():
            now: Numbers | None
            if name not in known:
                if (now := pack_numbers(more)) is not None:
                    fresh.append((name, chunk, *now))
            elif (now := change_numbers(known[name], gone, more)) is not None:
                kept.append((name, chunk, *now))
            else:
                dropped.append((name, chunk))
        _SET_CHUNK.run(self.connection, kept)
        _DROP_CHUNK.run(self.connection, dropped)
        return fresh


def _unpack(data: bytes) -> Iterable[tuple[int, float]]:
    split = len(data) // 3
    return zip(unpack_ids(data[:split]), unpack_floats(data[split:]), strict=True)
