"""What is uploaded: a plain file, bytes in memory, or a stream that is read once."""

from __future__ import annotations

import io
import os
import stat
from typing import BinaryIO, Protocol

from herdbook.kernel.errors import InvalidError, UnavailableError

CHUNK = 1 << 20


class Source(Protocol):
    """Bytes with a known size that can be had again, from any offset on."""

    size: int
    key: str
    """Tells one state of one file from all others; empty for what no later process can have again."""

    def read_at(self, offset: int, length: int) -> bytes:
        """Return bytes, as many as asked for but at the end.

        Raises:
            UnavailableError: ``source-unreadable``; ``changed-while-read``.
        """
        ...

    def check(self) -> None:
        """Raise UnavailableError ``changed-while-read`` when it is not as it was."""
        ...


class PlainFile:
    """A plain file from where its stream stands on to its end, read past the stream, which is left at its end."""

    def __init__(self, stream: BinaryIO, fd: int, size: int) -> None:
        self.size = size
        self._fd = fd
        self._base = stream.tell()
        self._before = os.fstat(fd)
        told = (self._before.st_dev, self._before.st_ino, self._before.st_size, self._before.st_mtime_ns, self._base)
        self.key = "-".join(map(str, told))
        stream.seek(0, io.SEEK_END)

    def read_at(self, offset: int, length: int) -> bytes:
        """Return bytes."""
        wanted = min(length, self.size - offset)
        try:
            data = os.pread(self._fd, wanted, self._base + offset)
            while len(data) < wanted and (
                more := os.pread(self._fd, wanted - len(data), self._base + offset + len(data))
            ):
                data += more
        except OSError as error:
            raise unreadable(error) from error
        if len(data) < wanted:
            raise _changed()
        return data

    def check(self) -> None:
        """Compare size and time with what they were."""
        now = os.fstat(self._fd)
        if (now.st_size, now.st_mtime_ns) != (self._before.st_size, self._before.st_mtime_ns):
            raise _changed()


class InMemory:
    """Bytes in memory."""

    key = ""

    def __init__(self, data: bytes | memoryview) -> None:
        self.size = len(data)
        self._data = memoryview(data)

    def read_at(self, offset: int, length: int) -> bytes:
        """Return bytes."""
        return bytes(self._data[offset : offset + length])

    def check(self) -> None:
        """Memory stays as it is."""


def known(stream: BinaryIO) -> Source | None:
    """Return a stream as a source that can be read again; ``None`` when it can be read once only."""
    if type(stream) is io.BytesIO:
        data = stream.getbuffer()[stream.tell() :]
        stream.seek(0, io.SEEK_END)
        return InMemory(data)
    raw = getattr(stream, "raw", stream)
    # Only Python's own file is taken at its word: a decompressor too has a file number, that of other bytes.
    if type(raw) is not io.FileIO or raw.closed or not raw.readable():
        return None
    if stream.writable():
        stream.flush()
    status = os.fstat(raw.fileno())
    size = status.st_size - stream.tell() if stat.S_ISREG(status.st_mode) else 0
    # Files of /proc and the like say that they have no bytes, and have some.
    return PlainFile(stream, raw.fileno(), size) if size > 0 else None


def read(stream: BinaryIO, size: int) -> bytes:
    """Return the next ``size`` bytes of a stream, fewer only at its end.

    Raises:
        InvalidError: when it is no blocking stream of bytes.
        UnavailableError: ``source-unreadable``.
    """
    parts: list[bytes] = []
    left = size
    while left > 0:
        try:
            data: object = stream.read(min(left, CHUNK))
        except OSError as error:
            raise unreadable(error) from error
        if data is None:
            raise InvalidError("the stream has nothing to give yet", code="not-blocking", hint="Give one that blocks.")
        if not isinstance(data, bytes | bytearray | memoryview):
            raise InvalidError("the stream does not give bytes", code="not-bytes", hint="Open the file in binary mode.")
        if not data:
            break
        parts.append(bytes(data))
        left -= len(data)
    return b"".join(parts)


def unreadable(error: OSError) -> UnavailableError:
    """Return the error for a source that the system cannot read."""
    return UnavailableError(
        f"what is to be kept cannot be read: {error.strerror or error}",
        code="source-unreadable",
        hint="Look whether the file and its disk are sound, and try again.",
    )


def _changed() -> UnavailableError:
    return UnavailableError(
        "a file changed while it was read",
        code="changed-while-read",
        hint="Wait until nothing writes to it any more, and try again.",
    )
