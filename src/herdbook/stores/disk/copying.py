"""One pass over a stream: copied into a file, four digests computed beside it, memory flat."""

from __future__ import annotations

import errno
import fcntl
import os
import threading
from typing import TYPE_CHECKING, BinaryIO, Final

from herdbook.kernel.hashing import BUFFER
from herdbook.kernel.ring import Ring
from herdbook.kernel.sources import Source
from herdbook.stores.disk.hashing import Digests

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from herdbook.model.files import Content
    from herdbook.ports.blobs import Progress

_THREAD_FROM: Final = 1 << 19
_LARGE_BUFFER: Final = 2 << 20
_SEND_EVERY: Final = 32 << 20
_DIRECT_FROM: Final = 32 << 20
_BLOCK: Final = 4096


def copy(stream: BinaryIO, fd: int, *, progress: Progress | None = None) -> Content:
    """Copy what is left in ``stream`` into the empty file ``fd``; hash the bytes that are written.

    git's sha1 begins with the size. It is known beforehand for a plain file and for ``io.BytesIO``; of another stream
    the copy is read once more for it, as a rule from the page cache.

    Raises:
        InvalidError: when the source is not a stream of bytes.
        UnavailableError: when the source cannot be read, or changes while it is read.
        OSError: when ``fd`` cannot be written.
    """
    source = Source(stream)
    digests = Digests(source.size)
    # One byte more than the size, so that the first read sees the end.
    first = memoryview(bytearray(BUFFER if source.size is None else min(BUFFER, source.size + 1)))
    count = source.fill(first)
    sink = _Sink(fd, source.size)
    works = [*digests.parts, sink.write]
    if count < len(first):
        _at_once(works, first[:count])
        _tell(progress, count)
    else:
        with Ring(works, _LARGE_BUFFER) as ring:
            _go_round(source, first, ring, progress)
        sink.end()
    source.check(digests.size)
    return digests.content(fd)


def extend(
    source: Source,
    fd: int,
    offset: int,
    works: Sequence[Callable[[memoryview], None]],
    mark: Callable[[int], None],
    *,
    every: int,
) -> int:
    """Write what is left in ``source`` from ``offset`` on, which is where ``fd`` ends; return where it ends then.

    All that ``works`` is given is given to each, in order. ``mark`` is called with the number of bytes that are in the
    file, each time that ``every`` bytes more are, by the thread that writes.

    Raises:
        InvalidError: when the source is not a stream of bytes.
        UnavailableError: when the source cannot be read.
        OSError: when ``fd`` cannot be written.
    """
    os.lseek(fd, offset, os.SEEK_SET)
    sink = _Sink(fd, None, offset)
    marked = offset

    def write(data: memoryview) -> None:
        nonlocal marked
        sink.write(data)
        if sink.at - marked >= every:
            marked = sink.at
            mark(marked)

    first = memoryview(bytearray(BUFFER))
    count = source.fill(first)
    if count < len(first):
        _at_once([*works, write], first[:count])
    else:
        sink.begin()
        with Ring([*works, write], _LARGE_BUFFER) as ring:
            _go_round(source, first, ring, None)
    return sink.at


def hash_all(
    stream: BinaryIO, works: Sequence[Callable[[memoryview], None]], *, progress: Progress | None = None
) -> None:
    """Give all that is left in ``stream`` to each of ``works``, in order, each in a thread of its own.

    Raises:
        UnavailableError: when the source cannot be read.
    """
    with Ring(works, _LARGE_BUFFER) as ring:
        source = Source(stream)
        _go_round(source, memoryview(b""), ring, progress)
    source.check_broken()


def _at_once(works: Sequence[Callable[[memoryview], None]], data: memoryview) -> None:
    """Do all works on bytes that came whole; the first, md5, takes half the time and gets a thread when that pays."""
    beside = threading.Thread(target=works[0], args=(data,), name="herdbook-lane")
    if len(data) >= _THREAD_FROM:
        beside.start()
    else:
        works[0](data)
    try:
        for work in works[1:]:
            work(data)
    finally:
        if beside.ident is not None:
            beside.join()


def _go_round(source: Source, first: memoryview, ring: Ring, progress: Progress | None) -> None:
    index, view = ring.take()
    view[: len(first)] = first
    count = len(first) + source.fill(view[len(first) :])
    while count:
        ring.give(index, count)
        _tell(progress, count)
        index, view = ring.take()
        count = source.fill(view)


def _tell(progress: Progress | None, count: int) -> None:
    if progress is not None and count:
        progress(count)


class _Sink:
    """A file that is written from its start to its end: a large one past the page cache, which halves the work.

    ``size`` is in bytes; ``None``, when nobody knows it, for a file that will be read once more. ``offset`` is where it
    ends already.
    """

    def __init__(self, fd: int, size: int | None, offset: int = 0) -> None:
        self._fd = fd
        self.at = offset
        self._sent = offset
        self._direct = False
        if size is not None and size >= _DIRECT_FROM:
            self._direct = self._set_direct(on=True)

    def begin(self) -> None:
        """Go past the page cache, if what is here already fills blocks."""
        if self.at % _BLOCK == 0:
            self._direct = self._set_direct(on=True)

    def _set_direct(self, *, on: bool) -> bool:
        flag = getattr(os, "O_DIRECT", 0)  # macOS has none
        flags = fcntl.fcntl(self._fd, fcntl.F_GETFL) & ~flag
        try:
            fcntl.fcntl(self._fd, fcntl.F_SETFL, flags | flag if on else flags)
        except OSError:  # a file system that does not know it
            return False
        return on and bool(flag)

    def write(self, data: memoryview) -> None:
        """Write all of ``data``.

        Raises:
            OSError: when the disk refuses.
        """
        done = 0
        while done < len(data):
            if self._direct and (done or len(data) % _BLOCK):
                self.end()  # the last bytes, or what a disk that is nearly full left over, fill no block
            try:
                done += os.write(self._fd, data[done:])
            except OSError as error:
                if not self._direct or error.errno != errno.EINVAL:
                    raise
                self.end()  # blocks are larger here
        self.at += done
        if not self._direct and self.at - self._sent >= _SEND_EVERY and hasattr(os, "posix_fadvise"):
            # On Linux this starts to write dirty pages and does not wait: the fsync at the end finds little left.
            os.posix_fadvise(self._fd, self._sent, self.at - self._sent, os.POSIX_FADV_DONTNEED)
            self._sent = self.at

    def end(self) -> None:
        """From here on go through the page cache."""
        if self._direct:
            self._direct = self._set_direct(on=False)
