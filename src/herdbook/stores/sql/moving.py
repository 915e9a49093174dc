"""A registry's catalogue moves out of its file into PostgreSQL, with the id of the registry: its home goes along.

While it is copied, nobody writes the file; both are compared before anything counts; then, in this order, the database
keeps it and the file refuses every further write, also of processes that have it open. A move that breaks off is done
again: before the database keeps it nothing happened, and afterwards what is missing is done.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from psycopg import Cursor, sql
from sqlalchemy import Connection, Table

from herdbook.kernel.errors import ConflictError
from herdbook.model.rows import Head
from herdbook.stores.sql import carry
from herdbook.stores.sql.catalogue import SqlReader
from herdbook.stores.sql.engine import PATIENCE_S, Streams
from herdbook.stores.sql.postgres import engine as postgres
from herdbook.stores.sql.postgres.links import Link, say
from herdbook.stores.sql.postgres.opening import with_partial_indices
from herdbook.stores.sql.sqlite import opening as sqlite_opening

MOVED = ".moved"
"""What the file's name ends in afterwards."""
_EMPTY = "SELECT to_regclass('registry') IS NULL"
WRITTEN = ("events", "bodies", "leases", "memos", "people", "contents")
"""Tables with which every write begins."""


def move(
    path: Path, url: str, told: carry.Told | None = None, *, patience_s: float = PATIENCE_S
) -> list[tuple[Head, str]]:
    """Move a catalogue; return where each journal stands, and the digest of its state.

    Raises:
        ConflictError: ``not-empty`` when the database holds another registry, or one that went on.
        CorruptError: ``copy-differs``.
        InvalidError: when one of the two is of another schema, or is none.
        UnavailableError: when another process writes, or a disk is full.
    """
    source = sqlite_opening.open_database(path, create=False, read_only=False, patience_s=patience_s)
    try:
        registry = sqlite_opening.registry_of(source)
        target = postgres.Database(url, read_only=False, patience_s=patience_s)
        try:
            with source.writing(streams := Streams()) as old:
                found = _into(old, streams, target, registry, told)
                _close(old)
        finally:
            target.close()
    finally:
        source.close()
    path.replace(path.with_name(path.name + MOVED))
    return list(found.values())


def _into(
    old: Connection, streams: Streams, target: postgres.Database, registry: str, told: carry.Told | None
) -> dict[str, tuple[Head, str]]:
    with target.linked() as link:
        (empty,) = say(link.raw, f"BEGIN; SELECT pg_advisory_xact_lock({postgres.ONE_WRITER}); {_EMPTY}")
        if empty:
            with_partial_indices()
            carry.make(link.sql)
            carry.rows(old, _copying(link), told)
            _count_on(link)
        else:
            (here,) = say(link.raw, "SELECT id FROM registry")
            if here != registry:
                raise _not_empty(target.place, here)
        new = Streams()
        found = carry.compare(SqlReader(old, streams), SqlReader(link.sql, new))
        new.close()
        say(link.raw, "ANALYZE; COMMIT")
        return found


def _copying(link: Link) -> carry.Put:
    """Take rows by PostgreSQL's COPY, which costs a quarter of inserting them."""

    def put(table: Table, part: list[tuple[Any, ...]]) -> None:
        names = sql.SQL(", ").join(sql.Identifier(column.name) for column in table.columns)
        into = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table.name), names)
        with Cursor(link.raw) as cursor, cursor.copy(into) as copy:
            for row in part:
                copy.write_row(row)

    return put


def _count_on(link: Link) -> None:
    """Let numbers that the database gives go on behind those that were copied."""
    for table in carry.tables():
        column = table.autoincrement_column
        if column is not None:
            say(
                link.raw,
                f"SELECT setval(pg_get_serial_sequence('{table.name}', '{column.name}'), "  # noqa: S608  # names of our own
                f"coalesce(max({column.name}), 0) + 1, false) FROM {table.name}",
            )


def _not_empty(place: str, registry: str) -> ConflictError:
    return ConflictError(
        f"{place} holds the registry {registry} already",
        code="not-empty",
        hint="Name an empty database: `createdb` makes one.",
    )


def _close(old: Connection) -> None:
    """Let the file refuse every further write: other processes may have it open."""
    for table in WRITTEN:
        old.exec_driver_sql(
            f"CREATE TRIGGER IF NOT EXISTS moved_{table} BEFORE INSERT ON {table} "
            "BEGIN SELECT RAISE(ABORT, 'this registry was moved into PostgreSQL'); END"
        )
