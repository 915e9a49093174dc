"""Universal Binary JSON over ReadAt: structure and texts are read, arrays of numbers of one type are passed over.

Source: the UBJSON specification, draft 12 (ubjson.org): a value is a marker of one byte and what belongs to it; numbers
are big-endian; a container may say the type (``$``) and the number (``#``) of its elements.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from herdbook.kernel.errors import CorruptError, InvalidError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from herdbook.ports.formats import ReadAt

_NUMBERS = {b"i": ">b", b"U": ">B", b"I": ">h", b"l": ">i", b"L": ">q", b"d": ">f", b"D": ">d"}
_SIZES = {marker: struct.calcsize(code) for marker, code in _NUMBERS.items()} | {b"C": 1, b"Z": 0, b"T": 0, b"F": 0}
_CONSTANTS = {b"Z": None, b"T": True, b"F": False}
_WHOLE = frozenset(b"iUIlL")
_SMALL_WINDOW = 4 * 1024
_LARGE_WINDOW = 64 * 1024
_MAX_DEPTH = 64
MAX_VALUES = 3_000_000
MAX_TEXT = 1024 * 1024
MAX_HELD = 32 * 1024 * 1024


@dataclass(frozen=True)
class Numbers:
    """An array of numbers that was passed over."""

    count: int

    def __len__(self) -> int:
        """Return how many there are."""
        return self.count


class Ubjson:
    """A walk over one value.

    Args:
        file: the bytes.
        inside: key → the keys that are kept of the objects in its value; the others are walked over and forgotten.
    """

    def __init__(self, file: ReadAt, inside: Mapping[str, frozenset[str]] | None = None) -> None:
        self._file = file
        self._inside = inside or {}
        self._at = 0
        self._buf = b""
        self._base = 0
        self._window = _SMALL_WINDOW
        self._values = MAX_VALUES
        self._held = MAX_HELD

    def read(self) -> Any:  # noqa: ANN401 - any value
        """Return the file's value; of the standard's numbers, those of high precision are texts.

        Raises:
            CorruptError: when the bytes are no UBJSON, or end too early.
            InvalidError: when there are more values, more text, or more levels than this reader goes.
        """
        return self._value(self._marker(), 0, None, keep=True)

    def _value(self, marker: bytes, depth: int, keys: frozenset[str] | None, *, keep: bool) -> Any:  # noqa: ANN401
        self._values -= 1
        if self._values < 0:
            raise InvalidError(f"there are more than {MAX_VALUES} values", code="too-many-values")
        if depth > _MAX_DEPTH:
            raise InvalidError(f"values are nested deeper than {_MAX_DEPTH}", code="nested-too-deep")
        if marker in _NUMBERS:
            return struct.unpack(_NUMBERS[marker], self._take(_SIZES[marker]))[0]
        if marker in _CONSTANTS:
            return _CONSTANTS[marker]
        if marker in {b"S", b"H"}:
            return self._text(keep=keep)
        if marker == b"C":
            return self._take(1).decode("latin-1")
        if marker == b"[":
            return self._array(depth, keys, keep=keep)
        if marker == b"{":
            return self._object(depth, keys, keep=keep)
        raise CorruptError(f"byte {self._at - 1} begins no value of UBJSON", code="ubjson-bad-marker")

    def _array(self, depth: int, keys: frozenset[str] | None, *, keep: bool) -> Any:  # noqa: ANN401 - a list or Numbers
        kind, count = self._head()
        if kind in _SIZES and count is not None:
            self._skip(count * _SIZES[kind])
            return Numbers(count)
        found = []
        for marker in self._elements(kind, count, b"]"):
            value = self._value(marker, depth + 1, keys, keep=keep)
            if keep:
                self._hold(16)
                found.append(value)
        return found

    def _object(self, depth: int, keys: frozenset[str] | None, *, keep: bool) -> dict[str, Any]:
        kind, count = self._head()
        found = {}
        self._hold(64)
        for marker in self._elements(kind, count, b"}", named=True):
            key = self._text(keep=True, marker=marker)
            wanted = keep and (keys is None or key in keys)
            below = self._inside.get(key) if keys is None else None
            value = self._value(kind or self._marker(), depth + 1, below, keep=wanted)
            if wanted:
                self._hold(100)
                found[key] = value
        return found

    def _head(self) -> tuple[bytes, int | None]:
        """Return the type and the number of a container's elements, as far as it says them."""
        kind, count = b"", None
        if self._peek() == b"$":
            self._at += 1
            kind = self._marker()
            if self._peek() != b"#":
                raise CorruptError(f"byte {self._at}: a type without a number of elements", code="ubjson-bad-container")
        if self._peek() == b"#":
            self._at += 1
            count = self._count()
            if kind not in {b"Z", b"T", b"F"} and count > self._file.size - self._at:
                raise CorruptError(f"byte {self._at}: {count} elements do not fit into the file", code="ubjson-cut")
        return kind, count

    def _elements(self, kind: bytes, count: int | None, end: bytes, *, named: bool = False) -> Iterator[bytes]:
        """Yield the marker of each element of an array, or the first byte of each name of an object."""
        left = count
        while left is None or left:
            if left is not None:
                left -= 1
            marker = self._marker() if named or not kind else kind
            if left is None and marker == end:
                return
            if marker != b"N":
                yield marker
            elif left is not None:
                left += 1
                self._values -= 1

    def _marker(self) -> bytes:
        return self._take(1)

    def _count(self, marker: bytes = b"") -> int:
        """Return a length.

        Raises:
            CorruptError: when it is no whole number, or is below 0.
        """
        marker = marker or self._marker()
        if marker[0] not in _WHOLE:
            raise CorruptError(f"byte {self._at - 1} begins no length", code="ubjson-bad-length")
        count: int = struct.unpack(_NUMBERS[marker], self._take(_SIZES[marker]))[0]
        if count < 0:
            raise CorruptError(f"the length before byte {self._at} is below 0", code="ubjson-bad-length")
        return count

    def _text(self, *, keep: bool, marker: bytes = b"") -> str:
        length = self._count(marker)
        if not keep:
            self._skip(length)
            return ""
        if length > MAX_TEXT:
            raise InvalidError(f"a text has {length} bytes", code="too-much-text")
        self._hold(length + 50)
        return self._take(length).decode("utf-8", "replace")

    def _hold(self, size: int) -> None:
        self._held -= size
        if self._held < 0:
            raise InvalidError("the file has more values and texts than this reader keeps", code="too-much-text")

    def _skip(self, length: int) -> None:
        self._at += length
        if self._at > self._file.size:
            raise CorruptError(f"the file ends at byte {self._file.size}, in the middle of a value", code="ubjson-cut")

    def _peek(self) -> bytes:
        found = self._take(1)
        self._at -= 1
        return found

    def _take(self, length: int) -> bytes:
        """Return the next bytes. Read on, the window grows; after a jump it is small, so that numbers are not read."""
        i = self._at - self._base
        if not 0 <= i <= len(self._buf) - length:
            near = 0 <= i <= len(self._buf) + _SMALL_WINDOW
            self._window = min(2 * self._window, _LARGE_WINDOW) if near else _SMALL_WINDOW
            want = max(0, min(max(length, self._window), self._file.size - self._at))
            self._buf = self._file.read_at(self._at, want) if want else b""
            self._base, i = self._at, 0
            if len(self._buf) < length:
                raise CorruptError(
                    f"the file ends at byte {self._file.size}, in the middle of a value",
                    code="ubjson-cut",
                    hint="Fetch it again; it was cut short.",
                )
        self._at += length
        return self._buf[i : i + length]
