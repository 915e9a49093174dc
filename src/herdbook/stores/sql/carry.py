"""A whole catalogue from one database into another, of either kind: the same registry, row for row, in another place.

Both have the same tables (``schema``), and numbers are copied with the rows, so a row is the same row there.
PostgreSQL into a file is a backup that opens without a server; a file into PostgreSQL is how a registry moves.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Table, create_engine, insert, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from herdbook.kernel.errors import CorruptError
from herdbook.model.journal import digest_lines
from herdbook.model.rows import Head
from herdbook.ports.catalogue import Reader
from herdbook.stores.sql import opening, trouble
from herdbook.stores.sql.bulk import Many
from herdbook.stores.sql.schema import alembic_version
from herdbook.stores.sql.sqlite import mounts
from herdbook.stores.sql.sqlite import trouble as sqlite_trouble
from herdbook.stores.sql.sqlite.opening import APPLICATION_ID

FILE = "catalogue.sqlite"
"""What the catalogue of a folder is called."""
TOGETHER = 5000
"""Rows that are in memory at once."""
Told = Callable[[str, int], None]
"""Is told of a table, and how many of its rows are there."""
Put = Callable[[Table, list[tuple[Any, ...]]], None]
"""Takes rows of a table, values in the order of its columns."""


def tables() -> list[Table]:
    """Return all tables, each behind those that it refers to."""
    return [alembic_version, *opening.TABLES.sorted_tables]


def make(target: Connection) -> None:
    """Make all tables, without a row."""
    opening.TABLES.create_all(target, checkfirst=False)
    alembic_version.create(target, checkfirst=False)


def rows(source: Connection, put: Put, told: Told | None = None) -> None:
    """Copy all rows of a snapshot into tables that are empty."""
    for table in tables():
        done = 0
        with source.execution_options(yield_per=TOGETHER).execute(select(table)) as found:
            for part in found.partitions(TOGETHER):
                put(table, [tuple(row) for row in part])
                done += len(part)
                if told:
                    told(table.name, done)


def compare(old: Reader, new: Reader) -> dict[str, tuple[Head, str]]:
    """Hold journals and states of two catalogues against one another; return both by namespace.

    Raises:
        CorruptError: when they are not the same.
    """
    if (was := _stand(old)) != (now := _stand(new)):
        differing = sorted(name for name in was.keys() | now.keys() if was.get(name) != now.get(name))
        raise CorruptError(
            f"the copy differs in {', '.join(differing)}; nothing was changed",
            code="copy-differs",
            hint="Run `herdbook doctor` on the registry first.",
        )
    return now


def _stand(reader: Reader) -> dict[str, tuple[Head, str]]:
    return {head.namespace: (head, digest_lines(reader.state_lines(head.namespace))) for head in reader.heads()}


def into_file(source: Connection, target: Path) -> None:
    """Write a catalogue as one file, durably; it replaces an older one when it is whole.

    Raises:
        UnavailableError: when the disk is full.
        DeniedError: when it cannot be written.
    """
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        mounts.make_folder(target.parent)
        part.unlink(missing_ok=True)
        _fill(source, part)
        handle = os.open(part, os.O_RDWR)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
        part.replace(target)
        mounts.sync_folder(target.parent)
    except DBAPIError as error:
        if isinstance(error.orig, sqlite3.Error):
            raise sqlite_trouble.translate(error, target) from error
        raise  # of the source, whose own words are put in place around this
    except OSError as error:
        raise trouble.of_system(error, target) from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def _fill(source: Connection, path: Path) -> None:
    engine = create_engine(
        "sqlite+pysqlite://", creator=lambda: sqlite3.connect(path, isolation_level=None), poolclass=NullPool
    )
    with engine.connect() as target:
        target.exec_driver_sql("PRAGMA journal_mode=OFF")  # nobody sees the file before it is whole
        target.exec_driver_sql("PRAGMA synchronous=OFF")  # it is synced at the end, at once
        target.exec_driver_sql("BEGIN")
        target.exec_driver_sql(f"PRAGMA application_id={APPLICATION_ID}")
        make(target)
        rows(source, _inserting(target))
        target.exec_driver_sql("COMMIT")


def _inserting(target: Connection) -> Put:
    known: dict[Table, Many] = {}

    def put(table: Table, part: list[tuple[Any, ...]]) -> None:
        if table not in known:
            known[table] = Many(insert(table), *(column.name for column in table.columns), plain=True)
        known[table].run(target, part)

    return put
