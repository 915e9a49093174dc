"""Who acts when nobody says: a random id, made at first need and kept in a file beside the configuration."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from pathlib import Path

from herdbook.kernel import digests
from herdbook.kernel.errors import DeniedError, InvalidError


def path_beside(config: Path) -> Path:
    """Return where the id is kept, given the configuration file."""
    return config.parent / "actor"


def check(text: str, source: str) -> str:
    """Return the id when it is an actor's.

    Raises:
        InvalidError: naming where it was found.
    """
    try:
        return digests.check_id(text, "actor")
    except InvalidError as error:
        raise InvalidError(f"{error.message}; it stands in {source}", code=error.code, hint=error.hint) from error


def read(path: Path) -> str | None:
    """Return the id that is kept, or ``None`` when there is none yet.

    Raises:
        InvalidError: when the file holds anything else.
        DeniedError: when it may not be read.
    """
    try:
        text = path.read_bytes()[:256].decode("ascii", "replace").strip()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise DeniedError(
            f"the file {path}, which says who acts, cannot be read: {error.strerror}", code="identity-unreadable"
        ) from error
    return check(text, str(path))


def keep(path: Path) -> str:
    """Return the id that is kept; make one when there is none. Of several processes at once, all get the same.

    Raises:
        InvalidError: when the file holds anything else.
        DeniedError: when there is none and none can be written.
    """
    if (known := read(path)) is not None:
        return known
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=".actor-", dir=path.parent)
        try:
            with os.fdopen(handle, "w", encoding="ascii") as file:
                file.write(digests.new_id("actor") + "\n")
                file.flush()
                os.fsync(file.fileno())
            # A link is made by one process only, and never shows half a file; the others read what it leads to.
            with contextlib.suppress(FileExistsError):
                os.link(temporary, path)
        finally:
            Path(temporary).unlink()
    except OSError as error:
        raise DeniedError(
            f"who acts cannot be written down in {path}: {error.strerror}",
            code="identity-unwritable",
            hint="Make the folder writable, or set HERDBOOK_ACTOR to an id such as " + digests.new_id("actor") + ".",
        ) from error
    kept = read(path)
    if kept is None:
        raise DeniedError(f"{path} was taken away while it was written", code="identity-unwritable", hint="Try again.")
    return kept


def guarded(path: Path) -> bool:
    """Say whether only this account of the operating system can write the file."""
    try:
        found = path.stat()
    except OSError:
        return False
    return found.st_uid == os.getuid() and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
