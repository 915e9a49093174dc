"""How a catalogue in PostgreSQL is opened, how one is made, and how an older one is brought up to date."""

from __future__ import annotations

from herdbook.kernel.errors import InvalidError
from herdbook.stores.sql import opening
from herdbook.stores.sql.engine import PATIENCE_S
from herdbook.stores.sql.postgres import trouble as postgres_trouble
from herdbook.stores.sql.postgres.engine import ONE_WRITER, Database
from herdbook.stores.sql.postgres.links import Link, say

_STATE = (
    "SELECT current_setting('server_encoding'), current_setting('transaction_read_only') = 'on', "
    "to_regclass('registry') IS NOT NULL, to_regclass('alembic_version') IS NOT NULL"
)
_MADE = "SELECT EXISTS (SELECT FROM pg_class WHERE relname = 'registry' AND pg_table_is_visible(oid))"
"""As ``to_regclass`` tells, but never from what the session remembers of before it waited."""
_WHICH = "SELECT id, version_num, written_by FROM registry, alembic_version"


def open_database(url: str, *, create: bool, read_only: bool, patience_s: float) -> Database:
    """Open a database; one that follows another server is only read.

    Raises:
        MissingError: when it holds no catalogue and none shall be made.
        InvalidError: ``bad-settings`` for a URL that is none; ``bad-encoding``; ``not-a-catalogue``.
        DeniedError: when PostgreSQL does not let us in, or make tables.
        UnavailableError: when it does not answer.
    """
    database = Database(url, read_only=read_only, patience_s=patience_s)
    try:
        with database.linked() as link:
            _make_sure(database, link, create=create, patience_s=patience_s)
    except BaseException:
        database.close()
        raise
    return database


def _make_sure(database: Database, link: Link, *, create: bool, patience_s: float) -> None:
    encoding, follows, ours, versioned = say(link.raw, _STATE)
    if encoding != "UTF8":
        raise _not_utf8(database.place, encoding)
    if follows:
        database.become_read_only()
    if versioned and not ours:
        raise _of_another(database.place)
    if ours:
        return
    if not create or database.read_only:
        raise postgres_trouble.no_catalogue(database.place)
    _create(link, patience_s)


def registry_of(database: Database) -> str:
    """Return the id of the registry.

    Raises:
        InvalidError: ``newer-schema`` or ``older-schema``.
    """
    with database.linked() as link:
        id_, revision, written_by = say(link.raw, _WHICH)
    opening.check_revision(database.place, revision, written_by)
    return str(id_)


def _create(link: Link, patience_s: float) -> None:
    """Make the tables, unless another process does so at the same moment."""
    _become_writer(link, patience_s)
    if not say(link.raw, _MADE)[0]:
        with_partial_indices()
        opening.fill(link.sql)
    say(link.raw, "COMMIT")


def with_partial_indices() -> None:
    """Let the indices that SQLite has for some rows be for the same rows here.

    The tables' own module does not say so: it would load PostgreSQL's dialect, a tenth of every start.
    """
    for table in opening.TABLES.tables.values():
        for index in table.indexes:
            index.dialect_options["postgresql"]["where"] = index.dialect_options["sqlite"]["where"]


def migrate(url: str, *, patience_s: float = PATIENCE_S) -> str | None:
    """Bring an older catalogue up to date, in one transaction; return its revision before, ``None`` if it is the last.

    Raises:
        MissingError: when there is none.
        InvalidError: when its schema is newer than this Herdbook.
        UnavailableError: when another process writes, or the disk is full.
    """
    database = open_database(url, create=False, read_only=False, patience_s=patience_s)
    try:
        try:
            registry_of(database)
        except InvalidError as error:
            if error.code != "older-schema":
                raise
            revision = str(error.details["revision"])
        else:
            return None
        upgrade(database, patience_s)
    finally:
        database.close()
    return revision


def upgrade(database: Database, patience_s: float, revision: str = "head") -> None:
    """Bring a database to a revision; an empty one gets tables without rows."""
    from herdbook.stores.sql.migrations import upgrade as migrations  # noqa: PLC0415  # Alembic: needed here alone

    with database.linked() as link:
        _become_writer(link, patience_s)
        migrations.run(link.sql, revision)
        say(link.raw, "COMMIT")


def _become_writer(link: Link, patience_s: float) -> None:
    wait = max(1, round(patience_s * 1000))
    say(link.raw, f"BEGIN; SET LOCAL lock_timeout = {wait}; SELECT pg_advisory_xact_lock({ONE_WRITER})")


def _not_utf8(place: str, encoding: str) -> InvalidError:
    return InvalidError(
        f"{place} holds text as {encoding}, which has not all characters",
        code="bad-encoding",
        hint="Make one with `createdb --encoding=UTF8 --template=template0`.",
    )


def _of_another(place: str) -> InvalidError:
    return InvalidError(
        f"{place} holds tables of something else",
        code="not-a-catalogue",
        hint="Give the catalogue a database of its own: `createdb` makes one.",
    )
