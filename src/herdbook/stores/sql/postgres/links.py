"""Connections of one process: what each is, how many there are at once, how something is said without parameters."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import pq
from sqlalchemy import Connection

from herdbook.stores.sql.bulk import QUEUE
from herdbook.stores.sql.engine import Streams
from herdbook.stores.sql.postgres import trouble as postgres_trouble
from herdbook.stores.sql.postgres.queue import Queue


@dataclass(eq=False, slots=True)
class Link:
    """A connection, as SQLAlchemy and as the driver have it."""

    sql: Connection
    raw: psycopg.Connection[Any]
    sent: Queue | None = None

    def queue(self, streams: Streams) -> None:
        """Send what has no rows without waiting for the answer, until ``settle``."""
        self.sent = self.sql.info[QUEUE] = Queue(self.raw, streams)

    def settle(self) -> None:
        """Wait for the answers to what was sent so."""
        if self.sent is not None:
            sent, self.sent = self.sent, None
            if not self.sql.invalidated:
                self.sql.info.pop(QUEUE, None)
            sent.settle()

    def give_back(self) -> None:
        """End what goes on, and let the next one have it; a connection that was lost is thrown away."""
        with suppress(psycopg.Error):
            self.settle()
        with suppress(psycopg.Error):
            self.raw.rollback()
        if self.raw.closed or self.raw.info.transaction_status is not pq.TransactionStatus.IDLE:
            self.sql.invalidate()
        self.sql.close()


class Gate:
    """Bounds how many threads are connected. One that is, may have further connections: it would wait for itself."""

    def __init__(self, most: int) -> None:
        self._free = threading.BoundedSemaphore(most)
        self._depths: Counter[int] = Counter()
        self._counting = threading.Lock()

    @contextmanager
    def passed(self, patience_s: float, place: str) -> Iterator[None]:
        """Wait for one's turn; ``place`` names the database for the error of one who waits in vain."""
        thread = threading.get_ident()
        outermost = not self._depths[thread]
        if outermost and not self._free.acquire(timeout=patience_s):
            raise postgres_trouble.unavailable(place, "all connections of this process are in use")
        self._count(thread, 1)
        try:
            yield
        finally:
            self._count(thread, -1)
            if outermost:
                self._free.release()

    def _count(self, thread: int, change: int) -> None:
        with self._counting:
            self._depths[thread] += change
            if not self._depths[thread]:
                del self._depths[thread]


def say(raw: psycopg.Connection[Any], statements: str) -> Any:  # noqa: ANN401  # the last one's first row, if any
    """Run statements without parameters, at once; return the first row of the last one."""
    with psycopg.Cursor(raw) as cursor:  # not a binary one, to which PostgreSQL gives one statement at a time
        cursor.execute(statements, prepare=False)
        last = list(cursor.results())[-1]
        return last.fetchone() if last.description else None
