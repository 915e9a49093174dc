"""One pass over a stream: copied into a file, four digests computed beside it, memory flat."""

from __future__ import annotations

import io
import os
import stat
from typing import TYPE_CHECKING, BinaryIO, Final

from herdbook.kernel.errors import InvalidError, UnavailableError
from herdbook.stores.disk import trouble
from herdbook.stores.disk.hashing import BUFFER, Digests
from herdbook.stores.disk.ring import Ring

if TYPE_CHECKING:
    from collections.abc import Callable

    from herdbook.model.files import Content
    from herdbook.ports.blobs import Progress

_SEND_EVERY: Final = 32 << 20


def copy(source: BinaryIO, fd: int, *, progress: Progress | None = None) -> Content:
    """Copy what is left in ``source`` into the empty file ``fd``; hash the bytes that are written.

    git's sha1 begins with the size. It is known beforehand for a plain file and for ``io.BytesIO``; of another stream
    the copy is read once more for it, as a rule from the page cache.

    Raises:
        InvalidError: when the source is not a stream of bytes.
        UnavailableError: when the source cannot be read, or changes while it is read.
        OSError: when ``fd`` cannot be written.
    """
    watch = _Watch(source)
    digests = Digests(watch.size)
    # One byte more than the size, so that the first read sees the end.
    first = memoryview(bytearray(BUFFER if watch.size is None else min(BUFFER, watch.size + 1)))
    count = fill(source, first)
    works = [*digests.parts, _Sink(fd).write]
    if count < len(first):
        for work in works:  # threads would cost more than they save
            work(first[:count])
        _tell(progress, count)
    else:
        with Ring(works, BUFFER) as ring:
            _go_round(source, first, ring, progress)
    content = digests.content(fd)
    watch.check(content.size)
    return content


def _go_round(source: BinaryIO, first: memoryview, ring: Ring, progress: Progress | None) -> None:
    index, view = ring.take()
    count = len(first)
    view[:count] = first
    while count:
        ring.give(index, count)
        _tell(progress, count)
        index, view = ring.take()
        count = fill(source, view)


def _tell(progress: Progress | None, count: int) -> None:
    if progress is not None and count:
        progress(count)


def fill(source: BinaryIO, view: memoryview) -> int:
    """Read until ``view`` is full or the source ends; return how many bytes came.

    Raises:
        InvalidError: when the source is not a blocking stream of bytes.
        UnavailableError: when it cannot be read.
    """
    done = 0
    into: Callable[[memoryview], int | None] | None = getattr(source, "readinto", None)
    try:
        while done < len(view):
            count = into(view[done:]) if into is not None else _read(source, view[done:])
            if count is None:
                raise InvalidError(
                    "the stream has nothing to give yet", code="not-blocking", hint="Give a stream that blocks."
                )
            if count == 0:
                break
            done += count
    except OSError as error:
        raise trouble.source(error) from error
    return done


def _read(source: BinaryIO, view: memoryview) -> int | None:
    data: object = source.read(len(view))
    if data is None:
        return None
    if not isinstance(data, bytes) or len(data) > len(view):
        raise InvalidError("the stream does not give bytes", code="not-bytes", hint="Open the file in binary mode.")
    view[: len(data)] = data
    return len(data)


class _Sink:
    """A file that is written from its start to its end, its bytes sent on to the disk on the way."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._written = 0
        self._sent = 0

    def write(self, data: memoryview) -> None:
        """Write all of ``data``.

        Raises:
            OSError: when the disk refuses.
        """
        done = 0
        while done < len(data):
            done += os.write(self._fd, data[done:])
        self._written += done
        if self._written - self._sent >= _SEND_EVERY and hasattr(os, "posix_fadvise"):
            # On Linux this starts to write dirty pages and does not wait: the fsync at the end finds little left.
            os.posix_fadvise(self._fd, self._sent, self._written - self._sent, os.POSIX_FADV_DONTNEED)
            self._sent = self._written


class _Watch:
    """What a source promises about its size, and whether a plain file stays as it was while it is read."""

    def __init__(self, source: BinaryIO) -> None:
        self.size: int | None = None
        self._fd = -1
        if isinstance(source, io.BytesIO):
            self.size = max(0, source.getbuffer().nbytes - source.tell())
            return
        raw = getattr(source, "raw", source)
        # Only Python's own file is taken at its word: a decompressor too has a file number, that of other bytes.
        if not isinstance(raw, io.FileIO) or raw.closed:
            return
        before = os.fstat(raw.fileno())
        if stat.S_ISREG(before.st_mode):
            self._fd = raw.fileno()
            self._before = before
            # Files of /proc and the like say that they have no bytes, and have some.
            self.size = max(0, before.st_size - source.tell()) or None

    def check(self, size: int) -> None:
        """Raise UnavailableError when the file is not as it was, or gave not as many bytes as it had."""
        if self._fd < 0:
            return
        after = os.fstat(self._fd)
        same = (after.st_size, after.st_mtime_ns) == (self._before.st_size, self._before.st_mtime_ns)
        if not same or (self.size is not None and size != self.size):
            raise UnavailableError(
                "a file changed while it was read",
                code="changed-while-read",
                hint="Wait until nothing writes to it any more, and try again.",
            )
