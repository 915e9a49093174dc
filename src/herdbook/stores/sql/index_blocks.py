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
from typing import Literal

BLOCK = 4096
BLOCK_BYTES = BLOCK // 8
SPARSE = 64
CHUNK = 256
CHUNK_BYTES = CHUNK // 8

_FEW = 8  # in a chunk: so few are looked for one by one
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


def unpack_ids(data: bytes, size: Literal["I", "H"] = "I") -> array[int]:
    """Return what ``pack_ids`` packed; or, of size H, integers of two bytes."""
    values: array[int] = array(size)
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


def change_offsets(data: bytes, added: Iterable[int], removed: Sequence[int]) -> bytes:
    """Return a posting with some offsets more and some less; empty when none is left."""
    if len(data) != BLOCK_BYTES:
        return pack_offsets(sorted({*unpack_ids(data, "H"), *added}.difference(removed)))
    target = bytearray(data)
    for offset in added:
        target[offset >> 3] |= _BIT[offset & 7]
    for offset in removed:
        target[offset >> 3] &= ~_BIT[offset & 7]
    bits = int.from_bytes(target, "little")
    return pack_offsets(list(ascending(bits))) if bits.bit_count() <= SPARSE else bytes(target)


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

    def to_bytes(self, bits: int) -> bytes:
        """Return a set as bytes, in which one item is looked up without touching the others."""
        return bits.to_bytes(self.blocks * BLOCK_BYTES, "little")

    def active(self, bits: int, size: int = BLOCK) -> list[int]:
        """Return the numbers of the blocks, or of the chunks, in which a set has items."""
        width = size // 8
        empty = _EMPTY_BLOCK if size == BLOCK else _EMPTY_CHUNK
        data = self.to_bytes(bits)
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

    def of_postings(self, rows: Iterable[tuple[int, bytes]]) -> int:
        """Return the union of (block, posting)."""
        target = bytearray(self.blocks * BLOCK_BYTES)
        seen: set[int] = set()
        for block, data in rows:
            at = (block - self.first) * BLOCK_BYTES
            if len(data) != BLOCK_BYTES:
                for offset in unpack_ids(data, "H"):
                    target[at + (offset >> 3)] |= _BIT[offset & 7]
            elif block in seen:
                both = int.from_bytes(target[at : at + BLOCK_BYTES], "little") | int.from_bytes(data, "little")
                target[at : at + BLOCK_BYTES] = both.to_bytes(BLOCK_BYTES, "little")
            else:
                target[at : at + BLOCK_BYTES] = data
            seen.add(block)
        return int.from_bytes(target, "little")

    def of_numbers(self, rows: Iterable[tuple[int, bytes]], low: float, high: float, mask: int | None) -> int:
        """Return the items within the mask that have a number from ``low`` to ``high``, from (chunk, numbers)."""
        target = bytearray(self.blocks * BLOCK_BYTES)
        wanted = None if mask is None else self.to_bytes(mask)
        base = self.low // CHUNK
        for chunk, data in rows:
            at = (chunk - base) * CHUNK_BYTES
            if wanted is None:
                target[at : at + CHUNK_BYTES] = _between(data, low, high)
                continue
            asked = int.from_bytes(wanted[at : at + CHUNK_BYTES], "little")
            if asked.bit_count() > _FEW:
                left = int.from_bytes(_between(data, low, high), "little") & asked
                target[at : at + CHUNK_BYTES] = left.to_bytes(CHUNK_BYTES, "little")
            elif asked:
                inside = _offsets_between(data, low, high)
                for offset in ascending(asked):
                    if offset in inside:
                        target[at + (offset >> 3)] |= _BIT[offset & 7]
        return int.from_bytes(target, "little")


Numbers = tuple[float, float, bytes]
"""The least, the greatest, and the packed form of the numbers of a chunk."""


def pack_numbers(pairs: Iterable[tuple[float, int]]) -> Numbers | None:
    """Return (number, offset within the chunk) packed; ``None`` of none."""
    ordered = sorted(pairs)
    if not ordered:
        return None
    offsets = bytes([offset for _, offset in ordered])
    data = _bitmap(offsets, CHUNK_BYTES) + pack_floats(value for value, _ in ordered) + offsets
    return ordered[0][0], ordered[-1][0], data


def change_numbers(data: bytes, gone: set[int], more: list[tuple[float, int]]) -> Numbers | None:
    """Return a chunk without the numbers of some offsets, and with more; ``None`` when none is left."""
    split, values = _split(data)
    present = int.from_bytes(data[:CHUNK_BYTES], "little")
    if len(more) > _FEW or any(present >> offset & 1 for offset in gone):
        kept = [pair for pair in zip(values, data[split:], strict=True) if pair[1] not in gone]
        return pack_numbers([*kept, *more])
    offsets = bytearray(data[split:])
    for value, offset in more:
        place = bisect_left(values, value)
        while place < len(values) and values[place] == value and offsets[place] < offset:
            place += 1
        values.insert(place, value)
        offsets.insert(place, offset)
        present |= 1 << offset
    return values[0], values[-1], present.to_bytes(CHUNK_BYTES, "little") + pack_floats(values) + offsets


def _split(data: bytes) -> tuple[int, array[float]]:
    """Return where the offsets begin, and the numbers."""
    split = CHUNK_BYTES + (len(data) - CHUNK_BYTES) // 9 * 8
    return split, unpack_floats(data[CHUNK_BYTES:split])


def _offsets_between(data: bytes, low: float, high: float) -> bytes:
    split, values = _split(data)
    return data[split + bisect_left(values, low) : split + bisect_right(values, high)]


def _between(data: bytes, low: float, high: float) -> bytes:
    split, values = _split(data)
    begin, end, count = bisect_left(values, low), bisect_right(values, high), len(values)
    present = data[:CHUNK_BYTES]
    if end - begin == count:
        return present
    if 2 * (end - begin) > count == int.from_bytes(present, "little").bit_count():
        # Each item has one number here, so that it is shorter to take away those outside.
        outside = _bitmap(data[split : split + begin] + data[split + end :], CHUNK_BYTES)
        rest = int.from_bytes(present, "little") ^ int.from_bytes(outside, "little")
        return rest.to_bytes(CHUNK_BYTES, "little")
    return _bitmap(data[split + begin : split + end], CHUNK_BYTES)
