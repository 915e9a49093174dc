"""Protobuf's wire format over ReadAt: fields as they stand in the file; lengths are skipped, not read.

Source: "Encoding" in the Protocol Buffers documentation. A field is a tag (number << 3 | wire type) and a value:
a varint (type 0), 8 bytes (1), a length and that many bytes (2), 4 bytes (5). Groups (3 and 4) are refused.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NoReturn

from herdbook.kernel.errors import CorruptError, InvalidError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from herdbook.ports.formats import ReadAt

SMALL_WINDOW = 4 * 1024
LARGE_WINDOW = 256 * 1024
MAX_FIELDS = 8_000_000
MAX_HELD = 96 * 1024 * 1024
_LONGEST = 20  # bytes: a tag and a varint of 10 bytes each
_HIGH = bytes(range(128, 256))

Field = tuple[int, int, int]
"""(tag, a, b). Type 0: ``a`` is the value, unsigned. Other types: ``a`` is the offset in the file, ``b`` the length in
bytes. A run (see ``runs``): ``a`` is the number of elements, ``b`` is 0."""

Runs = dict[int, tuple[re.Pattern[bytes], int]]


def tag(number: int, kind: int = 2) -> int:
    """Return the tag of a field number and a wire type."""
    return number << 3 | kind


def runs(*tags: int) -> Runs:
    """Return what ``Wire.fields`` needs to pass over repeated numbers that were written one by one, without packing.

    The tags are those of one byte, of type 0, 1 or 5.
    """
    values = {0: (rb"[\x80-\xff]{0,9}[\x00-\x7f]", 0), 1: (rb"[\x00-\xff]{8}", 9), 5: (rb"[\x00-\xff]{4}", 5)}
    table: Runs = {}
    for each in tags:
        pattern, size = values[each & 7]
        # Possessive: a run of a million elements must leave nothing behind to come back to.
        table[each] = (re.compile(b"(?:" + re.escape(bytes([each])) + pattern + b")++"), size)
    return table


def signed(value: int) -> int:
    """Return a varint of an int32 or int64 field as the number it stands for."""
    return value - (1 << 64) if value >> 63 else value


def varints(data: bytes) -> list[int]:
    """Return the unsigned values of a packed field.

    Raises:
        CorruptError: when the last is cut, or one is longer than 10 bytes.
    """
    values = []
    i, end = 0, len(data)
    try:
        while i < end:
            value, i = _varint(data, i)
            values.append(value)
    except IndexError:
        raise CorruptError("a packed list of numbers is cut short", code="protobuf-cut") from None
    return values


def _varint(buf: bytes, i: int) -> tuple[int, int]:
    """Return value and next index.

    Raises:
        IndexError: when the buffer ends first.
        CorruptError: when it is longer than 10 bytes.
    """
    value = shift = 0
    while True:
        byte = buf[i]
        i += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFFFFFFFFFFFFFF, i
        shift += 7
        if shift > 63:
            raise CorruptError("a number is longer than ten bytes", code="protobuf-bad-varint")


class Wire:
    """A walk over the messages of a file, through one buffered window.

    Memory is one window (at most 256 KiB), what ``take`` returns, and what the caller declares with ``hold``. Time is
    bounded by the number of fields.

    Args:
        file: the bytes.
        max_fields: after that many fields the walk is given up.
        max_held: after that many bytes, too.
    """

    def __init__(self, file: ReadAt, *, max_fields: int = MAX_FIELDS, max_held: int = MAX_HELD) -> None:
        self.size = file.size
        self.bytes_read = 0
        self._file = file
        self._left = max_fields
        self._room = max_held
        self._buf = b""
        self._base = 0
        self._stop = 0
        self._window = SMALL_WINDOW

    def fields(
        self, start: int, end: int, wanted: Collection[int] | None = None, runs: Runs | None = None
    ) -> Iterator[Field]:
        """Yield the fields of the message at [start, end), bytes of type 2 unread; between two, others may be walked.

        Args:
            start: offset of the message in bytes.
            end: offset behind it.
            wanted: tags to yield; all others are passed over. ``None``: all.
            runs: fields whose runs come as one, each with the number of its elements.

        Raises:
            CorruptError: when a field does not fit into the message, or the file ends.
            InvalidError: when there are more fields than the walk is allowed.
        """
        pos = start
        while pos < end:
            buf, base, safe = self._around(pos, end)
            i, stop = pos - base, end - base
            count = 0
            try:
                while i < safe:
                    count += 1
                    at = i
                    key = buf[i]
                    i += 1
                    if key > 0x7F:
                        key, i = _varint(buf, at)
                    if (kind := key & 7) == 2:
                        b = buf[i]
                        i += 1
                        if b > 0x7F:
                            b, i = _varint(buf, i - 1)
                        a = i + base
                        i += b
                    elif runs is not None and key in runs:
                        a, i = self._run(runs[key], at, stop)
                        b = 0
                    elif kind == 0:
                        a = buf[i]
                        i += 1
                        if a > 0x7F:
                            a, i = _varint(buf, i - 1)
                        b = 0
                    else:
                        a = i + base
                        b = self._fixed(kind, a)
                        i += b
                    if i > stop or key < 8:
                        self._bad(key, i + base, end)
                    if wanted is None or key in wanted:
                        yield key, a, b
                        if self._buf is not buf:
                            break
            except IndexError:
                self._cut(i + base)
            self._spend(count)
            pos = i + base

    def split(self, start: int, length: int, wanted: Collection[int] | None = None) -> list[Field]:
        """Return the fields of a message at once; for a small one that is faster than ``fields``.

        Args:
            start: offset of the message in bytes.
            length: of the message in bytes. From 4 KiB on ``fields`` walks it, and what it finds is held.
            wanted: tags to return from a large message; a small one gives all.

        Raises:
            CorruptError: when a field does not fit into the message, or the file ends.
            InvalidError: when there are more fields than the walk is allowed.
        """
        found: list[Field] = []
        if length > SMALL_WINDOW:
            for field in self.fields(start, start + length, wanted):
                found.append(field)
                self.hold(100)
            return found
        data = self.take(start, length)
        i = 0
        try:
            while i < length:
                key, i = (data[i], i + 1) if data[i] < 0x80 else _varint(data, i)
                if (kind := key & 7) == 2:
                    b, i = (data[i], i + 1) if data[i] < 0x80 else _varint(data, i)
                    a = i + start
                    i += b
                elif kind == 0:
                    a, i = (data[i], i + 1) if data[i] < 0x80 else _varint(data, i)
                    b = 0
                else:
                    a = i + start
                    b = self._fixed(kind, a)
                    i += b
                if i > length or key < 8:
                    self._bad(key, i + start, start + length)
                found.append((key, a, b))
        except IndexError:
            raise CorruptError(
                f"the message at byte {start} ends in the middle of a field", code="protobuf-bad-length"
            ) from None
        self._spend(len(found))
        return found

    def _around(self, pos: int, end: int) -> tuple[bytes, int, int]:
        """Return the window, its offset, and the index up to which a tag and a number are whole in it.

        At the file's end they may be cut, which an IndexError tells.
        """
        if pos < self._base or (pos + _LONGEST > self._stop and self._stop < self.size):
            self._load(pos, 0)
        stop = end - self._base
        return self._buf, self._base, stop if self._stop >= self.size else min(stop, len(self._buf) - _LONGEST + 1)

    def take(self, offset: int, length: int) -> bytes:
        """Return bytes of the file; the caller has bounded ``length``.

        Raises:
            CorruptError: when the file ends first.
        """
        i = offset - self._base
        if i < 0 or offset + length > self._stop:
            self._load(offset, length)
            i = 0
        data = self._buf[i : i + length]
        if len(data) < length:
            self._cut(offset + length)
        return data

    def hold(self, size: int) -> None:
        """Declare that the caller keeps about ``size`` bytes of what it read.

        Raises:
            InvalidError: when that is too much together.
        """
        self._room -= size
        if self._room < 0:
            raise InvalidError("the file has more names and texts than this reader keeps", code="too-much-text")

    def count_varints(self, offset: int, length: int) -> int:
        """Return how many numbers a packed field holds, in bounded memory."""
        count = 0
        for at in range(offset, offset + length, LARGE_WINDOW):
            data = self.take(at, min(LARGE_WINDOW, offset + length - at))
            count += len(data.translate(None, _HIGH))
        return count

    def _run(self, run: tuple[re.Pattern[bytes], int], i: int, stop: int) -> tuple[int, int]:
        """Return how many elements the window holds from index ``i`` on, and the index behind them.

        Raises:
            CorruptError: when not even the first is whole.
        """
        pattern, size = run
        found = pattern.match(self._buf, i, min(len(self._buf), stop))
        if found is None:
            self._bad(8, i + self._base + _LONGEST, i + self._base)
        length = found.end() - i
        # Of an unpacked varint, two bytes have no high bit: the tag and the last.
        return length // size if size else len(found[0].translate(None, _HIGH)) // 2, found.end()

    def _fixed(self, kind: int, pos: int) -> int:
        size = {1: 8, 5: 4}.get(kind, 0)
        if not size:
            raise CorruptError(f"byte {pos} begins a field of wire type {kind}, a group", code="protobuf-bad-type")
        return size

    def _load(self, pos: int, need: int) -> None:
        """Move the window to ``pos``. Read on, it grows; after a jump it is small, so that weights are not read."""
        near = self._base <= pos <= self._stop + SMALL_WINDOW
        self._window = min(self._window * 2, LARGE_WINDOW) if near else SMALL_WINDOW
        want = max(0, min(max(self._window, need), self.size - pos))
        data = self._file.read_at(pos, want) if want else b""
        if len(data) != want:
            raise CorruptError(f"the file gave {len(data)} of {want} bytes at {pos}", code="file-changed")
        self.bytes_read += want
        self._buf, self._base, self._stop = data, pos, pos + want

    def _spend(self, count: int) -> None:
        self._left -= count
        if self._left < 0:
            raise InvalidError("the file has more fields than this reader walks over", code="too-many-fields")

    def _cut(self, pos: int) -> NoReturn:
        raise CorruptError(
            f"the file ends at byte {self.size}, in the middle of a field (byte {pos})",
            code="protobuf-cut",
            hint="Fetch it again; it was cut short.",
        )

    def _bad(self, key: int, pos: int, end: int) -> NoReturn:
        if key < 8:
            raise CorruptError(f"a field before byte {pos} has the number 0", code="protobuf-bad-tag")
        if pos > self.size:
            self._cut(pos)
        raise CorruptError(
            f"a field says that it ends at byte {pos}, its message ends at {end}", code="protobuf-bad-length"
        )


Message = dict[int, tuple[str, object]]
"""Field number → (name, what it holds): ``int``, ``str``, another ``Message``, or a list of one of these: repeated."""

TEXT_LIMIT = 4096
_MAX_DEPTH = 64


def decode(
    wire: Wire, start: int, end: int, schema: Message, *, into: dict[str, Any] | None = None, depth: int = 0
) -> dict[str, Any]:
    """Decode a small message by its schema, merging with what is in ``into`` as protobuf does.

    Keys stand in the order in which they were set last, so of a oneof the last key counts. Texts are bytes, cut at
    4096. Fields that the schema does not know are passed over.

    Raises:
        CorruptError: when the bytes do not fit.
        InvalidError: when messages are nested deeper than 64, or there is too much to keep.
    """
    if depth > _MAX_DEPTH:
        raise InvalidError(f"messages are nested deeper than {_MAX_DEPTH}", code="nested-too-deep")
    into = {} if into is None else into
    for key, a, b in wire.fields(start, end):
        name, holds = schema.get(key >> 3, ("", None))
        repeated = isinstance(holds, list)
        what = holds[0] if isinstance(holds, list) else holds
        old = into.pop(name, None)
        value: object
        if what is int and key & 7 == 0:
            value = signed(a)
        elif what is str and key & 7 == 2:
            value = wire.take(a, min(b, TEXT_LIMIT))
            wire.hold(min(b, TEXT_LIMIT))
        elif isinstance(what, dict) and key & 7 == 2:
            value = decode(wire, a, a + b, what, into=None if repeated else old, depth=depth + 1)
            wire.hold(300)
        else:
            if old is not None:
                into[name] = old
            continue
        wire.hold(64)
        if repeated:
            values = [] if old is None else old
            values.append(value)
            into[name] = values
        else:
            into[name] = value
    return into
