"""What a ROOT file says of its classes: names, versions and bases.

Source: "TStreamerInfo" and "TBufferFile::ReadClass" in ROOT's documentation: a TList of TStreamerInfo, each with a
TObjArray of elements. An object says its length; its class is named the first time, and later by where that was.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from herdbook.kernel.errors import CorruptError
from herdbook.plugins.formats.root_file import Cursor

if TYPE_CHECKING:
    from collections.abc import Iterator

_MAX_CLASSES = 10_000
_COUNTED = 0x4000_0000
_NEW = 0xFFFF_FFFF


class Described(NamedTuple):
    """A class that a file describes."""

    name: str
    version: int
    bases: tuple[str, ...]


class Streamers:
    """The classes in a decompressed list.

    Args:
        data: the list.
        head: length of the key before it, from whose begin a class that was named before is counted.
    """

    def __init__(self, data: bytes, head: int) -> None:
        self._cursor = Cursor(data)
        self._head = head

    def read(self) -> Iterator[Described]:
        """Yield the classes.

        Raises:
            CorruptError: when a record ends too early.
        """
        cursor = self._cursor
        skip_head(cursor)
        self._object()
        cursor.text()
        for _ in range(min(max(cursor.take(">i"), 0), _MAX_CLASSES)):
            class_name, end = self._any()
            if class_name == "TStreamerInfo":
                skip_head(cursor)
                name = self._named()
                _, version = cursor.take(">Ii")
                yield Described(name, version, tuple(self._bases()))
            cursor.at = end
            cursor.text()  # the option that an entry of a TList has

    def _bases(self) -> Iterator[str]:
        """Yield the names of base classes."""
        cursor = self._cursor
        self._any()
        skip_head(cursor)
        self._object()
        cursor.text()
        count, _ = cursor.take(">ii")
        for _ in range(min(max(count, 0), _MAX_CLASSES)):
            class_name, end = self._any()
            if class_name == "TStreamerBase":
                skip_head(cursor)
                skip_head(cursor)
                yield self._named()
            cursor.at = end

    def _any(self) -> tuple[str, int]:
        """Enter an object of any class, and return its class and its end; no class for no object."""
        cursor = self._cursor
        begin = cursor.at
        count = cursor.take(">I")
        if count == 0:
            return "", cursor.at
        if not count & _COUNTED or count == _NEW:
            raise CorruptError("an object does not say its length", code="root-bad-streamers")
        end = begin + 4 + (count & ~_COUNTED)
        tag = cursor.take(">I")
        if tag == _NEW:
            return cursor.to_zero(), end
        before = Cursor(cursor.data, max((tag & 0x7FFF_FFFF) - 2 - self._head, 0))
        return before.to_zero() if before.take(">I") == _NEW else "", end

    def _object(self) -> None:
        """Pass over a TObject."""
        _, _, bits = self._cursor.take(">HII")
        if bits & 0x10:  # it is referred to, and says in which process
            self._cursor.take(">H")

    def _named(self) -> str:
        """Pass over a TNamed, and return its name."""
        end = skip_head(self._cursor)
        self._object()
        name = self._cursor.text()
        self._cursor.at = end
        return name


def skip_head(cursor: Cursor) -> int:
    """Pass over length and version of an object, and return its end.

    Raises:
        CorruptError: when it does not say its length.
    """
    count = cursor.take(">I")
    if not count & _COUNTED:
        raise CorruptError("an object does not say its length", code="root-bad-streamers")
    end: int = cursor.at + (count & ~_COUNTED)
    if cursor.take(">H") == 0:  # a class without a version: its checksum follows
        cursor.take(">I")
    return end
