"""Connections to one SQLite database: many readers, one writer, and one for leases.

We begin and end transactions ourselves (the driver is in autocommit mode), so that a reader has one snapshot and a
writer has the lock before it reads. A connection is used by one thread at a time and kept for the next.
"""

from __future__ import annotations

import os
import random
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from sqlalchemy import Connection, create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from herdbook.kernel.errors import InvalidError
from herdbook.stores.sql import trouble
from herdbook.stores.sql.engine import PATIENCE_S, Streams
from herdbook.stores.sql.sqlite import mounts
from herdbook.stores.sql.sqlite import trouble as sqlite_trouble

Mode = Literal["rw", "ro", "immutable"]
"""How the file is opened. ``immutable``: nobody writes it, so that it needs no locks and no shared memory."""

_POLL_S = 0.002
_SHARED = ("PRAGMA foreign_keys=ON", "PRAGMA temp_store=MEMORY")
_READER = (*_SHARED, "PRAGMA query_only=ON", "PRAGMA cache_size=-16384", "PRAGMA mmap_size=1073741824")
# FULL: at every commit the log is on the disk. The log is folded into the database every 16 MiB and cut at 64 MiB.
_WRITER = (
    *_SHARED,
    "PRAGMA synchronous=FULL",
    "PRAGMA cache_size=-131072",
    "PRAGMA wal_autocheckpoint=4096",
    "PRAGMA journal_size_limit=67108864",
)
# A lease protects bytes of a writer that lives; after a power failure there is none.
_LEASER = (*_SHARED, "PRAGMA synchronous=NORMAL", "PRAGMA cache_size=-1024")


BACKUP = "catalogue.sqlite"
"""The name of the copy that ``backup`` writes."""


@dataclass(eq=False, slots=True)
class Link:
    """A connection, as SQLAlchemy and as the driver have it."""

    sql: Connection
    raw: sqlite3.Connection

    def close(self) -> None:
        """Close it; what was not committed is gone."""
        self.sql.close()


class Database:
    """One database file.

    Args:
        path: the file.
        mode: how to open it.
        patience_s: how long a writer waits for another one, in seconds.
    """

    def __init__(self, path: Path, mode: Mode, patience_s: float = PATIENCE_S) -> None:
        self.path = path
        self.mode = mode
        self._patience_s = patience_s
        self._engine = create_engine("sqlite+pysqlite://", creator=self._open, poolclass=NullPool)
        self._begin_afresh()

    @property
    def read_only(self) -> bool:
        """Whether nothing can be written."""
        return self.mode != "rw"

    def _begin_afresh(self) -> None:
        self._process = os.getpid()
        self._idle: deque[Link] = deque()
        self._writer = _Single(self, _WRITER)
        self._leaser = _Single(self, _LEASER)
        self._signature = self._look()

    def _open(self) -> sqlite3.Connection:
        how = "immutable=1" if self.mode == "immutable" else f"mode={self.mode}"
        return sqlite3.connect(
            f"file:{quote(str(self.path))}?{how}",
            uri=True,
            timeout=self._patience_s,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=512,
        )

    def link(self, pragmas: Sequence[str]) -> Link:
        """Open a connection and set it up."""
        sql = self._engine.connect()
        raw = sql.connection.driver_connection
        assert isinstance(raw, sqlite3.Connection)
        try:
            for pragma in pragmas:
                raw.execute(pragma)
        except sqlite3.Error:
            sql.close()
            raise
        return Link(sql, raw)

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Let errors of the database out as ours."""
        try:
            yield
        except (DBAPIError, sqlite3.Error) as error:
            raise sqlite_trouble.translate(error, self.path) from error

    @contextmanager
    def reading(self, streams: Streams) -> Iterator[Connection]:
        """Give one snapshot: what is written meanwhile is not seen."""
        with self.translated():
            link = self._take()
            try:
                link.raw.execute("BEGIN")
                link.raw.execute("SELECT id FROM registry").fetchone()  # the snapshot is of the first read
                yield link.sql
            finally:
                self._put_back(link, streams)

    @contextmanager
    def borrowed(self) -> Iterator[sqlite3.Connection]:
        """Give a reader's connection as the driver has it, outside any transaction."""
        with self.translated():
            link = self._take()
            try:
                yield link.raw
            finally:
                self._put_back(link, Streams())

    def check(self) -> list[str]:
        """Run SQLite's own checks; return problems, at most a hundred of each sort."""
        with self.borrowed() as raw:
            told = [row[0] for row in raw.execute("PRAGMA integrity_check(100)")]
            dangling = islice(raw.execute("PRAGMA foreign_key_check"), 100)
            lost = [
                f"row {row} of {table} refers to a row of {parent} that is not there"
                for table, row, parent, _ in dangling
            ]
        return [line for line in told if line != "ok"] + lost

    def backup(self, folder: Path) -> None:
        """Write ``catalogue.sqlite`` into a folder, a consistent copy, while others read and write.

        Raises:
            InvalidError: when that would be the catalogue itself.
            UnavailableError: when the disk is full.
        """
        target = folder / BACKUP
        if target.exists() and target.samefile(self.path):
            raise InvalidError(
                f"{target} is the catalogue itself", code="bad-backup", hint="Name another folder for the copy."
            )
        self.copy_to(target)

    def copy_to(self, target: Path) -> None:
        """Write a consistent copy, durably, as one file without a log; it replaces an older copy when it is whole."""
        part = target.with_name(f".{target.name}.{os.getpid()}.part")
        try:
            mounts.make_folder(target.parent)
            with self.borrowed() as raw, closing(sqlite3.connect(part, isolation_level=None)) as copy:
                copy.execute("PRAGMA synchronous=OFF")  # it is synced below, at once
                raw.backup(copy)
                copy.execute("PRAGMA journal_mode=DELETE")
            handle = os.open(part, os.O_RDWR)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
            part.replace(target)
            mounts.sync_folder(target.parent)
        except OSError as error:
            raise trouble.of_system(error, target) from error
        finally:
            with suppress(OSError):
                part.unlink(missing_ok=True)
                Path(f"{part}-journal").unlink(missing_ok=True)

    def _take(self) -> Link:
        self._notice_fork()
        if self.mode == "immutable" and self._look() != self._signature:
            self._close_idle()
            self._signature = self._look()
        try:
            return self._idle.pop()
        except IndexError:
            return self.link(_READER)

    def _put_back(self, link: Link, streams: Streams) -> None:
        try:
            streams.close()
            link.raw.rollback()
        except sqlite3.Error:
            link.close()
        else:
            self._idle.append(link)

    def _look(self) -> tuple[int, int]:
        """Return what changes when somebody writes the file after all."""
        with suppress(OSError):
            status = self.path.stat()
            return status.st_mtime_ns, status.st_size
        return 0, 0

    @contextmanager
    def writing(self, streams: Streams) -> Iterator[Connection]:
        """Give the writer's lock; commit at the end, or leave everything as it was.

        Raises:
            DeniedError: when the database may only be read.
            UnavailableError: when another writer did not end in time, or the disk is full.
        """
        with self.translated():
            self._make_ready_to_write()
            with self._writer.transaction(self._patience_s, streams) as link:
                yield link.sql

    @contextmanager
    def leasing(self) -> Iterator[Connection]:
        """Give a small transaction that need not survive a power failure; within a write, its own connection."""
        with self.translated():
            self._make_ready_to_write()
            if self._writer.mine:
                yield self._writer.link.sql
                return
            with self._leaser.transaction(self._patience_s, Streams()) as link:
                yield link.sql

    def _notice_fork(self) -> None:
        """Begin afresh in a forked process: SQLite forbids to use there, or to close, what the parent opened."""
        if self._process != os.getpid():
            _PARENTS.extend([self._idle, self._writer, self._leaser])
            self._begin_afresh()

    def _make_ready_to_write(self) -> None:
        self._notice_fork()
        if self.mode != "rw":
            raise trouble.read_only(self.path)

    def _close_idle(self) -> None:
        while self._idle:
            self._idle.pop().close()

    def close(self) -> None:
        """Close all connections that are not in use."""
        if self._process == os.getpid():
            self._close_idle()
            self._writer.close()
            self._leaser.close()


