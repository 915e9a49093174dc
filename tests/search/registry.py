"""A database with the tables that search reads, filled without the rest of the catalogue."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache

from sqlalchemy import Connection, create_engine, insert
from sqlalchemy.pool import NullPool, StaticPool

from herdbook.model.query import Expression, Order
from herdbook.model.query_match import matches
from herdbook.stores.sql import digests
from herdbook.stores.sql.index import IndexWriter
from herdbook.stores.sql.schema import bodies, contents, files, journals, metadata, models, versions
from herdbook.testing.query import Told

MODELS = ("demo/a/z", "demo/a_b", "demo/a-b", "demo/Zz", "demo/b")
_OTHER = str.maketrans("01f", "10e")


class Index(IndexWriter):
    """The mixin with a connection."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection


def _connect() -> sqlite3.Connection:
    raw = sqlite3.connect(":memory:", isolation_level=None)
    _template().backup(raw)
    raw.execute("PRAGMA foreign_keys=ON")
    return raw


_ENGINE = create_engine("sqlite://", creator=_connect, poolclass=NullPool)  # one, so that statements compile once


@cache
def _template() -> sqlite3.Connection:
    """Return a database with empty tables, a journal and models, to be copied for each test."""
    raw = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    with create_engine("sqlite://", creator=lambda: raw, poolclass=StaticPool).connect() as connection:
        metadata.create_all(connection)
        zero = bytes(32)
        journal = {"id": 1, "namespace": "demo", "folded": "demo", "journal": zero, "home": "", "seq": 1, "head": zero}
        connection.execute(insert(journals), {**journal, "time": "", "current": True})
        rows = [
            {"id": id_, "name": name, "folded": name.casefold(), "journal": 1, "versions": 0, "last": 0}
            for id_, name in enumerate(MODELS, 1)
        ]
        connection.execute(insert(models), rows)
        connection.commit()
    return raw


@contextmanager
def opened() -> Iterator[Connection]:
    """Give a connection to a new database in memory."""
    with _ENGINE.connect() as connection:
        yield connection


class Registry:
    """The index under test beside a plain dictionary that is filtered one by one."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.index = Index(connection)
        self.told: dict[int, Told] = {}
        self.digests: dict[int, Sequence[str]] = {}
        self.names: dict[int, tuple[str, int]] = {}
        self._known: set[str] = set()

    def put(self, told: Mapping[int, Told]) -> None:
        """Enter versions that are new, and index all of these."""
        for item in told:
            if item not in self.told:
                self._enter(item, told[item].digests)
        self.told |= told
        self.index.index({item: one.document for item, one in told.items()})

    def _enter(self, item: int, named: Sequence[str]) -> None:
        record = f"{named[0][:-8]}{item:08x}"
        model = item % len(MODELS)
        ordinal = 1_000_000 - item
        self.names[item] = MODELS[model], ordinal
        sql = self.connection
        sql.execute(insert(bodies), {"id": item, "digest": digests.raw(record), "body": b""})
        row = {"item": item, "model": model + 1, "ordinal": ordinal, "record": item, "journal": 1, "seq": 1}
        sql.execute(insert(versions), row)
        told = [record]
        for position, digest in enumerate(named[1:]):
            file = {"record": item, "position": position, "path": f"{position}", "digest": digests.pack(digest)}
            sql.execute(insert(files), file)
            told += [digest, *self._content(digest)]
        self.digests[item] = told

    def _content(self, digest: str) -> list[str]:
        """Know the other digests of half of the files that are named by sha256."""
        algorithm, _, found = digest.partition(":")
        if algorithm != "sha256" or found.endswith("0"):
            return []
        other = found.translate(_OTHER)
        if digest not in self._known:
            self._known.add(digest)
            lengths = {"sha256": 64, "md5": 32, "adler32": 8, "git_sha1": 40}
            row = {name: bytes.fromhex(other[:length]) for name, length in lengths.items()}
            row["sha256"] = digests.raw(digest)
            self.connection.execute(insert(contents), {"id": len(self._known), "size": 1, **row})
        return [f"md5:{other[:32]}", f"adler32:{other[:8]}", f"git-sha1:{other[:40]}"]

    def expected(self, query: Expression, order: Order) -> list[int]:
        """Return what a plain filter finds, in order."""
        found = [item for item, one in self.told.items() if matches(query, one.document, self.digests[item])]
        if order is Order.NAME:
            return sorted(found, key=self.names.__getitem__)
        return sorted(found, reverse=order is Order.NEWEST)

    def pages(self, query: Expression, order: Order, sizes: Sequence[int]) -> list[int]:
        """Return what the index finds, page by page, the sizes of pages used in turn."""
        found: list[int] = []
        after, page = "", 0
        while True:
            size = sizes[page % len(sizes)]
            rows = self.index.search(query, order, after, size)
            found += [item for item, _ in rows]
            if len(rows) < size:
                return found
            after, page = rows[-1][1], page + 1
