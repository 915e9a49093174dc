"""What the catalogue needs of a database, whichever it is: looks, the one writer, leases beside it."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import Connection, CursorResult

PATIENCE_S = 30.0
"""How long a writer waits for another one, in seconds."""


class Streams:
    """Results that are read while they come: they hold the snapshot, so they end with their transaction."""

    def __init__(self) -> None:
        self._open: list[CursorResult[*tuple[Any, ...]]] = []

    def keep(self, result: CursorResult[*tuple[Any, ...]]) -> CursorResult[*tuple[Any, ...]]:
        """Remember a result."""
        self._open.append(result)
        return result

    @property
    def reading(self) -> bool:
        """Whether one of them may have rows left."""
        return any(not result.closed for result in self._open)

    def close(self) -> None:
        """End them all."""
        for result in self._open:
            result.close()


class Database(Protocol):
    """One database. Threads share it; after a fork each process has connections of its own.

    Errors of the database leave every method, and every block, as ours.
    """

    @property
    def read_only(self) -> bool:
        """Whether nothing can be written."""
        ...

    def reading(self, streams: Streams) -> AbstractContextManager[Connection]:
        """Give one snapshot: what is written meanwhile is not seen."""
        ...

    def writing(self, streams: Streams) -> AbstractContextManager[Connection]:
        """Give the writer's lock; commit at the end, or leave everything as it was.

        Raises:
            DeniedError: when the database may only be read.
            UnavailableError: when another writer did not end in time, or the disk is full.
        """
        ...

    def leasing(self) -> AbstractContextManager[Connection]:
        """Give a small transaction that no write overlaps; within this thread's write, that one."""
        ...

    def check(self) -> list[str]:
        """Run the database's own checks; return problems."""
        ...

    def backup(self, folder: Path) -> None:
        """Write a consistent copy into a folder, durably; it replaces an older one when it is whole."""
        ...

    def close(self) -> None:
        """Close all connections that are not in use."""
        ...
