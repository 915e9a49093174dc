"""FlatBuffers over ReadAt: the fields of tables by their number; what is not asked for is not read.

Source: "FlatBuffer Internals" in the FlatBuffers documentation. A table begins with the distance back to its vtable,
which has, for each field, the distance from the table's begin (0: absent). Strings, vectors and tables are behind one
more distance. Numbers are little-endian.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from herdbook.kernel.errors import CorruptError, InvalidError

if TYPE_CHECKING:
    from herdbook.ports.formats import ReadAt

_PAGE = 4096
_PAGES = 256
MAX_READS = 1_000_000


class Flatbuffer:
    """A buffer inside a file.

    Args:
        file: the bytes.
        start: offset of the buffer.
        size: of the buffer, in bytes.
    """

    def __init__(self, file: ReadAt, start: int, size: int) -> None:
        self._file = file
        self._start = start
        self._size = size
        self._pages: dict[int, bytes] = {}
        self._left = MAX_READS

    def root(self) -> int:
        """Return the place of the root table."""
        return self._follow(0)

    def field(self, table: int, number: int) -> int:
        """Return the place of a table's field; 0 when it is absent.

        Raises:
            CorruptError: when table or vtable lie outside of the buffer.
            InvalidError: when more was read than any real model needs.
        """
        vtable = table - self.number(table, "<i")
        if number * 2 + 4 >= self.number(vtable, "<H"):
            return 0
        distance = self.number(vtable + 4 + 2 * number, "<H")
        return table + distance if distance else 0

    def number(self, at: int, code: str = "<i") -> int:
        """Return the whole number at a place."""
        value: int = struct.unpack(code, self._take(at, struct.calcsize(code)))[0]
        return value

    def real(self, at: int) -> float:
        """Return the float64 at a place."""
        value: float = struct.unpack("<d", self._take(at, 8))[0]
        return value

    def text(self, table: int, number: int, limit: int) -> str | None:
        """Return a field that is a text, at most ``limit`` bytes of it; ``None`` when it is absent."""
        return self._text(self._follow(at), limit) if (at := self.field(table, number)) else None

    def table(self, table: int, number: int) -> int:
        """Return the place of a field that is a table; 0 when it is absent."""
        return self._follow(at) if (at := self.field(table, number)) else 0

    def length(self, table: int, number: int) -> int:
        """Return how many elements a field has that is a vector; 0 when it is absent."""
        return self._vector(table, number)[1]

    def tables(self, table: int, number: int, limit: int) -> list[int]:
        """Return the places of the first ``limit`` elements of a field that is a vector of tables."""
        begin, count = self._vector(table, number)
        return [self._follow(begin + 4 * i) for i in range(min(count, limit))]

    def reals(self, table: int, number: int, limit: int) -> list[float]:
        """Return the first ``limit`` elements of a field that is a vector of float64."""
        begin, count = self._vector(table, number)
        return [self.real(begin + 8 * i) for i in range(min(count, limit))]

    def _vector(self, table: int, number: int) -> tuple[int, int]:
        if not (at := self.field(table, number)):
            return 0, 0
        begin = self._follow(at)
        count = self.number(begin, "<I")
        if count > self._size - begin:
            raise CorruptError(f"a vector of {count} elements does not fit into the file", code="flatbuffer-cut")
        return begin + 4, count

    def _text(self, at: int, limit: int) -> str:
        length = self.number(at, "<I")
        if length > self._size - at - 4:
            raise CorruptError(f"a text of {length} bytes does not fit into the file", code="flatbuffer-cut")
        return self._take(at + 4, min(length, limit)).decode("utf-8", "replace")

    def _follow(self, at: int) -> int:
        return at + self.number(at, "<I")

    def _take(self, at: int, length: int) -> bytes:
        """Return bytes through pages that are kept."""
        self._left -= 1
        if self._left < 0:
            raise InvalidError("the file has more tables than this reader walks over", code="too-many-fields")
        if at < 0 or at + length > self._size:
            raise CorruptError(f"byte {self._start + at} is outside of the model", code="flatbuffer-cut")
        first, last = at // _PAGE, (at + length - 1) // _PAGE
        if last - first > _PAGES // 2:
            return self._file.read_at(self._start + at, length)
        data = b"".join(self._page(page) for page in range(first, last + 1))
        found = data[at - first * _PAGE : at - first * _PAGE + length]
        if len(found) < length:
            raise CorruptError(f"the file ends before byte {self._start + at + length}", code="flatbuffer-cut")
        return found

    def _page(self, number: int) -> bytes:
        if number not in self._pages:
            if len(self._pages) >= _PAGES:
                self._pages.clear()
            begin = number * _PAGE
            self._pages[number] = self._file.read_at(self._start + begin, min(_PAGE, self._size - begin))
        return self._pages[number]
