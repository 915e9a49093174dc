"""Temporary files: who writes one holds a lock, so that only what a dead writer left is ever swept."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import secrets
import time
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Final

from herdbook.stores.disk import durable

if TYPE_CHECKING:
    from collections.abc import Iterator

_LOCK: Final = ".lock"
_PART: Final = ".part"
_NO_LOCKS: Final = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP}


class Writer:
    """One process at work in the temporary folder.

    Its files are ``TOKEN-RANDOM.part``; while it lives it holds a lock on ``TOKEN.lock``. The lock goes with the
    process, however that ends, and no clock has a say. A process that it forks shares the lock.

    Raises:
        OSError: when the folder cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        durable.make_folder(folder)
        self._folder = folder
        self._token, fd = _lock_fresh(folder)
        weakref.finalize(self, _leave, folder / f"{self._token}{_LOCK}", fd, os.getpid())

    def alive(self) -> bool:
        """Say whether the lock is still in its place; somebody may have emptied the folder by hand."""
        return (self._folder / f"{self._token}{_LOCK}").exists()

    def create(self) -> tuple[Path, int]:
        """Create a temporary file, which is read-only for all who open it later; return its path and number.

        Raises:
            OSError: when that cannot be.
        """
        path = self._folder / f"{self._token}-{secrets.token_hex(8)}{_PART}"
        return path, os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o444)


def _lock_fresh(folder: Path) -> tuple[str, int]:
    while True:
        token = secrets.token_hex(8)
        fd = os.open(folder / f"{token}{_LOCK}", os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        # A sweep may have come between, and taken the lock or even the file.
        if try_lock(fd) is not False and os.fstat(fd).st_nlink:
            return token, fd
        os.close(fd)


def try_lock(fd: int, *, shared: bool = False) -> bool | None:
    """Say whether the lock of an open file is ours now; ``None`` when this file system has no locks."""
    try:
        fcntl.flock(fd, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno in _NO_LOCKS:
            return None
        raise
    return True


def _leave(lock: Path, fd: int, owner: int) -> None:
    if os.getpid() == owner:  # a forked child that ends takes nothing away from its parent
        with contextlib.suppress(OSError):
            lock.unlink()
    os.close(fd)


def sweep(folder: Path, older_than_s: float) -> int:
    """Remove the files of writers that are gone; return how many bytes that freed.

    ``older_than_s`` counts from a file's last change. A date in the future is that of a clock which was wrong, and
    counts as old. On a file system without locks nothing is removed, for there nobody knows who is gone.

    Raises:
        OSError: when the folder cannot be read, or a file cannot be removed.
    """
    if not folder.is_dir():
        return 0
    freed = 0
    gone: dict[str, bool] = {}
    with contextlib.ExitStack() as locks:
        parts = [path for path in _files(folder) if path.suffix == _PART]
        for path in parts:
            token = path.name.partition("-")[0]
            if token not in gone:
                gone[token] = locks.enter_context(_taken(folder / f"{token}{_LOCK}"))
            if gone[token]:
                freed += _remove_old(path, older_than_s)
        for path in [path for path in _files(folder) if path.suffix == _LOCK and path.stem not in gone]:
            gone[path.stem] = locks.enter_context(_taken(path))
        kept = {path.name.partition("-")[0] for path in _files(folder) if path.suffix == _PART}
        for token in sorted(token for token, dead in gone.items() if dead and token not in kept):
            (folder / f"{token}{_LOCK}").unlink(missing_ok=True)
    return freed


def _files(folder: Path) -> Iterator[Path]:
    with os.scandir(folder) as entries:
        yield from (Path(entry) for entry in entries if entry.is_file(follow_symlinks=False))


@contextlib.contextmanager
def _taken(lock: Path) -> Iterator[bool]:
    """Hold a writer's lock when the writer is gone; say whether it is."""
    try:
        fd = os.open(lock, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        yield True
        return
    try:
        yield try_lock(fd) is True
    finally:
        os.close(fd)


def _remove_old(path: Path, older_than_s: float) -> int:
    try:
        status = path.lstat()
    except FileNotFoundError:
        return 0
    age = time.time() - status.st_mtime
    if 0 <= age < older_than_s:
        return 0
    path.unlink(missing_ok=True)
    return status.st_size
