"""A consistent copy of the database as one file, by PostgreSQL's own program."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from herdbook.kernel.errors import UnavailableError
from herdbook.stores.sql import trouble

DUMP = "catalogue.dump"
"""The name of the copy, in pg_dump's custom format: ``pg_restore`` reads it."""

_PLACES = ("/usr/lib/postgresql", "/usr/local/pgsql", "/usr")
_VERSION = re.compile(r"\(PostgreSQL\) (\d+)")


def write(url: str, folder: Path, place: str, major: int) -> None:
    """Write ``catalogue.dump`` into a folder, durably; it replaces an older one when it is whole.

    Args:
        url: of the database.
        folder: where to; made when it is not there.
        place: the database, as messages name it.
        major: the server's version; an older pg_dump cannot read it.

    Raises:
        UnavailableError: ``no-pg-dump``; ``backup-failed`` with what it said; ``disk-full``.
    """
    program = _find(major)
    given = {name: str(value) for name, value in conninfo_to_dict(url).items() if value is not None}
    password = given.pop("password", "")
    environment = os.environ | ({"PGPASSWORD": password} if password else {})
    part = folder / f".{DUMP}.{os.getpid()}.part"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        command = [program, "--format=custom", "--no-password", f"--file={part}", f"--dbname={make_conninfo(**given)}"]
        done = subprocess.run(  # noqa: S603  # the owner's database, and no shell
            command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise _failed(done.stderr, folder, place)
        part.replace(folder / DUMP)
        _sync(folder)
    except OSError as error:
        raise trouble.of_system(error, folder / DUMP) from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def _find(major: int) -> str:
    for program in _candidates():
        told = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)  # noqa: S603  # found by name in known places
        match = _VERSION.search(told.stdout)
        if match and int(match[1]) >= major:
            return program
    raise UnavailableError(
        f"pg_dump of PostgreSQL {major} or newer is not here",
        code="no-pg-dump",
        hint="Install PostgreSQL's client programs; or run `pg_dump --format=custom` where they are.",
        needs=major,
    )


def _candidates() -> Iterator[str]:
    found = shutil.which("pg_dump")
    if found:
        yield found
    for place in _PLACES:
        yield from map(str, sorted(Path(place).glob("*/bin/pg_dump"), reverse=True))


def _failed(said: str, folder: Path, place: str) -> UnavailableError:
    if "No space left on device" in said:
        return trouble.disk_full(folder)
    lines = said.strip().splitlines() or ["it said nothing"]
    return UnavailableError(
        f"pg_dump could not copy {place}: {lines[-1]}",
        code="backup-failed",
        hint="Mend what it names, then do the same again.",
    )


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
