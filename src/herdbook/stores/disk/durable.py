"""What is on disk, and not merely on its way there: files, and names in folders."""

from __future__ import annotations

import contextlib
import fcntl
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

# On macOS fsync leaves bytes in the drive's cache; this request does not (see its fcntl(2)).
_FULL_SYNC: int | None = getattr(fcntl, "F_FULLFSYNC", None)


def sync(fd: int) -> None:
    """Return when the bytes of a file, or the names in a folder, are on disk.

    Raises:
        OSError: when the disk refuses.
    """
    if _FULL_SYNC is not None:
        with contextlib.suppress(OSError):  # not every file system knows it; fsync is then all there is
            fcntl.fcntl(fd, _FULL_SYNC)
            return
    os.fsync(fd)


def sync_folder(folder: Path) -> None:
    """Return when all names in a folder are on disk.

    Raises:
        OSError: when the folder is not there, or the disk refuses.
    """
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        sync(fd)
    finally:
        os.close(fd)


def make_folder(folder: Path) -> None:
    """Create a folder and those above it, each durably; one that is there already is made sure of too.

    Raises:
        OSError: when that cannot be.
    """
    try:
        folder.mkdir()
    except FileNotFoundError:
        make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
    except FileExistsError:
        if not folder.is_dir():
            raise
        # Who created it may not have come to its fsync; a parent that we may not open was there long before us.
        with contextlib.suppress(PermissionError):
            sync_folder(folder.parent)
        return
    sync_folder(folder.parent)
