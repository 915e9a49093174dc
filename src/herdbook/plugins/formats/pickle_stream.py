"""The bytes of pickles, read once from front to back, and their opcodes as `pickletools` knows them.

Long arguments (arrays as bytes) are passed over: only their length is kept. Nothing is unpickled.
"""

from __future__ import annotations

import pickletools
import struct
from typing import TYPE_CHECKING, NamedTuple

from herdbook.kernel.errors import CorruptError

if TYPE_CHECKING:
    from collections.abc import Callable

    from herdbook.ports.formats import ReadAt

KEPT = 64 * 1024
"""Bytes of an argument that are kept; of a longer one only the length."""
_LINE = 64 * 1024
_WINDOW = 16 * 1024


class Bytes:
    """Bytes from front to back.

    ``ahead`` is what was fetched, ``here`` the place of the next byte in it: `opcode` looks there itself, since it is
    asked a hundred thousand times.
    """

    def __init__(self, at: int = 0) -> None:
        self.ahead, self.here = b"", 0
        self._base = at

    @property
    def at(self) -> int:
        """The place of the next byte, from the first one on."""
        return self._base + self.here

    def fetch(self, count: int) -> None:
        """Have so many bytes ahead, or all that there are."""
        raise NotImplementedError

    def take(self, count: int) -> bytes:
        """Return the next bytes; fewer only at the end."""
        if self.here + count > len(self.ahead):
            self.fetch(count)
        found = self.ahead[self.here : self.here + count]
        self.here += len(found)
        return found

    def skip(self, count: int) -> bool:
        """Pass over bytes, and say whether there were so many."""
        while count > 0:
            part = len(self.take(min(count, _WINDOW)))
            if not part:
                return False
            count -= part
        return True

    def line(self) -> bytes | None:
        """Return what stands before the next newline, and pass over it; None when there is none, or far away."""
        found = self.ahead.find(b"\n", self.here)
        if found < 0:
            self.fetch(_LINE)
            found = self.ahead.find(b"\n", self.here)
            if found < 0:
                return None
        line = self.ahead[self.here : found]
        self.here = found + 1
        return line


class Flat(Bytes):
    """Bytes that lie in a file as they are. What is passed over is not read.

    Args:
        file: where they are.
        at: the first one.
        end: the one after the last; the end of the file when absent.
    """

    def __init__(self, file: ReadAt, at: int = 0, end: int | None = None) -> None:
        super().__init__(at)
        self._file = file
        self._end = file.size if end is None else end

    def fetch(self, count: int) -> None:
        """Have so many bytes ahead, or all that there are."""
        self._base, self.here = self.at, 0
        self.ahead = self._file.read_at(self._base, max(0, min(max(count, _WINDOW), self._end - self._base)))

    def skip(self, count: int) -> bool:
        """Pass over bytes, and say whether there were so many."""
        there = min(count, self._end - self.at)
        self.here += there
        return there == count


class Streamed(Bytes):
    """Bytes that are unpacked on the way.

    Args:
        read: returns at most so many further bytes, none at the end.
        most: bytes after which it goes no further; `cut` then says so.
    """

    def __init__(self, read: Callable[[int], bytes], most: int) -> None:
        super().__init__()
        self._read = read
        self._most = most
        self.cut = False

    def fetch(self, count: int) -> None:
        """Have so many bytes ahead, or all that there are."""
        self.cut = self.cut or self.at > self._most
        while (missing := count - len(self.ahead) + self.here) > 0 and not self.cut:
            more = self._read(max(_WINDOW, missing))
            if not more:
                return
            self._base += self.here
            self.ahead, self.here = self.ahead[self.here :] + more, 0


class Opcode(NamedTuple):
    """One opcode. ``arg``: its argument's bytes, ``None`` when it has none or it is longer than `KEPT`."""

    name: str
    arg: bytes | None
    length: int


_opcode = tuple.__new__  # a tenth of the time that its own constructor takes
_A_LINE, _TWO_LINES = pickletools.UP_TO_NEWLINE, -6


def _shape(op: pickletools.OpcodeInfo) -> tuple[str, int, Opcode]:
    """Return name, shape of the argument (its length; -1, -6: one or two lines; -2 … -5: length before it), and it."""
    shape = 0 if op.arg is None else _TWO_LINES if op.name in {"GLOBAL", "INST"} else op.arg.n
    return op.name, shape, Opcode(op.name, None, 0)


_OPCODES: list[tuple[str, int, Opcode] | None] = [None] * 256
for _each in pickletools.opcodes:
    _OPCODES[ord(_each.code)] = _shape(_each)
_LENGTHS = {
    pickletools.TAKEN_FROM_ARGUMENT1: struct.Struct("<B"),
    pickletools.TAKEN_FROM_ARGUMENT4: struct.Struct("<i"),
    pickletools.TAKEN_FROM_ARGUMENT4U: struct.Struct("<I"),
    pickletools.TAKEN_FROM_ARGUMENT8U: struct.Struct("<Q"),
}


def opcode(source: Bytes) -> Opcode:
    """Return the next opcode.

    Raises:
        CorruptError: when there is none, or its argument ends too early.
    """
    if source.here >= len(source.ahead):
        source.fetch(1)
    ahead, here = source.ahead, source.here
    if here >= len(ahead):
        raise _broken(source.at, "it ends", ends=True)
    source.here = here + 1
    known = _OPCODES[ahead[here]]
    if known is None:
        raise _broken(source.at - 1, f"{ahead[here : here + 1]!r} is no opcode", ends=False)
    here += 1
    name, shape, bare = known
    if shape == 0:
        return bare
    end = here + shape if shape > 0 else ahead.find(b"\n", here) if shape == _A_LINE else 0
    if 0 < end <= len(ahead):  # as nearly always: all of it was fetched
        source.here = end + (shape < 0)
        return _opcode(Opcode, (name, ahead[here:end], end - here))
    return _fetched(source, name, shape)


def _fetched(source: Bytes, name: str, shape: int) -> Opcode:
    """Return an opcode whose argument has a length of its own, or is not all fetched."""
    at = source.at - 1
    if shape in _LENGTHS:
        return _counted(source, name, _LENGTHS[shape], at)
    if shape > 0:
        arg = source.take(shape)
        if len(arg) < shape:
            raise _short(at)
        return Opcode(name, arg, shape)
    arg = _line(source, at)
    if shape == _TWO_LINES:
        arg += b"\n" + _line(source, at)
    return Opcode(name, arg, len(arg))


def _counted(source: Bytes, name: str, head: struct.Struct, at: int) -> Opcode:
    raw = source.take(head.size)
    length: int = head.unpack(raw)[0] if len(raw) == head.size else -1
    if length < 0:
        raise _short(at)
    if length > KEPT:
        if not source.skip(length):
            raise _short(at)
        return Opcode(name, None, length)
    arg = source.take(length)
    if len(arg) < length:
        raise _short(at)
    return Opcode(name, arg, length)


def _line(source: Bytes, at: int) -> bytes:
    found = source.line()
    if found is None:
        raise _short(at)
    return found


def _broken(at: int, what: str, *, ends: bool) -> CorruptError:
    return CorruptError(f"the pickle is damaged: at byte {at} {what}", code="pickle-broken", ends=ends)


def _short(at: int) -> CorruptError:
    return CorruptError(
        f"the pickle is cut: the argument at byte {at} is not all there", code="pickle-broken", ends=True
    )
