"""Writes the index: what a document has more, or less, than before; nothing else is touched."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TypeVar

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from herdbook.model.rows import Document
from herdbook.stores.sql.bulk import Many
from herdbook.stores.sql.index_blocks import (
    BLOCK,
    CHUNK,
    pack_floats,
    pack_ids,
    pack_numbers,
    pack_offsets,
    unpack_floats,
    unpack_ids,
    unpack_numbers,
    unpack_offsets,
)
from herdbook.stores.sql.index_plan import PRESENCE
from herdbook.stores.sql.index_tables import documents, numbers, postings, terms

_BATCH = 8 * BLOCK  # documents that are written together: bounds memory
_IN = 500
T = TypeVar("T")
Key = tuple[str, str]

_LAST = select(func.max(documents.c.item))
_LAST_TERM = select(func.max(terms.c.id))
_OLD = select(documents.c.item, documents.c.terms, documents.c.numbers).where(
    documents.c.item.in_(bindparam("items", expanding=True))
)
_IDS = select(terms.c.id, terms.c.value).where(
    terms.c.field == bindparam("field"), terms.c.value.in_(bindparam("values", expanding=True))
)
_FIELDS = select(terms.c.id, terms.c.value).where(terms.c.field == PRESENCE)
_POSTINGS = select(postings.c.term, postings.c.data).where(
    postings.c.term.in_(bindparam("terms", expanding=True)), postings.c.block == bindparam("block")
)
_CHUNKS = select(numbers.c.field, numbers.c.data).where(
    numbers.c.field.in_(bindparam("fields", expanding=True)), numbers.c.chunk == bindparam("chunk")
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
_DROP_CHUNK = Many(delete(numbers).where(*_CHUNK), "f", "c")
_ADD_DOCUMENT = Many(insert(documents), "item", "terms", "numbers", plain=True)
_SET_DOCUMENT = Many(
    update(documents).where(documents.c.item == bindparam("i")).values(terms=bindparam("t"), numbers=bindparam("n")),
    "t", "n", "i",
)  # fmt: skip


def _parts(values: Iterable[T], size: int = _IN) -> Iterator[list[T]]:
    rest = iter(values)
    while part := list(islice(rest, size)):
        yield part


def write(connection: Connection, wanted: Mapping[int, Document]) -> None:
    """Replace what the index knows of these items; fast for many that are new."""
    for items in _parts(sorted(wanted), _BATCH):
        _Batch(connection, {item: wanted[item] for item in items}).write()


@dataclass(slots=True)
class _Change:
    """What changes in one block: offsets of items that get a term, or lose it."""

    added: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    removed: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))


class _Batch:
    """Some documents that are written together."""

    def __init__(self, connection: Connection, wanted: Mapping[int, Document]) -> None:
        self.connection = connection
        self.wanted = wanted
        self.last = connection.execute(_LAST).scalar_one()
        self.last = -1 if self.last is None else self.last
        self.old = self._old()
        self.fields = dict(connection.execute(_FIELDS).all()) if self.old else {}
        self.counts: dict[int, int] = defaultdict(int)
        self.blocks: dict[int, _Change] = defaultdict(_Change)
        self.keys: dict[Key, int] = {}
        self.created: dict[int, Key] = {}

    def write(self) -> None:
        """Write terms, postings, numbers, documents."""
        places = self._number_keys()
        ids = self._ids()
        named = {item: sorted({ids[place] for place in found}) for item, found in places.items()}
        self._compare(named)
        self._write_terms()
        added: list[tuple[int, int, bytes]] = []
        for block, change in self.blocks.items():
            added += self._write_block(block, change)
        _ADD_POSTING.run(self.connection, sorted(added))
        self._write_numbers()
        self._write_documents(named, ids)

    def _old(self) -> dict[int, tuple[bytes, bytes]]:
        old: dict[int, tuple[bytes, bytes]] = {}
        for items in _parts(item for item in self.wanted if item <= self.last):
            for item, data, figures in self.connection.execute(_OLD, {"items": items}):
                old[item] = data, figures
        return old

    def _number_keys(self) -> dict[int, list[int]]:
        """Give each term a number of this batch; return those of each item, and of the fields that it has."""
        keys, places = self.keys, {}
        for item, document in self.wanted.items():
            fields = {name for name, _ in document.terms}
            fields.update(name for name, _ in document.numbers)
            found = [keys.setdefault(term, len(keys)) for term in document.terms]
            found += [keys.setdefault((PRESENCE, name), len(keys)) for name in fields]
            found.append(keys.setdefault((PRESENCE, ""), len(keys)))
            places[item] = found
        return places

    def _ids(self) -> list[int]:
        """Return the id of each term of the batch; those that are new get one."""
        ids = [0] * len(self.keys)
        fields: dict[str, dict[str, int]] = defaultdict(dict)
        for (name, value), place in self.keys.items():
            fields[name][value] = place
        for name, values in fields.items() if self.last >= 0 else ():
            for part in _parts(sorted(values)):
                for id_, value in self.connection.execute(_IDS, {"field": name, "values": part}):
                    ids[values[value]] = id_
        fresh = self.connection.execute(_LAST_TERM).scalar_one() or 0
        for key, place in sorted(self.keys.items()):
            if not ids[place]:
                fresh += 1
                ids[place] = fresh
                self.created[fresh] = key
        return ids

    def _compare(self, named: Mapping[int, list[int]]) -> None:
        for item, ids in named.items():
            change, offset = self.blocks[item // BLOCK], item % BLOCK
            if item not in self.old:
                for id_ in ids:
                    change.added[id_].append(offset)
                continue
            before = set(unpack_ids(self.old[item][0]))
            for id_ in before.symmetric_difference(ids):
                (change.removed if id_ in before else change.added)[id_].append(offset)
        for change in self.blocks.values():
            for id_, offsets in change.added.items():
                self.counts[id_] += len(offsets)
            for id_, offsets in change.removed.items():
                self.counts[id_] -= len(offsets)

    def _write_terms(self) -> None:
        added = [(id_, *key, self.counts.pop(id_)) for id_, key in self.created.items()]
        _ADD_TERM.run(self.connection, added)
        _COUNT_TERM.run(self.connection, sorted((number, id_) for id_, number in self.counts.items() if number))
        _DROP_TERM.run(self.connection, [(id_, 0) for id_, number in sorted(self.counts.items()) if number < 0])

    def _write_block(self, block: int, change: _Change) -> list[tuple[int, int, bytes]]:
        """Write postings that are there already; return those that are new."""
        known = self._postings(block, [id_ for id_ in {*change.added, *change.removed} if id_ not in self.created])
        fresh, kept, gone = [], [], []
        for id_ in {*change.added, *change.removed}:
            added, removed = change.added.get(id_, []), change.removed.get(id_, [])
            if id_ not in known:
                fresh.append((id_, block, pack_offsets(added)))
                continue
            left = sorted({*unpack_offsets(known[id_]), *added}.difference(removed))
            if left:
                kept.append((pack_offsets(left), id_, block))
            else:
                gone.append((id_, block))
        _SET_POSTING.run(self.connection, kept)
        _DROP_POSTING.run(self.connection, gone)
        return fresh

    def _postings(self, block: int, ids: list[int]) -> dict[int, bytes]:
        known: dict[int, bytes] = {}
        if block <= self.last // BLOCK:
            for part in _parts(sorted(ids)):
                known.update(self.connection.execute(_POSTINGS, {"terms": part, "block": block}).all())
        return known

    def _write_numbers(self) -> None:
        chunks: dict[int, list[int]] = defaultdict(list)
        for item in self.wanted:
            chunks[item // CHUNK].append(item)
        added: list[tuple[str, int, float, float, bytes]] = []
        for chunk, items in chunks.items():
            added += self._write_chunk(chunk, items)
        _ADD_CHUNK.run(self.connection, sorted(added))

    def _write_chunk(self, chunk: int, items: list[int]) -> list[tuple[str, int, float, float, bytes]]:
        """Take away the numbers of a chunk that change; return what to put there instead."""
        touched: dict[str, list[tuple[float, int]]] = defaultdict(list)
        changed: set[int] = set()
        for item in items:
            now = _clean(self.wanted[item])
            before = _numbers(self.old[item][1], self.fields) if item in self.old else set()
            if now != before:
                changed.add(item % CHUNK)
                for name, value in now:
                    touched[name].append((value, item % CHUNK))
                for name, _ in before:
                    touched[name] += ()
        if touched and chunk <= self.last // CHUNK:
            self._keep(chunk, touched, changed)
        return [
            (name, chunk, *pack_numbers(pairs))
            for name, values in touched.items()
            if (pairs := [pair for pair in values if pair[0] == pair[0]])  # NaN is present, and compares with nothing
        ]

    def _keep(self, chunk: int, touched: dict[str, list[tuple[float, int]]], changed: set[int]) -> None:
        gone: list[tuple[str, int]] = []
        for part in _parts(sorted(touched)):
            for name, data in self.connection.execute(_CHUNKS, {"fields": part, "chunk": chunk}).all():
                touched[name] += [pair for pair in unpack_numbers(data) if pair[1] not in changed]
                gone.append((name, chunk))
        _DROP_CHUNK.run(self.connection, gone)

    def _write_documents(self, named: Mapping[int, list[int]], ids: Sequence[int]) -> None:
        added: list[tuple[int, bytes, bytes]] = []
        changed: list[tuple[bytes, bytes, int]] = []
        for item, document in self.wanted.items():
            pairs = sorted((ids[self.keys[PRESENCE, name]], value) for name, value in _clean(document))
            packed = pack_ids(named[item]), pack_ids(id_ for id_, _ in pairs) + pack_floats(value for _, value in pairs)
            if item not in self.old:
                added.append((item, *packed))
            elif packed != self.old[item]:
                changed.append((*packed, item))
        _ADD_DOCUMENT.run(self.connection, added)
        _SET_DOCUMENT.run(self.connection, changed)


def _clean(document: Document) -> set[tuple[str, float]]:
    return {(name, float(value) + 0.0) for name, value in document.numbers}  # no -0.0, no int


def _numbers(data: bytes, names: Mapping[int, str]) -> set[tuple[str, float]]:
    split = len(data) // 3
    return {
        (names[id_], value) for id_, value in zip(unpack_ids(data[:split]), unpack_floats(data[split:]), strict=True)
    }
