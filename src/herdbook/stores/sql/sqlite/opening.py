"""How a catalogue is found sound enough to be opened, how one is made, and how an older one is brought up to date."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from sqlalchemy import create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from herdbook.kernel.errors import DeniedError, InvalidError, MissingError, UnavailableError
from herdbook.stores.sql import opening, trouble
from herdbook.stores.sql.engine import PATIENCE_S
from herdbook.stores.sql.sqlite import mounts
from herdbook.stores.sql.sqlite import trouble as sqlite_trouble
from herdbook.stores.sql.sqlite.engine import Database, Mode

APPLICATION_ID = 0x48524442
"""``HRDB``, in the header of the file, see https://www.sqlite.org/pragma.html#pragma_application_id."""

_POLL_S = 0.01
_NO_LOG = b"\x01\x01"
"""In the header of the file, see https://www.sqlite.org/fileformat.html#file_format_version_numbers."""


def open_database(path: Path, *, create: bool, read_only: bool, patience_s: float) -> Database:
    """Open a database file, whatever it holds.

    Raises:
        MissingError: when there is none and none shall be made.
        DeniedError: when it lies on a network file system and shall be written.
        UnavailableError: when it can only be read once somebody who may write has opened it.
    """
    if not read_only and (found := mounts.network_filesystem(path)):
        raise _on_network(path, *found)
    if create and not read_only and _is_blank(path, patience_s):
        _create(path, patience_s)
    if not path.exists():
        raise MissingError(
            f"there is no registry at {path}", code="no-catalogue", hint="`herdbook init` makes one; or name another."
        )
    writable = not read_only and os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)
    if not writable:
        return Database(path, _reading_mode(path), patience_s)
    _keep_a_log(path, patience_s)
    return Database(path, "rw", patience_s)


def registry_of(database: Database) -> str:
    """Return the id of the registry.

    Raises:
        InvalidError: ``not-a-catalogue``, ``newer-schema`` or ``older-schema``.
        CorruptError: when the file is no database.
    """
    with database.borrowed() as raw:
        if raw.execute("PRAGMA application_id").fetchone() != (APPLICATION_ID,):
            raise InvalidError(
                f"{database.path} is a database, but not of Herdbook",
                code="not-a-catalogue",
                hint="Name the registry's own file, or make one with `herdbook init`.",
            )
        (revision,) = raw.execute("SELECT version_num FROM alembic_version").fetchone()
        id_, written_by = raw.execute("SELECT id, written_by FROM registry").fetchone()
    opening.check_revision(database.path, revision, written_by)
    return str(id_)


def _on_network(path: Path, kind: str, point: str) -> DeniedError:
    return DeniedError(
        f"{path} lies on {point}, a network file system ({kind}), where SQLite's locks do not hold",
        code="network-filesystem",
        hint="Put the registry on a local disk: `herdbook init FOLDER`. Reading a bundle or a backup here is fine.",
        filesystem=kind,
        mount=point,
    )


def _has_content(path: Path) -> bool:
    try:
        return path.stat().st_size > 0
    except FileNotFoundError:
        return False


def _is_blank(path: Path, patience_s: float) -> bool:
    """Say whether there is no database, or one without tables: somebody may be making it just now."""
    if not _has_content(path):
        return True
    try:
        with closing(sqlite3.connect(path, timeout=patience_s)) as raw:
            return bool(raw.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,))
    except sqlite3.Error as error:
        raise sqlite_trouble.translate(error, path) from error


def _reading_mode(path: Path) -> Mode:
    """Return how a file that is only read is opened.

    SQLite reads with locks and a piece of shared memory beside the file. Where that cannot be made, the file is read
    without, which is right as long as nobody writes; ``Database`` opens it again when it has changed between two looks.
    """
    log = Path(f"{path}-wal")
    shared = Path(f"{path}-shm")
    if mounts.network_filesystem(path) is None and (shared.exists() or os.access(path.parent, os.W_OK)):
        return "ro"
    if _has_content(log):
        raise UnavailableError(
            f"the last writes of {path} are still in {log.name}, which cannot be read in a read-only folder",
            code="log-not-folded",
            hint="Copy the folder to a place where you may write, and open the copy.",
        )
    return "immutable"


def _create(path: Path, patience_s: float) -> None:
    """Make the database, unless another process does so at the same moment."""
    try:
        mounts.make_folder(path.parent)
        engine = create_engine(
            "sqlite+pysqlite://",
            creator=lambda: sqlite3.connect(path, timeout=patience_s, isolation_level=None),
            poolclass=NullPool,
        )
        with engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA synchronous=FULL")
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            if connection.exec_driver_sql("SELECT count(*) FROM sqlite_master").scalar() == 0:
                connection.exec_driver_sql(f"PRAGMA application_id={APPLICATION_ID}")
                opening.fill(connection)
            connection.exec_driver_sql("COMMIT")
        mounts.sync_folder(path.parent)  # SQLite does not sync that its journal is gone
    except (DBAPIError, sqlite3.Error) as error:
        raise sqlite_trouble.translate(error, path) from error
    except OSError as error:
        raise trouble.of_system(error, path) from error


def _keep_a_log(path: Path, patience_s: float) -> None:
    """Let a database that is to be written keep a log, so that readers go on meanwhile: a new one, or a backup."""
    try:
        with path.open("rb") as file:
            header = file.read(100)
        if header[18:20] != _NO_LOG or header[68:72] != APPLICATION_ID.to_bytes(4):
            return  # it has a log, or is not ours
        deadline = time.monotonic() + patience_s
        with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as raw:
            while not _switch(raw):
                if time.monotonic() > deadline:
                    raise sqlite_trouble.locked(path)
                time.sleep(_POLL_S)
        mounts.sync_folder(path.parent)
    except sqlite3.Error as error:
        raise sqlite_trouble.translate(error, path) from error
    except OSError as error:
        raise trouble.of_system(error, path) from error


def _switch(raw: sqlite3.Connection) -> bool:
    try:
        raw.execute("PRAGMA journal_mode=WAL")
    except sqlite3.OperationalError as error:
        if sqlite_trouble.is_busy(error):
            return False
        raise
    return True


def migrate(path: Path, *, patience_s: float = PATIENCE_S) -> Path | None:
    """Bring a database of an older schema up to date; return the copy that was kept, ``None`` when nothing was to do.

    Raises:
        MissingError: when there is no database.
        InvalidError: when its schema is newer than this Herdbook, or it is none of Herdbook's.
        UnavailableError: when another process writes, or the disk is full.
    """
    database = open_database(path, create=False, read_only=False, patience_s=patience_s)
    try:
        try:
            registry_of(database)
        except InvalidError as error:
            if error.code != "older-schema":
                raise
            revision = str(error.details["revision"])
        else:
            return None
        if database.mode != "rw":
            raise trouble.read_only(path)
        copy = path.with_name(f"{path.name}.{revision}")
        database.copy_to(copy)
        from herdbook.stores.sql.migrations.upgrade import upgrade  # noqa: PLC0415  # Alembic: needed here alone

        with database.translated():
            upgrade(path, patience_s)
    finally:
        database.close()
    return copy
