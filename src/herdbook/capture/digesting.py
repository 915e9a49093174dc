"""Digests of files that a training reads, taken beside it at the lowest priority, and what tells that one changed."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

CHUNK = 1 << 20
AT_THE_END = 512 * 2**20
"""Bytes of outputs up to which they are read when the command has ended; larger ones are read at the push."""


@dataclass(frozen=True)
class Look:
    """A file as it was at one moment; ``sha256`` only when it was read and did not change meanwhile."""

    size: int
    mtime_ns: int
    ctime_ns: int
    sha256: str | None = None

    @property
    def stamp(self) -> tuple[int, int, int]:
        """What changes when the file does; the last one cannot be set back by hand."""
        return self.size, self.mtime_ns, self.ctime_ns


def look(path: str) -> Look | None:
    """Return how a regular file looks, ``None`` when there is none."""
    try:
        found = Path(path).stat()
    except (OSError, ValueError):
        return None
    if not stat.S_ISREG(found.st_mode):
        return None
    return Look(found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def read(path: str, go_on: Callable[[], bool] = lambda: True) -> Look | None:
    """Return how a file looks, with its sha256 unless it changed while it was read.

    Args:
        path: of the file.
        go_on: asked between chunks; when it says no, the result is ``None``.
    """
    before = look(path)
    if before is None:
        return None
    digest = hashlib.sha256()
    try:
        with open(path, "rb", buffering=0) as stream:  # noqa: PTH123 - the name may be of any bytes
            with contextlib.suppress(OSError, AttributeError):
                os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_SEQUENTIAL)
            while chunk := stream.read(CHUNK):
                if not go_on():
                    return None
                digest.update(chunk)
    except OSError:
        return before
    after = look(path)
    if after is None or after.stamp != before.stamp:
        return before
    return Look(*before.stamp, f"sha256:{digest.hexdigest()}")


def be_modest() -> None:
    """Give this thread the lowest priority, where the system has one for threads."""
    with contextlib.suppress(OSError, AttributeError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 19)


def below(path: Path) -> Iterable[Path]:
    """Yield the files of a folder, in the order of their names; a file is itself."""
    if not path.is_dir():
        yield path
        return
    for folder, folders, files in os.walk(path):
        folders[:] = sorted(name for name in folders if name not in {".git", "__pycache__"})
        for name in sorted(files):
            yield Path(folder, name)


def whole(path: Path) -> Look | None:
    """Return how a file, or a folder as a whole, looks; ``None`` when there is nothing.

    The size is that of all files, the times the latest ones; ``sha256`` is a file's own, or that of lines
    ``SHA256 SIZE PATH`` for the files of a folder, and is left out beyond 512 MiB.
    """
    files = list(below(path))
    looks = [(file, found) for file in files if (found := look(str(file))) is not None]
    if not looks:
        return None
    total = sum(found.size for _, found in looks)
    stamp = (total, max(found.mtime_ns for _, found in looks), max(found.ctime_ns for _, found in looks))
    if total > AT_THE_END:
        return Look(*stamp)
    digest = hashlib.sha256()
    for file, _ in looks:
        each = read(str(file))
        if each is None or each.sha256 is None:
            return Look(*stamp)
        if not path.is_dir():
            return Look(*stamp, each.sha256)
        digest.update(f"{each.sha256} {each.size} {file.relative_to(path)}\n".encode("utf-8", "surrogateescape"))
    return Look(*stamp, f"sha256:{digest.hexdigest()}")
