"""Statements without rows that are sent without waiting for their answers, until somebody asks something.

A registration writes into a dozen tables, and waits for no answer of theirs: so its way to the database is shorter by a
third, which is what all others wait for.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

import psycopg
from sqlalchemy import Connection, Engine, event

from herdbook.stores.sql.bulk import QUEUE
from herdbook.stores.sql.engine import Streams


class Queue:
    """What one transaction sent and has no answer to yet. An error of it is raised by what comes next, or by the end.

    Args:
        raw: the connection.
        streams: results that are still read: while there are some, every statement is waited for.
    """

    def __init__(self, raw: psycopg.Connection[Any], streams: Streams) -> None:
        self._raw = raw
        self._streams = streams
        self._pipeline: AbstractContextManager[psycopg.Pipeline] | None = None

    def put(self, statement: str, rows: list[tuple[Any, ...]]) -> None:
        """Send a statement for some rows."""
        with self._raw.cursor() as cursor:
            if self._streams.reading:
                cursor.executemany(statement, rows)
                return
            if self._pipeline is None:
                self._pipeline = self._raw.pipeline()
                self._pipeline.__enter__()  # until settle
            for row in rows:
                cursor.execute(statement, row, prepare=True)

    def settle(self) -> None:
        """Wait for all answers.

        Raises:
            psycopg.Error: the first that is one.
        """
        if self._pipeline is not None:
            pipeline, self._pipeline = self._pipeline, None
            pipeline.__exit__(None, None, None)


def settle_before_questions(engine: Engine) -> None:
    """Let every statement through SQLAlchemy wait for what was sent before it."""

    @event.listens_for(engine, "before_cursor_execute")
    def _(connection: Connection, *_: object) -> None:
        if QUEUE in connection.info:
            connection.info[QUEUE].settle()
