"""Connections to one PostgreSQL database: looks that are snapshots, and one writer among all processes.

We begin and end transactions ourselves (the driver is in autocommit mode). A look is REPEATABLE READ, READ ONLY. A
writer takes an advisory lock of the whole database before it reads anything, and READ COMMITTED, so that each of its
statements sees what the writer before it committed. Leases take the same lock for a moment: the garbage collector
relies on that.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg
from psycopg import pq
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import Connection, create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import QueuePool

from herdbook.kernel.errors import InvalidError
from herdbook.stores.sql import opening, trouble
from herdbook.stores.sql.bulk import ROWS
from herdbook.stores.sql.engine import PATIENCE_S, Streams
from herdbook.stores.sql.postgres import checks, text
from herdbook.stores.sql.postgres import trouble as postgres_trouble
from herdbook.stores.sql.postgres.links import Gate, Link, say
from herdbook.stores.sql.postgres.queue import settle_before_questions

KEPT = 8
"""Connections that are kept for the next who needs one."""
MOST = 24
"""Threads of one process that are connected at once; others wait."""
ONE_WRITER = 0x4865726462303031
"""The key of the advisory lock that makes its holder the one writer: ``Herdb001``."""

_MANY_ROWS = 20_000
_CONNECT: dict[str, Any] = {
    "connect_timeout": 10,
    "fallback_application_name": "herdbook",
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}
# A machine that vanishes with the lock gives it back within a minute, a process that stands still within ten. A commit
# is durable before it is acknowledged, whatever the database's own setting; JIT compiling is for longer questions.
# Every question of ours follows an index, row by row, as it does in SQLite. PostgreSQL would not know that while it has
# not analysed a table that grows, and keeps a plan that it made when the table was empty.
_SESSION = """
SET tcp_keepalives_idle = 30; SET tcp_keepalives_interval = 10; SET tcp_keepalives_count = 3;
SET idle_in_transaction_session_timeout = '10min'; SET jit = off;
SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off;
SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'
"""
# The snapshot is of the first question; so it is asked at once, and worth its way.
_WHICH = "SELECT version_num, written_by FROM alembic_version, registry"
_READ = f"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; {_WHICH}"
_WRITE = (
    "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL lock_timeout = {wait}; {more}"
    f"SELECT pg_advisory_xact_lock({ONE_WRITER}); {_WHICH}"
)
# The lock is not held while a lease becomes durable: that is waited for afterwards, by a record of no meaning that is
# written behind it. (A write could not be so: it would be seen, and mirrored, before it is durable.)
_NO_SYNC = "SET LOCAL synchronous_commit = off; "
_SYNC = "SELECT pg_logical_emit_message(true, 'herdbook', '')"


class Database:
    """One database.

    Args:
        url: ``postgresql://…``, as libpq reads it: whatever it leaves out comes from the environment.
        read_only: never write.
        patience_s: how long a writer waits for another one, in seconds.

    Raises:
        InvalidError: when it is no such URL.
    """

    def __init__(self, url: str, *, read_only: bool, patience_s: float = PATIENCE_S) -> None:
        self.url = url
        self.place = _shown(url)
        self._read_only = read_only
        self._patience_s = patience_s
        self._begin_afresh()

    def _begin_afresh(self) -> None:
        self._process = os.getpid()
        self._engine = create_engine(
            "postgresql+psycopg://",
            creator=self._connect,
            paramstyle="format",
            use_native_hstore=False,
            poolclass=QueuePool,
            pool_size=KEPT,
            max_overflow=-1,
            pool_use_lifo=True,
            pool_reset_on_return=None,  # give_back does
        )
        settle_before_questions(self._engine)
        self._turn = threading.Lock()
        self._owner = 0
        self._writer: Link | None = None
        self._gate = Gate(MOST)
        self._rows, self._enough = 0, _MANY_ROWS

    @property
    def read_only(self) -> bool:
        """Whether nothing can be written."""
        return self._read_only

    def become_read_only(self) -> None:
        """Never write: the server only follows another one."""
        self._read_only = True

    def _connect(self) -> psycopg.Connection[Any]:
        given = conninfo_to_dict(self.url)
        defaults = {name: value for name, value in _CONNECT.items() if name not in given}
        try:
            raw = psycopg.connect(self.url, autocommit=True, client_encoding="utf8", **defaults)
        except psycopg.OperationalError as error:
            raise postgres_trouble.of_connecting(error, self.place) from error
        try:
            text.adapt(raw)
            say(raw, _SESSION)
        except BaseException:
            raw.close()
            raise
        return raw

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Let errors of the database out as ours."""
        try:
            yield
        except (DBAPIError, psycopg.Error) as error:
            raise postgres_trouble.translate(error, self.place) from error

    @contextmanager
    def linked(self) -> Iterator[Link]:
        """Give a connection outside any transaction."""
        self._notice_fork()
        with self.translated(), self._gate.passed(self._patience_s, self.place):
            link = self._link()
            try:
                yield link
            finally:
                link.give_back()

    def _link(self) -> Link:
        sql = self._engine.connect()
        raw = sql.connection.driver_connection
        assert isinstance(raw, psycopg.Connection)
        return Link(sql, raw)

    @contextmanager
    def _begun(self, how: str) -> Iterator[Link]:
        """Give a transaction, on a connection that is alive: one that the server closed meanwhile is replaced."""
        self._notice_fork()
        with self.translated(), self._gate.passed(self._patience_s, self.place):
            link = self._link()
            try:
                which = say(link.raw, how)
            except psycopg.OperationalError as error:
                lost = postgres_trouble.is_lost(error, link.raw)
                link.give_back()
                if not lost:
                    raise
                self._engine.dispose()  # the others that waited were closed as well
                link = self._link()
                try:
                    which = say(link.raw, how)
                except BaseException:
                    link.give_back()
                    raise
            except BaseException:
                link.give_back()
                raise
            try:
                opening.check_revision(self.place, *which)
                yield link
            finally:
                link.give_back()

    @contextmanager
    def reading(self, streams: Streams) -> Iterator[Connection]:
        """Give one snapshot: what is written meanwhile is not seen."""
        with self._begun(_READ) as link:
            try:
                yield link.sql
            finally:
                _close(streams)

    @contextmanager
    def writing(self, streams: Streams) -> Iterator[Connection]:
        """Give the writer's lock; commit at the end, or leave everything as it was.

        Raises:
            DeniedError: when the database may only be read.
            UnavailableError: when another writer did not end in time, the disk is full, or the database is away;
                ``outcome-unknown`` when it went during the commit.
        """
        self._make_ready_to_write()
        if self.mine:
            raise trouble.writing_already()
        deadline = time.monotonic() + self._patience_s
        if not self._turn.acquire(timeout=self._patience_s):  # so that one of our threads waits in the database
            raise postgres_trouble.locked(self.place)
        try:
            with self._begun(_locking(deadline - time.monotonic())) as link:
                self._owner, self._writer = threading.get_ident(), link
                link.queue(streams)
                try:
                    yield link.sql
                    streams.close()
                    self._commit(link)
                    self._note(link)
                finally:
                    self._owner, self._writer = 0, None
                    _close(streams)
        finally:
            self._turn.release()

    @property
    def mine(self) -> bool:
        """Whether this thread is the writer."""
        return self._owner == threading.get_ident()

    @contextmanager
    def leasing(self) -> Iterator[Connection]:
        """Give a small transaction that no write overlaps; within this thread's write, that one."""
        self._make_ready_to_write()
        if self.mine and self._writer is not None:
            with self.translated():
                yield self._writer.sql
            return
        with self._begun(_locking(self._patience_s, _NO_SYNC)) as link:
            link.queue(Streams())
            yield link.sql
            self._commit(link)
            say(link.raw, _SYNC)

    def _commit(self, link: Link) -> None:
        link.settle()
        if link.raw.info.transaction_status is pq.TransactionStatus.INERROR:
            raise trouble.contradiction("a statement before failed")  # COMMIT would undo everything, and not say so
        try:
            link.raw.execute("COMMIT", prepare=False)
        except psycopg.Error as error:
            if postgres_trouble.is_lost(error, link.raw):
                raise postgres_trouble.outcome_unknown(self.place, str(error).strip()) from error
            raise

    def _note(self, link: Link) -> None:
        """Let PostgreSQL analyse its tables when many rows came at once: its own turn comes a minute later."""
        self._rows += link.sql.info.pop(ROWS, 0)
        if self._rows > self._enough:
            self._rows, self._enough = 0, 2 * self._enough
            with suppress(psycopg.Error):  # what was written is durable
                say(link.raw, "; ".join(f"ANALYZE {table}" for table in opening.TABLES.tables))

    def _make_ready_to_write(self) -> None:
        self._notice_fork()
        if self._read_only:
            raise trouble.read_only(self.place)

    def _notice_fork(self) -> None:
        """Begin afresh in a forked process: the parent's connections are its own."""
        if self._process != os.getpid():
            _PARENTS.append(self._engine)
            self._begin_afresh()

    def check(self) -> list[str]:
        """Look for indices and constraints that do not hold; return problems."""
        with self.linked() as link:
            return checks.problems(link.sql)

    def backup(self, folder: Path) -> None:
        """Write ``catalogue.sqlite`` into a folder: the catalogue as one file, which opens without a server.

        Raises:
            UnavailableError: when the disk is full.
        """
        from herdbook.stores.sql import carry  # noqa: PLC0415  # SQLite is needed here alone

        with self.reading(Streams()) as connection:
            carry.into_file(connection, folder / carry.FILE)

    def close(self) -> None:
        """Close all connections that are not in use."""
        if self._process == os.getpid():
            self._engine.dispose()


def _locking(wait_s: float, more: str = "") -> str:
    return _WRITE.format(wait=max(1, round(wait_s * 1000)), more=more)


def _close(streams: Streams) -> None:
    with suppress(DBAPIError, psycopg.Error):  # of a connection that was lost
        streams.close()


def _shown(url: str) -> str:
    """Return what names the database in messages: no user, no password."""
    try:
        given = conninfo_to_dict(url)
    except psycopg.ProgrammingError as error:
        raise InvalidError(
            f"the catalogue's URL cannot be read: {error}",
            code="bad-settings",
            hint="Write postgresql://HOST/DATABASE.",
        ) from error
    host = given.get("host") or os.environ.get("PGHOST") or "localhost"
    name = given.get("dbname") or os.environ.get("PGDATABASE") or given.get("user") or ""
    port = f":{given['port']}" if given.get("port") else ""
    return f"database {name} at {host}{port}"


_PARENTS: list[object] = []
"""Connections of the process from which this one was forked: kept, so that nothing closes them."""
