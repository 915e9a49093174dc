"""What PostgreSQL says when it cannot, in our words. The only place that reads its error codes.

The codes are those of the manual's appendix "PostgreSQL Error Codes".
"""

from __future__ import annotations

from typing import Any

import psycopg
from sqlalchemy.exc import DBAPIError

from herdbook.kernel.errors import (
    CorruptError,
    DeniedError,
    HerdbookError,
    InvalidError,
    MissingError,
    UnavailableError,
)
from herdbook.stores.sql import trouble

# What the server says before a session has begun comes without a code.
_DENIED = ("authentication failed", "no pg_hba.conf entry", "no password supplied", "permission denied", "role ")
_ABSENT = 'database "'


def translate(error: DBAPIError | psycopg.Error, place: str) -> HerdbookError:
    """Return our error for PostgreSQL's, about a database that ``place`` names without a password."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    code = getattr(cause, "sqlstate", None) or ""
    said = _first_line(cause)
    found = _of_state(code, said, place)
    if found is not None:
        return found
    if isinstance(cause, psycopg.DataError):
        return InvalidError(f"{place} cannot hold this value: {said}", code="bad-value", hint="Change the value.")
    if code[:2] in {"08", "53", "57", "58", "25"} or (not code and isinstance(cause, psycopg.OperationalError)):
        return unavailable(place, said)
    return CorruptError(
        f"{place} does not answer as a catalogue: {said}",
        code="catalogue-corrupt",
        hint="Run `herdbook doctor`; if it finds nothing, please report this.",
    )


def _of_state(code: str, said: str, place: str) -> HerdbookError | None:
    """Return the error for a code that says more than its class."""
    if code == "53100":
        return trouble.disk_full(place)
    if code == "55P03":
        return locked(place)
    if code == "25006":
        return trouble.read_only(place)
    if code in {"40001", "40P01"}:
        return UnavailableError(
            f"{place} could not do this beside what others did: {said}; nothing was written",
            code="busy",
            hint="Do the same again.",
        )
    if code[:2] == "23":
        return trouble.contradiction(said)
    if code in {"42501", "28000", "28P01"}:
        return denied(place, said)
    if code in {"42P01", "3F000"}:
        return no_catalogue(place)
    if code in {"XX001", "XX002"}:
        return CorruptError(
            f"{place} is not a sound catalogue: {said}",
            code="catalogue-corrupt",
            hint="Restore a backup, or import the bundle of each namespace into a new registry.",
        )
    return None


def is_lost(error: psycopg.Error, connection: psycopg.Connection[Any]) -> bool:
    """Say whether the connection is gone, or is going: the server ends it with its last words."""
    return connection.closed or (error.sqlstate or "")[:3] == "57P" or (error.sqlstate or "")[:2] == "08"


def of_connecting(error: psycopg.OperationalError, place: str) -> HerdbookError:
    """Return our error for a session that did not begin."""
    said = _first_line(error)
    if any(words in said for words in _DENIED) and "does not exist" not in said:
        return denied(place, said)
    if "does not exist" in said:
        if _ABSENT in said:
            return MissingError(
                f"there is no {place}: {said}", code="no-catalogue", hint="`createdb` makes it; or name another."
            )
        return denied(place, said) if "role" in said else unavailable(place, said)
    return unavailable(place, said)


def unavailable(place: str, said: str) -> UnavailableError:
    """Return the error for a server that is not there, or went while we spoke; nothing was written."""
    return UnavailableError(
        f"{place} cannot be reached: {said}; nothing was written",
        code="database-unavailable",
        hint="Do the same again once PostgreSQL answers; `pg_isready` asks it.",
    )


def outcome_unknown(place: str, said: str) -> UnavailableError:
    """Return the error for a commit that was sent and not answered."""
    return UnavailableError(
        f"{place} was lost while it made this durable ({said}): it is written, or nothing is",
        code="outcome-unknown",
        hint="Do the same again: what is there already is not written twice.",
    )


def locked(place: str) -> UnavailableError:
    """Return the error for a writer that waited in vain."""
    return trouble.locked(place, "Try again when it has ended; `pg_stat_activity` and `pg_locks` name its session.")


def denied(place: str, said: str) -> DeniedError:
    """Return the error for what PostgreSQL does not let us do."""
    return DeniedError(
        f"{place} does not let us in: {said}",
        code="database-denied",
        hint="Give PGPASSWORD or a password file, or ask the database's owner for the rights.",
    )


def no_catalogue(place: str) -> MissingError:
    """Return the error for a database without our tables."""
    return MissingError(
        f"there is no catalogue in {place}", code="no-catalogue", hint="`herdbook init FOLDER` makes one."
    )


def _first_line(error: BaseException | None) -> str:
    """Return what was said, without the lines that quote a statement or its values."""
    lines = str(error).strip().splitlines()
    return lines[0].strip() if lines else type(error).__name__
