"""A registry's catalogue moves out of its file into PostgreSQL, with the id of the registry: its home goes along.

While it is copied, nobody writes the file; both are compared before anything counts; then, in this order, the database
keeps it and the file refuses every further write, also of processes that have it open. A move that breaks off is done
again: before the database keeps it nothing happened, and afterwards what is missing is done.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection

from herdbook.kernel.errors import ConflictError
from herdbook.model.rows import Head
from herdbook.stores.sql import carry
from herdbook.stores.sql.catalogue import SqlReader
from herdbook.stores.sql.engine import PATIENCE_S, Streams
from herdbook.stores.sql.postgres import engine as postgres
from herdbook.stores.sql.postgres import opening as postgres_opening
from herdbook.stores.sql.sqlite import opening as sqlite_opening

MOVED = ".moved"
"""What the file's name ends in afterwards."""
WRITTEN = ("events", "bodies", "leases", "memos", "people", "contents")
"""Tables with which every write begins."""


def move(path: Path, url: str, told: carry.Told | None = None, *, patience_s: float = PATIENCE_S) -> list[tuple[Head, str]]:
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
                found = _into(old, streams, target, registry, told, patience_s)
                _close(old)
        finally:
            target.close()
    finally:
        source.close()
    path.replace(path.with_name(path.name + MOVED))
    return list(found.values())


def _into(
    old: Connection, streams: Streams, target: postgres.Database, registry: str, told: carry.Told | None, patience_s: float
) -> dict[str, tuple[Head, str]]:
    with target.linked() as link:
        postgres_opening.become_writer(link, patience_s)
        if not postgres_opening.is_empty(link):
            (here,) = postgres.say(link.raw, "SELECT id FROM registry")
            if here != registry:
                raise _not_empty(target.place, f"the registry {here}")
        else:
            postgres_opening.with_partial_indices()
            carry.make(link.sql)
            carry.rows(old, link.sql, told)
        new = Streams()
        found = carry.compare(SqlReader(old, streams), SqlReader(link.sql, new))
        new.close()
        postgres.say(link.raw, "ANALYZE")
        postgres.say(link.raw, "COMMIT")
        return found


def _not_empty(place: str, what: str) -> ConflictError:
    return ConflictError(
        f"{place} holds {what} already", code="not-empty", hint="Name an empty database: `createdb` makes one."
    )


def _close(old: Connection) -> None:
    """Let the file refuse every further write: other processes may have it open."""
    for table in WRITTEN:
        old.exec_driver_sql(
            f"CREATE TRIGGER IF NOT EXISTS moved_{table} BEFORE INSERT ON {table} "
            "BEGIN SELECT RAISE(ABORT, 'this registry was moved into PostgreSQL'); END"
        )
