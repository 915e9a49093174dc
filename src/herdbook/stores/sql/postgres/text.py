"""How text and bytes go to PostgreSQL and come back: NUL is kept, integers have one width, results are binary.

PostgreSQL's text cannot hold NUL, which SQLite's and JSON's can. So U+0000 is written as U+0001 U+0030, and U+0001 as
U+0001 U+0031: order, prefixes and joins of texts stay what they were.
"""

from __future__ import annotations

from typing import Any

from psycopg import Connection, Cursor, pq
from psycopg.abc import Buffer
from psycopg.rows import RowFactory
from psycopg.types.numeric import Int8BinaryDumper
from psycopg.types.string import StrDumperUnknown, TextBinaryLoader, TextLoader

_TEXTS = ("text", "varchar")


def escape(text: str) -> str:
    """Return text without NUL; texts compare as before."""
    if "\0" in text or "\1" in text:
        return text.replace("\1", "\0011").replace("\0", "\0010")
    return text


def unescape(text: str) -> str:
    """Return what was escaped."""
    if "\1" not in text:
        return text
    first, *parts = text.split("\1")
    return first + "".join(("\0" if part[:1] == "0" else "\1") + part[1:] for part in parts)


class _Dumper(StrDumperUnknown):
    def dump(self, obj: str) -> Buffer | None:
        return super().dump(escape(obj))


class _Loader(TextLoader):
    def load(self, data: Buffer) -> str:
        text = super().load(data)
        assert isinstance(text, str)
        return unescape(text)


class _BinaryLoader(TextBinaryLoader):
    def load(self, data: Buffer) -> str:
        text = super().load(data)
        assert isinstance(text, str)
        return unescape(text)


class BinaryCursor(Cursor[Any]):
    """A cursor to which results come as they are, not as text: bodies and postings at half the size."""

    def __init__(self, connection: Connection[Any], *, row_factory: RowFactory[Any] | None = None) -> None:
        if row_factory is None:
            super().__init__(connection)
        else:
            super().__init__(connection, row_factory=row_factory)
        self.format = pq.Format.BINARY


def adapt(connection: Connection[Any]) -> None:
    """Set a connection up."""
    connection.adapters.register_dumper(str, _Dumper)
    connection.adapters.register_dumper(int, Int8BinaryDumper)  # one width: a statement is prepared once
    for name in _TEXTS:
        connection.adapters.register_loader(name, _Loader)
        connection.adapters.register_loader(name, _BinaryLoader)
    connection.cursor_factory = BinaryCursor
