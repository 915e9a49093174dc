"""Streams of git objects: inflating, applying deltas and checking, all in flat memory."""

from __future__ import annotations

import hashlib
import io
import zlib
from collections.abc import Callable, Iterator
from typing import BinaryIO, cast

from herdbook.plugins.importers.git_troubles import corrupt

CHUNK = 1 << 17
ReadAt = Callable[[int, int], bytes]
"""Offset and length to bytes; fewer only at the end."""


class Inflate:
    """Iterates over what a zlib stream holds, which must be ``size`` bytes; ``end`` is then where the stream ended.

    What inflates to more than the declared size is stopped there.
    """

    def __init__(self, read: ReadAt, offset: int, size: int) -> None:
        self._read = read
        self._size = size
        self.end = offset

    def __iter__(self) -> Iterator[bytes]:
        engine, done = zlib.decompressobj(), 0
        want = min(CHUNK, self._size + 128)
        while not engine.eof:
            data = engine.unconsumed_tail
            if not data:
                data = self._read(self.end, want)
                self.end += len(data)
                if not data:
                    raise corrupt("an object ends before all of it was said")
            try:
                out = engine.decompress(data, min(CHUNK, self._size - done + 1))
            except zlib.error as error:
                raise corrupt(f"an object does not inflate ({error})") from error
            done += len(out)
            if done > self._size:
                raise corrupt(f"an object inflates to more than the {self._size} bytes it declares")
            if out:
                yield out
        self.end -= len(engine.unused_data)
        if done != self._size:
            raise corrupt(f"an object inflates to {done} bytes and declares {self._size}")


class _Pieces:
    """Reads exact numbers of bytes from pieces."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._data = b""
        self._at = 0

    def ended(self) -> bool:
        while self._at == len(self._data):
            found = next(self._pieces, None)
            if found is None:
                return True
            self._data, self._at = found, 0
        return False

    def byte(self) -> int:
        if self.ended():
            raise corrupt("a delta ends in the middle of a command")
        self._at += 1
        return self._data[self._at - 1]

    def take(self, count: int) -> bytes:
        parts = []
        while count:
            if self.ended():
                raise corrupt("a delta ends in the middle of what it adds")
            part = self._data[self._at : self._at + count]
            self._at += len(part)
            count -= len(part)
            parts.append(part)
        return b"".join(parts)

    def number(self) -> int:
        """Read a size as deltas write it: seven bits a byte, the lowest first."""
        value = 0
        for shift in range(0, 70, 7):
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            if not byte & 0x80:
                return value
        raise corrupt("a delta declares a size of more than 70 bits")

    def bits(self, command: int, first: int, count: int) -> int:
        return sum(self.byte() << 8 * bit for bit in range(count) if command & (1 << first + bit))


def delta_sizes(pieces: Iterator[bytes]) -> tuple[int, int]:
    """Return the sizes of base and result that a delta declares at its start."""
    source = _Pieces(pieces)
    return source.number(), source.number()


def apply_delta(base: ReadAt, base_size: int, pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Yield what a delta makes of a base (gitformat-pack, "deltified representation").

    Raises:
        CorruptError: when it asks for what the base has not, or makes another size than it declares.
    """
    delta = _Pieces(pieces)
    declared, left = delta.number(), delta.number()
    if declared != base_size:
        raise corrupt(f"a delta is for {declared} bytes and stands on {base_size}")
    ready: list[bytes] = []
    held = 0
    while not delta.ended():
        command = delta.byte()
        if command & 0x80:
            offset, count = delta.bits(command, 0, 4), delta.bits(command, 4, 3) or 0x10000
        elif command:
            offset, count = -1, command
        else:
            raise corrupt("a delta has a command that git does not know")
        left -= count
        if left < 0 or (offset >= 0 and offset + count > base_size):
            raise corrupt("a delta copies more than there is, or than it declares")
        while count:
            part = delta.take(count) if offset < 0 else base(offset, min(count, CHUNK))
            if not part:
                raise corrupt("the base of a delta ends too early")
            offset, count, held = (offset + len(part) if offset >= 0 else -1), count - len(part), held + len(part)
            ready.append(part)
            if held >= CHUNK:
                yield b"".join(ready)
                ready, held = [], 0
    if left:
        raise corrupt("a delta makes less than it declares")
    if ready:
        yield b"".join(ready)


def checked(kind: str, size: int, pieces: Iterator[bytes], digest: str) -> Iterator[bytes]:
    """Yield the pieces, the last only when size and git id are what they must be."""
    hasher, done, held = hashlib.sha1(b"%s %d\0" % (kind.encode(), size), usedforsecurity=False), 0, b""
    for piece in pieces:
        if held:
            yield held
        hasher.update(piece)
        done += len(piece)
        if done > size:
            break
        held = piece
    if done != size or hasher.hexdigest() != digest:
        raise corrupt(f"the object {digest} has other bytes than its id says")
    if held:
        yield held


class _Raw(io.RawIOBase):
    """Pieces as a raw stream."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        super().__init__()
        self._pieces = pieces
        self._held = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, target: object) -> int:
        room = memoryview(cast("bytearray", target)).cast("B")  # any writable buffer
        while not self._held:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._held = memoryview(piece)
        count = min(len(room), len(self._held))
        room[:count] = self._held[:count]
        self._held = self._held[count:]
        return count

    def readall(self) -> bytes:
        return b"".join([bytes(self._held), *self._pieces])

    def close(self) -> None:
        close = getattr(self._pieces, "close", None)  # a generator's: closes what it holds open
        if close is not None:
            close()
        super().close()


def stream(pieces: Iterator[bytes]) -> BinaryIO:
    """Return the pieces as a stream that is not seekable."""
    raw = _Raw(pieces)
    return cast("BinaryIO", io.BufferedReader(raw, CHUNK))  # typing's BinaryIO is no base class for a real stream
