"""A ReadAt as a file that libraries read: seekable, read-only, without a path."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from herdbook.ports.formats import ReadAt


class Seekable(io.RawIOBase):
    """Bytes of a file, for zipfile, h5py and the like. Reads no more than what is asked for.

    Args:
        file: where the bytes are.
        start: offset of the first byte to show.
        size: how many bytes; all that follow when absent.
    """

    def __init__(self, file: ReadAt, start: int = 0, size: int | None = None) -> None:
        super().__init__()
        self._file = file
        self._start = start
        self._size = file.size - start if size is None else size
        self._at = 0

    def readable(self) -> bool:
        """Say yes."""
        return True

    def seekable(self) -> bool:
        """Say yes."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move, and return where it stands now.

        Raises:
            ValueError: when that is before the first byte.
        """
        at = offset + (0, self._at, self._size)[whence]
        if at < 0:
            raise ValueError(f"there is no byte {at}")
        self._at = at
        return at

    def tell(self) -> int:
        """Return where it stands."""
        return self._at

    def readinto(self, buffer: Buffer) -> int:
        """Fill the buffer, as far as there are bytes, and return how many."""
        view = memoryview(buffer).cast("B")
        data = self._file.read_at(self._start + self._at, max(0, min(len(view), self._size - self._at)))
        view[: len(data)] = data
        self._at += len(data)
        return len(data)
