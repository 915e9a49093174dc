"""A kept blob, open: ranged reads, and a stream that hands out no wrong byte."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from typing import TYPE_CHECKING, BinaryIO, Self, cast

from herdbook.kernel.errors import CorruptError, InvalidError
from herdbook.kernel.hashing import BUFFER
from herdbook.kernel.verified import RawVerified, VerifiedStream, wrong
from herdbook.stores.disk import trouble

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from herdbook.ports.blobs import Progress

# O_NONBLOCK: opening a FIFO that somebody put here would else wait for a writer.
_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY


def open_plain(path: Path) -> tuple[int, int]:
    """Open a plain file for reading; return its number and its size in bytes.

    Raises:
        FileNotFoundError: when it is not there.
        CorruptError: when something else has its place, or it cannot be read.
        DeniedError: when we may not.
    """
    try:
        fd = os.open(path, _FLAGS)
    except FileNotFoundError:
        raise
    except OSError as error:
        if error.errno in {errno.ELOOP, errno.ENXIO, errno.ENOTDIR}:
            raise _not_plain(path) from error
        raise trouble.reading(error, path) from error
    status = os.fstat(fd)
    if not stat.S_ISREG(status.st_mode):
        os.close(fd)
        raise _not_plain(path)
    return fd, status.st_size


def _not_plain(path: Path) -> CorruptError:
    return CorruptError(
        f"{path} is not a plain file",
        code="not-a-plain-file",
        hint="Somebody put a link, a folder or a device there: remove it, and bring the file back from a backup.",
    )


def read_into(fd: int, path: Path, offset: int, view: memoryview) -> None:
    """Fill ``view`` from ``offset`` on.

    Raises:
        CorruptError: when the file ends before, or the disk cannot read it.
    """
    done = 0
    while done < len(view):
        try:
            count = os.preadv(fd, [view[done:]], offset + done)
        except OSError as error:
            raise trouble.reading(error, path) from error
        if count == 0:
            raise CorruptError(
                f"{path} was cut short while it was open",
                code="blob-cut",
                hint="Bring the file back from a backup or a mirror, or register it once more.",
            )
        done += count


def verify(sha256: str, path: Path, *, progress: Progress | None = None) -> None:
    """Read the whole file and compare, with flat memory.

    Raises:
        FileNotFoundError: when it is not there.
        CorruptError: when its bytes are not what the digest says.
    """
    fd, size = open_plain(path)
    try:
        digest = hashlib.sha256()
        buffer = memoryview(bytearray(min(BUFFER, size)))
        offset = 0
        while offset < size:
            view = buffer[: size - offset]
            read_into(fd, path, offset, view)
            digest.update(view)
            offset += len(view)
            if progress is not None:
                progress(len(view))
    finally:
        os.close(fd)
    if (found := digest.hexdigest()) != sha256.removeprefix("sha256:"):
        raise wrong(sha256, found)


class DiskBlob:
    """A kept blob, open for reading; also a context. What it reads at an offset is not verified, its stream is."""

    def __init__(self, sha256: str, path: Path) -> None:
        self._sha256 = sha256
        self._path = path
        self._fd = -1
        self._fd, self._size = open_plain(path)

    @property
    def size(self) -> int:
        """How many bytes there are."""
        return self._size

    def read_at(self, offset: int, length: int) -> bytes:
        """Return ``length`` bytes from ``offset`` on; fewer only at the end.

        Raises:
            CorruptError: when the file was cut short since it was opened, or the disk cannot read it.
            InvalidError: on a negative number, or after ``close``.
        """
        if offset < 0 or length < 0:
            raise InvalidError(f"no bytes at offset {offset}, length {length}", code="bad-range")
        wanted = max(0, min(length, self._size - offset))
        try:
            data = os.pread(self.fileno(), wanted, offset)
        except OSError as error:
            raise trouble.reading(error, self._path) from error
        if len(data) < wanted:  # a signal, more than the system gives in one call, or the end came too soon
            rest = bytearray(wanted - len(data))
            read_into(self.fileno(), self._path, offset + len(data), memoryview(rest))
            data += rest
        return data

    def stream(self) -> BinaryIO:
        """Return a seekable, verified stream, which stays good after this blob is closed.

        Raises:
            CorruptError: while reading, when the bytes are not what the digest says.
        """
        fd, path = os.dup(self.fileno()), self._path
        raw = RawVerified(
            self._sha256, self._size, lambda offset, view: read_into(fd, path, offset, view), lambda: os.close(fd)
        )
        return cast("BinaryIO", VerifiedStream(raw))  # typing's BinaryIO is no base class for a real stream

    def fileno(self) -> int:
        """Return the file's number, for handing it to a worker process.

        Raises:
            InvalidError: after ``close``.
        """
        if self._fd < 0:
            raise InvalidError(f"{self._sha256} is closed", code="closed", hint="Open the blob again.")
        return self._fd

    def close(self) -> None:
        """Release the file."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<DiskBlob {self._sha256}, {self._size} bytes>"
