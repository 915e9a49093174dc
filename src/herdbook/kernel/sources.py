"""Streams that somebody hands in to be kept: read with care, and watched while they are."""

from __future__ import annotations

import io
import os
import stat
from typing import TYPE_CHECKING, BinaryIO, Final

from herdbook.kernel.errors import InvalidError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable

_AT_ONCE: Final = 1 << 18


class Source:
    """A blocking stream of bytes that is read from where it stands to its end.

    Attributes:
        size: how many bytes will come, ``None`` when nobody knows it beforehand.
        error: why it broke off; what came before was handed out.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self.size: int | None = None
        self.error: BaseException | None = None
        self._stream = stream
        self._into: Callable[[memoryview], int | None] | None = getattr(stream, "readinto", None)
        self._fd = -1
        if isinstance(stream, io.BytesIO):
            self.size = max(0, stream.getbuffer().nbytes - stream.tell())
            return
        raw = getattr(stream, "raw", stream)
        # Only Python's own file is taken at its word: a decompressor too has a file number, that of other bytes.
        if not isinstance(raw, io.FileIO) or raw.closed:
            return
        before = os.fstat(raw.fileno())
        if stat.S_ISREG(before.st_mode):
            self._fd = raw.fileno()
            self._before = before
            # Files of /proc and the like say that they have no bytes, and have some.
            self.size = max(0, before.st_size - stream.tell()) or None

    def fill(self, view: memoryview) -> int:
        """Read until ``view`` is full, or the stream ends or breaks off; return how many bytes came.

        One that broke off has its ``error`` set: InvalidError when it is no blocking stream of bytes,
        UnavailableError when it cannot be read, else what it raised.
        """
        done = 0
        try:
            while done < len(view) and self.error is None:
                # A few at once: what a buffered stream had under way when it broke off is lost.
                count = self._some(view[done : done + _AT_ONCE])
                if count == 0:
                    break
                done += count
        except OSError as error:
            self.error = unreadable(error)
            self.error.__cause__ = error
        except BaseException as error:  # noqa: BLE001 - who asked raises it, once the bytes that came are safe
            self.error = error
        return done

    def _some(self, view: memoryview) -> int:
        count = self._into(view) if self._into is not None else self._read(view)
        if count is None:
            raise InvalidError(
                "the stream has nothing to give yet", code="not-blocking", hint="Give a stream that blocks."
            )
        return count

    def _read(self, view: memoryview) -> int | None:
        data: object = self._stream.read(len(view))
        if data is None:
            return None
        if not isinstance(data, bytes) or len(data) > len(view):
            raise InvalidError("the stream does not give bytes", code="not-bytes", hint="Open the file in binary mode.")
        view[: len(data)] = data
        return len(data)

    def check_broken(self) -> None:
        """Raise when the stream broke off.

        Raises:
            Exception: its ``error``.
        """
        if self.error is not None:
            raise self.error

    def check(self, size: int) -> None:
        """Raise when the stream broke off, or a plain file is not as it was or gave not as many bytes as it had.

        Raises:
            Exception: its ``error``.
            UnavailableError: ``changed-while-read``.
        """
        self.check_broken()
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


def unreadable(error: OSError) -> UnavailableError:
    """Return our error for one that the source of a copy gave."""
    return UnavailableError(
        f"what is to be kept cannot be read: {error.strerror or error}",
        code="source-unreadable",
        hint="Look whether the file and its disk are sound, and try again.",
    )
