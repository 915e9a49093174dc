"""Bytes on disk under a temporary name, and how they get their own."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import threading
import weakref
from functools import partial
from typing import TYPE_CHECKING, Self

from herdbook.kernel.errors import CorruptError, InvalidError
from herdbook.stores.disk import durable, trouble
from herdbook.stores.disk.reading import open_plain

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import TracebackType

    from herdbook.model.files import Content

_NO_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK}
_NAMES = {f"{number:02x}" for number in range(256)}


class Shelves:
    """The folders ``ROOT/00`` to ``ROOT/ff``, all made durably when the first is needed."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._durable: set[str] = set()
        self._lock = threading.Lock()

    def path(self, sha256: str) -> Path:
        """Return where the blob of a checked digest lies."""
        hexdigits = sha256.removeprefix("sha256:")
        return self._root / hexdigits[:2] / hexdigits

    def ready(self, folder: Path) -> None:
        """Return when the folder is there, and its name on disk.

        Raises:
            OSError: when that cannot be.
        """
        with self._lock:
            if folder.name in self._durable and folder.is_dir():
                return
            if not self._durable:
                # All at once and one fsync for all of them: else each of the first blobs pays for its own.
                durable.make_folder(self._root)
                for name in _NAMES:
                    with contextlib.suppress(FileExistsError):
                        (self._root / name).mkdir()
                durable.sync_folder(self._root)
                self._durable |= _NAMES
            if folder.name not in self._durable or not folder.is_dir():
                durable.make_folder(folder)
                self._durable.add(folder.name)


class DiskStaged:
    """Bytes that are on disk under a temporary name, hashed, and not yet kept; as a context, discarded at its end.

    Who drops it without a word discards it too.
    """

    def __init__(
        self,
        content: Content,
        path: Path,
        holder: object,
        shelves: Shelves,
        leave: Callable[[], None] | None = None,
    ) -> None:
        self.content = content
        self._path = path
        self._holder = holder  # its lock protects the temporary file as long as this lives
        self._shelves = shelves
        self._kept = False
        self._drop = weakref.finalize(self, leave or partial(_remove, path, os.getpid()))

    def keep(self) -> bool:
        """Give the bytes their name, durably; say whether they are new here, or were there only in part.

        Raises:
            UnavailableError: when the disk refuses.
            DeniedError: when we may not write there.
            CorruptError: when a folder has the blob's place.
            InvalidError: after ``discard``.
        """
        if self._kept:
            return False
        if not self._drop.alive:
            raise InvalidError("these bytes were discarded", code="discarded", hint="Stage them again.")
        target = self._shelves.path(self.content.sha256)
        try:
            self._shelves.ready(target.parent)
            new = self._place(target)
            # Also when it was there: whoever put it there may not have come to this line yet.
            durable.sync_folder(target.parent)
        except OSError as error:
            raise trouble.writing(error, target) from error
        self._kept = True
        self._clear()
        return new

    def _place(self, target: Path) -> bool:
        try:
            os.link(self._path, target)
        except FileExistsError:
            if is_whole(target, self.content.size):
                return False
            try:
                self._path.replace(target)
            except IsADirectoryError as error:
                raise CorruptError(
                    f"{target} is a folder, where a blob should be", code="not-a-plain-file", hint="Move it away."
                ) from error
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            # A file system without hard links. The same name means the same bytes, so taking its place does no harm.
            if is_whole(target, self.content.size):
                return False
            self._path.replace(target)
        return True

    def discard(self) -> None:
        """Drop the temporary bytes; harmless after ``keep``."""
        self._clear()

    def _clear(self) -> None:
        self._drop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.discard()

    def __repr__(self) -> str:
        return f"<DiskStaged {self.content.sha256}, {self.content.size} bytes>"


def is_whole(target: Path, size: int) -> bool:
    """Say whether a plain file of the right size is there; its bytes are then on disk."""
    try:
        status = target.lstat()
        if not stat.S_ISREG(status.st_mode) or status.st_size != size:
            return False
        fd, _ = open_plain(target)
    except FileNotFoundError:
        return False
    try:
        # Ours were synced before they got their name; a file that somebody copied here perhaps never was.
        durable.sync(fd)
    finally:
        os.close(fd)
    return True


def _remove(path: Path, owner: int) -> None:
    if os.getpid() == owner:
        with contextlib.suppress(OSError):  # a later sweep takes what cannot be removed now
            path.unlink(missing_ok=True)