class _Single:
    """The one connection of its sort, for one thread at a time."""

    def __init__(self, database: Database, pragmas: Sequence[str]) -> None:
        self._database = database
        self._pragmas = pragmas
        self._turn = threading.Lock()
        self._owner = 0
        self._link: Link | None = None

    @property
    def link(self) -> Link:
        if self._link is None:
            self._link = self._database.link(self._pragmas)
            self._link.raw.execute("PRAGMA busy_timeout=0")  # we wait ourselves, see _begin
        return self._link

    @property
    def mine(self) -> bool:
        """Whether this thread is in a transaction here."""
        return self._owner == threading.get_ident()

    @contextmanager
    def transaction(self, patience_s: float, streams: Streams) -> Iterator[Link]:
        if self.mine:
            raise trouble.writing_already()
        deadline = time.monotonic() + patience_s
        if not self._turn.acquire(timeout=patience_s):
            raise sqlite_trouble.locked(self._database.path)
        try:
            self._begin(deadline)
            self._owner = threading.get_ident()
            yield self.link
            streams.close()
            self.link.raw.execute("COMMIT")
        finally:
            self._owner = 0
            self._end(streams)
            self._turn.release()

    def _begin(self, deadline: float) -> None:
        # SQLite's own waiting sleeps longer the longer it has waited, so that who comes last is served first. All wait
        # alike here: each has the same chance at every turn, and a lock that is free is taken within milliseconds.
        while True:
            try:
                self.link.raw.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                if not sqlite_trouble.is_busy(error):
                    raise
                if time.monotonic() > deadline:
                    raise sqlite_trouble.locked(self._database.path) from error
                time.sleep(_POLL_S * random.uniform(0.5, 1.5))  # noqa: S311  # spreads the waiting, keeps no secret
            else:
                return

    def _end(self, streams: Streams) -> None:
        if self._link is None or not self._link.raw.in_transaction:
            return
        try:
            streams.close()
            self._link.raw.rollback()
        except sqlite3.Error:
            self.close()

    def close(self) -> None:
        if self._link is not None:
            self._link.close()
            self._link = None


_PARENTS: list[object] = []
"""Connections of the process from which this one was forked: kept, so that nothing closes them."""
