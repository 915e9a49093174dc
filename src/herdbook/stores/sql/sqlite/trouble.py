"""What SQLite says when it cannot, in our words. The only place that reads its error codes."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from herdbook.kernel.errors import CorruptError, HerdbookError, UnavailableError
from herdbook.stores.sql import trouble

_FEW_BYTES = 2**20
"""With less than this free, an input/output error is taken for a full disk."""


def translate(error: DBAPIError | sqlite3.Error, path: Path) -> HerdbookError:
    """Return our error for SQLite's."""
    cause, primary = _cause(error)
    if primary == sqlite3.SQLITE_FULL or (primary == sqlite3.SQLITE_IOERR and _is_full(path)):
        return trouble.disk_full(path)
    if primary in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        return locked(path)
    if primary in {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH}:
        return trouble.read_only(path)
    if primary in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
        return CorruptError(
            f"{path} is not a sound catalogue: {cause}",
            code="catalogue-corrupt",
            hint="Restore a backup, or import the bundle of each namespace into a new registry.",
        )
    if primary == sqlite3.SQLITE_CONSTRAINT:
        return trouble.contradiction(cause)
    if primary in {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_NOMEM}:
        return UnavailableError(
            f"{path} cannot be read or written: {cause}",
            code="catalogue-unavailable",
            hint="Look at the disk, at its mount and at the permissions of the folder.",
        )
    return CorruptError(
        f"the database {path} does not answer as a catalogue: {cause}",
        code="catalogue-corrupt",
        hint="Run `herdbook doctor`; if it finds nothing, please report this.",
    )


def is_busy(error: DBAPIError | sqlite3.Error) -> bool:
    """Say whether another connection holds a lock."""
    return _cause(error)[1] == sqlite3.SQLITE_BUSY


def locked(path: Path) -> UnavailableError:
    """Return the error for a writer that waited in vain."""
    return trouble.locked(path, "Try again when it has ended; `fuser` names processes that have the file open.")


def _cause(error: DBAPIError | sqlite3.Error) -> tuple[BaseException | None, int]:
    """Return SQLite's own error and its primary code; the rest of an extended code is detail."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    return cause, getattr(cause, "sqlite_errorcode", 0) & 0xFF


def _is_full(path: Path) -> bool:
    try:
        disk = os.statvfs(path.parent)
    except OSError:
        return False
    return disk.f_bavail * disk.f_frsize < _FEW_BYTES
