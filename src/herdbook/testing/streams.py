"""Streams that are less than a file, for tests of whoever takes a stream."""

from __future__ import annotations

import io


class Trickle(io.RawIOBase):
    """A stream that cannot seek and gives a few bytes at a time, as a pipe or a socket does; it may fail on the way."""

    def __init__(self, data: bytes, step: int = 1000, fail_at: int | None = None) -> None:
        super().__init__()
        self._data = data
        self._at = 0
        self._step = step
        self._fail_at = fail_at

    def readable(self) -> bool:
        """Say yes."""
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]  # enough for these tests
        """Give a little."""
        if self._fail_at is not None and self._at >= self._fail_at:
            raise OSError(5, "Input/output error")
        part = self._data[self._at : self._at + min(self._step, len(buffer))]
        buffer[: len(part)] = part
        self._at += len(part)
        return len(part)


class OnlyRead:
    """A stream that has ``read`` and nothing else."""

    def __init__(self, data: bytes | str) -> None:
        self._data = data

    def read(self, size: int) -> bytes | str:
        """Give the next bytes."""
        part, self._data = self._data[:size], self._data[size:]
        return part


class Zeros(io.RawIOBase):
    """As many zero bytes as are asked for, without holding them."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self._left = size

    def readable(self) -> bool:
        """Say yes."""
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]  # enough for these tests
        """Give what fits."""
        count = min(len(buffer), self._left)
        buffer[:count] = bytes(count)
        self._left -= count
        return count
