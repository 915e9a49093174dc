"""How the index packs items. Sets of items are Python's integers: bit ``i`` is item ``first + i``.

A posting is one term in one block of ``BLOCK`` items: 512 bytes, bit ``i`` of byte ``i // 8`` for the item at offset
``i``; or, where that is shorter, up to ``SPARSE`` offsets of two bytes. Numbers of a field stand together for ``CHUNK``
items: a bitmap of the items that have one (32 bytes), the numbers in ascending order (IEEE 754 doubles), then for each
number the offset of its item (one byte). All are little-endian.
"""

from __future__ import annotations

import sys
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

BLOCK = 4096
BLOCK_BYTES = BLOCK // 8
SPARSE = 64
CHUNK = 256
CHUNK_BYTES = CHUNK // 8

_BIT = tuple(1 << bit for bit in range(8))
_EMPTY_BLOCK = bytes(BLOCK_BYTES)
_EMPTY_CHUNK = bytes(CHUNK_BYTES)


def _little(values: array[int] | array[float]) -> array[int] | array[float]:
    if sys.byteorder == "big":
        values.byteswap()
    return values


def pack_ids(ids: Iterable[int]) -> bytes:
    """Return ids as four bytes each, in the order given."""
    return _little(array("I", ids)).tobytes()


def unpack_ids(data: bytes) -> array[int]:
    """Return what ``pack_ids`` packed."""
    values: array[int] = array("I")
    values.frombytes(data)
    _little(values)
    return values


def pack_floats(values: Iterable[float]) -> bytes:
    """Return doubles as eight bytes each, in the order given."""
    return _little(array("d", values)).tobytes()


def unpack_floats(data: bytes) -> array[float]:
    """Return what ``pack_floats`` packed."""
    values: array[float] = array("d")
    values.frombytes(data)
    _little(values)
    return values


def pack_offsets(offsets: Sequence[int]) -> bytes:
    """Return a posting for ascending offsets within a block."""
    if len(offsets) <= SPARSE:
        return _little(array("H", offsets)).tobytes()
    return _bitmap(offsets, BLOCK_BYTES)


def unpack_offsets(data: bytes) -> list[int]:
    """Return the ascending offsets of a posting."""
    if len(data) != BLOCK_BYTES:
        values: array[int] = array("H")
        values.frombytes(data)
        return list(_little(values))  # type: ignore[arg-type]  # an array of H holds integers
    return list(ascending(int.from_bytes(data, "little")))


def _bitmap(offsets: Iterable[int], size: int) -> bytes:
    target = bytearray(size)
    for offset in offsets:
        target[offset >> 3] |= _BIT[offset & 7]
    return bytes(target)


