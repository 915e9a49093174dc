"""Uploads that were begun and not finished, so that the next run goes on with them: a small file for each."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

STALE_S = 7 * 24 * 3600.0
"""Seconds after which a server has dropped an upload to which nothing was added."""
_ID = re.compile("[0-9a-f]{32}")


class Note:
    """The note of one upload, locked by this process; without a file it remembers nothing."""

    def __init__(self, path: Path | None, fd: int = -1) -> None:
        self._path = path
        self._fd = fd

    def read(self) -> str:
        """Return the id of the upload that was begun, empty when there is none."""
        if self._fd < 0:
            return ""
        try:
            told = json.loads(os.pread(self._fd, 4096, 0))
            found = str(told["upload"]) if time.time() - float(told["at"]) < STALE_S else ""
        except (OSError, ValueError, KeyError, TypeError):
            return ""
        return found if _ID.fullmatch(found) else ""

    def write(self, upload: str) -> None:
        """Note an upload; when that cannot be, do not."""
        if self._fd >= 0:
            with contextlib.suppress(OSError):
                os.ftruncate(self._fd, 0)
                os.pwrite(self._fd, json.dumps({"upload": upload, "at": time.time()}).encode(), 0)

    def remove(self) -> None:
        """Forget it: it is finished, or lost."""
        if self._path is not None:
            with contextlib.suppress(OSError):
                self._path.unlink()


@contextlib.contextmanager
def note(folder: Path | None, server: str, principal: str, key: str) -> Iterator[Note]:
    """Give the note of one state of one file for one server; one that remembers nothing while another process has it.

    Args:
        folder: of the cache; ``None`` remembers nothing.
        server: its address.
        principal: who uploads.
        key: of the file's state; empty for what cannot be had again.
    """
    if folder is None or not key:
        yield Note(None)
        return
    name = hashlib.sha256(f"{server}\n{principal}\n{key}".encode()).hexdigest()
    path = folder / "uploads" / name
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _sweep(path.parent)
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError:
        yield Note(None)
        return
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(fd)
        yield Note(None)
        return
    try:
        yield Note(path, fd)
    finally:
        os.close(fd)


def _sweep(folder: Path) -> None:
    """Remove notes of uploads that no server has any more."""
    old = time.time() - STALE_S
    for path in folder.iterdir():
        with contextlib.suppress(OSError):
            if path.stat().st_mtime < old:
                path.unlink()
