"""Packs: the index that says where an object lies, and the head of each entry (gitformat-pack)."""

from __future__ import annotations

import mmap
import os
import struct
from collections.abc import Callable
from typing import NamedTuple, Protocol

from herdbook.plugins.importers.git_stream import Inflate, delta_sizes
from herdbook.plugins.importers.git_troubles import corrupt

KINDS = {1: "commit", 2: "tree", 3: "blob", 4: "tag"}
OFFSET_DELTA, ID_DELTA = 6, 7
MAX_CHAIN = 10_000
"""Deltas upon deltas; git makes at most 4095."""
TRAILER = 20


class Entry(NamedTuple):
    """The head of an entry: where its data begins, and for a delta where its base lies or what its id is."""

    kind: int
    size: int
    data: int
    base: int | bytes | None


class Index(Protocol):
    """Says where in a pack an object lies."""

    def find(self, raw: bytes) -> int | None:
        """Return the offset of the object with this id of 20 bytes, ``None`` when the pack has it not."""
        ...

    def close(self) -> None:
        """Release what is held."""
        ...


class FileIndex:
    """An ``.idx`` file of version 1 or 2, mapped."""

    def __init__(self, handle: int) -> None:
        size = os.fstat(handle).st_size
        if size < 1032:
            raise corrupt("the index of a pack is too short")
        self._data = mmap.mmap(handle, size, access=mmap.ACCESS_READ)
        head = self._data[:8]
        new = head[:4] == b"\377tOc"
        if new and head[4:] != b"\0\0\0\2":
            raise corrupt(f"the index of a pack has version {int.from_bytes(head[4:])}")
        start = 8 if new else 0
        self._fan = (0, *struct.unpack_from(">256L", self._data, start))
        self._count = self._fan[-1]
        self._names = start + 1024
        self._stride, self._skip = (20, 0) if new else (24, 4)
        self._offsets = self._names + 24 * self._count if new else 0
        self._large = self._offsets + 4 * self._count
        least = self._large if new else self._names + 24 * self._count
        if least > size or any(a > b for a, b in zip(self._fan, self._fan[1:], strict=False)):
            raise corrupt("the index of a pack does not hold what it declares")

    def find(self, raw: bytes) -> int | None:
        """Return the offset of an object; see ``Index``."""
        low, high = self._fan[raw[0]], self._fan[raw[0] + 1]
        data, stride, first = self._data, self._stride, self._names + self._skip
        while low < high:
            middle = (low + high) // 2
            at = first + middle * stride
            name = data[at : at + 20]
            if name == raw:
                return self._offset(middle)
            if name < raw:
                low = middle + 1
            else:
                high = middle
        return None

    def _offset(self, place: int) -> int:
        if not self._offsets:
            return self._long(self._names + 24 * place)
        found = self._long(self._offsets + 4 * place)
        if found < 1 << 31:
            return found
        at = self._large + 8 * (found & 0x7FFFFFFF)
        return int.from_bytes(self._data[at : at + 8])

    def _long(self, at: int) -> int:
        return int.from_bytes(self._data[at : at + 4])

    def close(self) -> None:
        """Release the mapping."""
        self._data.close()


class MemoryIndex(dict[bytes, int]):
    """An index that was made by reading the pack."""

    def find(self, raw: bytes) -> int | None:
        """Return the offset of an object; see ``Index``."""
        return self.get(raw)

    def close(self) -> None:
        """Nothing is held."""


class Pack:
    """A pack in a file that is open; offsets count from ``start``, where a bundle's pack begins."""

    def __init__(self, open_file: Callable[[], int], index: Index, *, start: int = 0) -> None:
        self._open_file = open_file
        self._handle: int | None = None
        self._end = 0
        self._start = start
        self.index = index

    def read(self, offset: int, length: int) -> bytes:
        """Return bytes of the pack, none from its trailer on."""
        if self._handle is None:
            self._handle = self._open_file()
            self._end = os.fstat(self._handle).st_size - TRAILER
        at = self._start + offset
        return os.pread(self._handle, min(length, self._end - at), at) if at < self._end else b""

    def entry(self, offset: int) -> Entry:
        """Return the head of the entry at an offset.

        Raises:
            CorruptError: when there is none.
        """
        head = self.read(offset, 48)
        at, shift, last = 0, 4, 0x80
        kind = size = 0
        while last & 0x80:
            if at >= min(len(head), 12):
                raise corrupt("an entry of a pack is cut, or declares a size that nothing has")
            last = head[at]
            if at == 0:
                kind, size = last >> 4 & 7, last & 15
            else:
                size |= (last & 0x7F) << shift
                shift += 7
            at += 1
        if kind in KINDS:
            return Entry(kind, size, offset + at, None)
        if kind == ID_DELTA and len(head) >= at + 20:
            return Entry(kind, size, offset + at + 20, head[at : at + 20])
        if kind == OFFSET_DELTA:
            back, used = _backwards(head[at:])
            if 0 < back < offset:
                return Entry(kind, size, offset + at + used, offset - back)
        raise corrupt("an entry of a pack is of no kind that git knows, or stands on nothing")

    def inflate(self, entry: Entry) -> Inflate:
        """Return what an entry holds, inflated: the object, or the delta."""
        return Inflate(self.read, entry.data, entry.size)

    def chain(self, offset: int) -> list[Entry] | None:
        """Return an entry and all below it, down to one that is no delta; ``None`` when a base is absent."""
        chain = [self.entry(offset)]
        while chain[-1].base is not None:
            place = self.place_of_base(chain[-1])
            if place is None:
                return None
            check_depth(len(chain))
            chain.append(self.entry(place))
        return chain

    def place_of_base(self, entry: Entry) -> int | None:
        """Return the offset of what a delta stands on, ``None`` when this pack has it not."""
        return self.index.find(entry.base) if isinstance(entry.base, bytes) else entry.base

    def result_size(self, entry: Entry) -> int:
        """Return the size of what an entry makes, in bytes."""
        return entry.size if entry.base is None else delta_sizes(iter(self.inflate(entry)))[1]

    def close(self) -> None:
        """Release file and index."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None
        self.index.close()


def check_depth(depth: int) -> None:
    """Refuse deltas that stand on deltas without end.

    Raises:
        CorruptError: beyond what git itself would ever write.
    """
    if depth > MAX_CHAIN:
        raise corrupt("deltas stand on deltas without end")


def _backwards(data: bytes) -> tuple[int, int]:
    """Return how far back the base lies, and how many bytes said so."""
    value = 0
    for used, byte in enumerate(data[:10], 1):
        value = (value << 7) | (byte & 0x7F)
        if not byte & 0x80:
            return value, used
        value += 1
    return 0, 0