def ascending(bits: int) -> Iterator[int]:
    """Yield the places of the bits that are set, from the lowest."""
    data = bits.to_bytes((bits.bit_length() + 7) // 8, "little")
    for start in range(0, len(data), BLOCK_BYTES):
        piece = int.from_bytes(data[start : start + BLOCK_BYTES], "little")
        base = start * 8 - 1
        while piece:
            low = piece & -piece
            yield base + low.bit_length()
            piece ^= low


def descending(bits: int) -> Iterator[int]:
    """Yield the places of the bits that are set, from the highest."""
    data = bits.to_bytes((bits.bit_length() + 7) // 8, "little")
    for start in reversed(range(0, len(data), BLOCK_BYTES)):
        piece = int.from_bytes(data[start : start + BLOCK_BYTES], "little")
        base = start * 8
        while piece:
            top = piece.bit_length() - 1
            yield base + top
            piece ^= 1 << top


@dataclass(frozen=True, slots=True)
class Span:
    """Some blocks that follow each other; sets within it count from its first item."""

    first: int
    blocks: int

    @property
    def low(self) -> int:
        """The first item."""
        return self.first * BLOCK

    @property
    def high(self) -> int:
        """The last item."""
        return (self.first + self.blocks) * BLOCK - 1

    def active(self, bits: int, size: int = BLOCK) -> list[int]:
        """Return the numbers of the blocks, or of the chunks, in which a set has items."""
        width = size // 8
        empty = _EMPTY_BLOCK if size == BLOCK else _EMPTY_CHUNK
        data = bits.to_bytes(self.blocks * BLOCK_BYTES, "little")
        base = self.low // size
        return [
            base + index
            for index in range(self.blocks * BLOCK // size)
            if data[index * width : index * width + width] != empty
        ]

    def of_items(self, items: Iterable[int]) -> int:
        """Return the set of those items that lie in the span."""
        target = bytearray(self.blocks * BLOCK_BYTES)
        low, high = self.low, self.high
        for item in items:
            if low <= item <= high:
                target[(item - low) >> 3] |= _BIT[(item - low) & 7]
        return int.from_bytes(target, "little")

    def of_postings(self, rows: Iterable[Sequence[object]]) -> int:
        """Return the union of (block, posting)."""
        target = bytearray(self.blocks * BLOCK_BYTES)
        seen: set[int] = set()
        for block, data in rows:
            assert isinstance(block, int)
            assert isinstance(data, bytes)
            at = (block - self.first) * BLOCK_BYTES
            if len(data) != BLOCK_BYTES:
                for offset in unpack_offsets(data):
                    target[at + (offset >> 3)] |= _BIT[offset & 7]
            elif block in seen:
                both = int.from_bytes(target[at : at + BLOCK_BYTES], "little") | int.from_bytes(data, "little")
                target[at : at + BLOCK_BYTES] = both.to_bytes(BLOCK_BYTES, "little")
            else:
                target[at : at + BLOCK_BYTES] = data
            seen.add(block)
        return int.from_bytes(target, "little")

    def of_numbers(self, rows: Iterable[Sequence[object]], low: float, high: float) -> int:
        """Return the items that have a number from ``low`` to ``high``, both included, from (chunk, numbers)."""
        target = bytearray(self.blocks * BLOCK_BYTES)
        base = self.low // CHUNK
        for chunk, data in rows:
            assert isinstance(chunk, int)
            assert isinstance(data, bytes)
            at = (chunk - base) * CHUNK_BYTES
            target[at : at + CHUNK_BYTES] = _between(data, low, high)
        return int.from_bytes(target, "little")


def pack_numbers(pairs: Iterable[tuple[float, int]]) -> tuple[float, float, bytes]:
    """Return the least, the greatest, and the packed form of (number, offset within the chunk); at least one."""
    ordered = sorted(pairs)
    offsets = bytes(offset for _, offset in ordered)
    data = _bitmap(offsets, CHUNK_BYTES) + pack_floats(value for value, _ in ordered) + offsets
    return ordered[0][0], ordered[-1][0], data


def unpack_numbers(data: bytes) -> list[tuple[float, int]]:
    """Return (number, offset) in order."""
    split = CHUNK_BYTES + (len(data) - CHUNK_BYTES) // 9 * 8
    return list(zip(unpack_floats(data[CHUNK_BYTES:split]), data[split:], strict=True))


def _between(data: bytes, low: float, high: float) -> bytes:
    count = (len(data) - CHUNK_BYTES) // 9
    split = CHUNK_BYTES + count * 8
    values = unpack_floats(data[CHUNK_BYTES:split])
    begin, end = bisect_left(values, low), bisect_right(values, high)
    present = data[:CHUNK_BYTES]
    if end - begin == count:
        return present
    if 2 * (end - begin) > count == int.from_bytes(present, "little").bit_count():
        # Each item has one number here, so that it is shorter to take away those outside.
        outside = _bitmap(data[split : split + begin] + data[split + end :], CHUNK_BYTES)
        rest = int.from_bytes(present, "little") ^ int.from_bytes(outside, "little")
        return rest.to_bytes(CHUNK_BYTES, "little")
    return _bitmap(data[split + begin : split + end], CHUNK_BYTES)
