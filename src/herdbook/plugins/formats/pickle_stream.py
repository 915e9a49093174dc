"""The bytes of pickles, read once from front to back, and their opcodes as `pickletools` knows them.

Long arguments (arrays as bytes) are passed over: only their length is kept. Nothing is unpickled.
"""

from __future__ import annotations

import pickletools
import struct
from typing import TYPE_CHECKING, NamedTuple, Protocol

from herdbook.kernel.errors import CorruptError

if TYPE_CHECKING:
    from collections.abc import Callable

    from herdbook.ports.formats import ReadAt

KEPT = 64 * 1024
"""Bytes of an argument that are kept; of a longer one only the length."""
_LINE = 64 * 1024
_WINDOW = 16 * 1024


class Bytes(Protocol):
    """Bytes from front to back."""

    at: int

    def take(self, count: int) -> bytes:
        """Return the next bytes; fewer only at the end."""
        ...

    def skip(self, count: int) -> bool:
        """Pass over bytes, and say whether there were so many."""
        ...

    def line(self) -> bytes | None:
        """Return what stands before the next newline, and pass over it; None when there is none, or far away."""
        ...


class Flat:
    """Bytes that lie in a file as they are. What is passed over is not read.

    Args:
        file: where they are.
        at: the first one.
        end: the one after the last; the end of the file when absent.
    """

    def __init__(self, file: ReadAt, at: int = 0, end: int | None = None) -> None:
        self._file = file
        self.at = at
        self._end = file.size if end is None else end
        self._base, self._window = at, b""

    def take(self, count: int) -> bytes:
        """Return the next bytes; fewer only at the end."""
        here = self.at - self._base
        if not 0 <= here <= here + count <= len(self._window):
            count = min(count, self._end - self.at)
            ask = min(max(count, _WINDOW), self._end - self.at)
            self._base, self._window, here = self.at, self._file.read_at(self.at, ask), 0
        self.at += count
        return self._window[here : here + count]

    def skip(self, count: int) -> bool:
        """Pass over bytes, and say whether there were so many."""
        there = min(count, self._end - self.at)
        self.at += there
        return there == count

    def line(self) -> bytes | None:
        """Return what stands before the next newline, and pass over it; None when there is none, or far away."""
        start, here = self.at, self.at - self._base
        found = self._window.find(b"\n", here) if here >= 0 else -1
        if found < 0:
            window = self.take(_LINE)
            self.at = start
            self._base, self._window, here = start, window, 0
            found = window.find(b"\n")
        if found < 0:
            return None
        self.at = self._base + found + 1
        return self._window[here:found]


class Streamed:
    """Bytes that are unpacked on the way.

    Args:
        read: returns at most so many further bytes, none at the end.
        most: bytes after which it goes no further.
    """

    def __init__(self, read: Callable[[int], bytes], most: int) -> None:
        self._read = read
        self._most = most
        self._ahead, self._here = b"", 0
        self.at = 0
        self.cut = False

    def _fill(self, count: int) -> bool:
        """Have so many bytes ahead, and say whether there are."""
        while len(self._ahead) - self._here < count and not self.cut:
            more = self._read(max(_WINDOW, count - len(self._ahead) + self._here))
            if not more:
                return False
            self._ahead, self._here = self._ahead[self._here :] + more, 0
        return not self.cut

    def take(self, count: int) -> bytes:
        """Return the next bytes; fewer only at the end, or at the limit (`cut` then says so)."""
        here = self._here
        if here + count > len(self._ahead):
            self.cut = self.cut or self.at > self._most
            self._fill(count)
            here = self._here
        found = self._ahead[here : here + count]
        self._here = here + len(found)
        self.at += len(found)
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
        while (found := self._ahead.find(b"\n", self._here)) < 0:
            ahead = len(self._ahead) - self._here
            if ahead >= _LINE or not self._fill(ahead + 1):
                return None
        return self.take(found + 1 - self._here)[:-1]


class Opcode(NamedTuple):
    """One opcode. ``arg``: its argument's bytes, ``None`` when it has none or it is longer than `KEPT`."""

    name: str
    arg: bytes | None
    length: int


def _shape(op: pickletools.OpcodeInfo) -> tuple[str, int, Opcode]:
    """Return name, shape of the argument (its length; -1, -6: one or two lines; -2 … -5: length before it), and it."""
    shape = 0 if op.arg is None else -6 if op.name in {"GLOBAL", "INST"} else op.arg.n
    return op.name, shape, Opcode(op.name, None, 0)


_OPCODES = {op.code.encode("latin-1"): _shape(op) for op in pickletools.opcodes}
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
    at = source.at
    code = source.take(1)
    known = _OPCODES.get(code)
    if known is None:
        what = "it ends" if not code else f"{code!r} is no opcode"
        raise CorruptError(f"the pickle is damaged: at byte {at} {what}", code="pickle-broken", ends=not code)
    name, shape, bare = known
    if shape == 0:
        return bare
    if shape > 0:
        arg = source.take(shape)
        if len(arg) < shape:
            raise _short(at)
        return Opcode(name, arg, shape)
    if shape in _LENGTHS:
        return _counted(source, name, _LENGTHS[shape], at)
    arg = _line(source, at)
    if shape == -6:
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


def _short(at: int) -> CorruptError:
    return CorruptError(
        f"the pickle is cut: the argument at byte {at} is not all there", code="pickle-broken", ends=True
    )
