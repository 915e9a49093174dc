"""Compressed streams, unpacked on the way and never as a whole: what joblib writes, and what people do by hand."""

from __future__ import annotations

import bz2
import io
import lzma
import zlib
from typing import TYPE_CHECKING, Protocol

from herdbook.kernel.errors import CorruptError
from herdbook.plugins.formats.pickle_stream import Streamed
from herdbook.plugins.formats.seekable import Seekable

if TYPE_CHECKING:
    from collections.abc import Callable

    from herdbook.ports.formats import ReadAt

MAX_UNPACKED = 512 * 1024 * 1024
"""Bytes after which a stream is not followed any further."""
_LZMA_MEMORY = 64 * 1024 * 1024
_PART = 64 * 1024
_MAGIC = (
    (b"\x1f\x8b\x08", "gzip"),
    (b"BZh", "bz2"),
    (b"\xfd7zXZ\0", "xz"),
    (b"\x5d\0\0", "lzma"),
    (b"\x04\x22\x4d\x18", "lz4"),
    (b"ZF0x", "zfile"),
    (b"\x78\x01", "zlib"),
    (b"\x78\x5e", "zlib"),
    (b"\x78\x9c", "zlib"),
    (b"\x78\xda", "zlib"),
)
UNREAD = frozenset({"lz4", "zfile"})
"""Recognised, and not unpacked: lz4 needs a library, and zfile has not been written since joblib 0.10 (2016)."""


class _Inflate(Protocol):
    eof: bool

    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


def compression(head: bytes) -> str:
    """Return how a file is compressed that begins so; empty when it is not."""
    return next((name for magic, name in _MAGIC if head.startswith(magic)), "")


def unpacked(file: ReadAt, how: str) -> Streamed:
    """Return the unpacked bytes, from front to back, bounded in memory and in number."""
    return Streamed(_reader(file, how), MAX_UNPACKED)


def _reader(file: ReadAt, how: str) -> Callable[[int], bytes]:
    raw = Seekable(file)
    if how in {"gzip", "zlib"}:
        return _zlib(raw, zlib.decompressobj(31 if how == "gzip" else 15))
    if how == "bz2":
        return _gently(raw, bz2.BZ2Decompressor())
    form = lzma.FORMAT_XZ if how == "xz" else lzma.FORMAT_ALONE
    return _gently(raw, lzma.LZMADecompressor(format=form, memlimit=_LZMA_MEMORY))


def _zlib(raw: io.RawIOBase, inflate: zlib._Decompress) -> Callable[[int], bytes]:
    def read(count: int) -> bytes:
        try:
            while not inflate.eof:
                data = inflate.unconsumed_tail or raw.read(_PART) or b""
                found = inflate.decompress(data, count)
                if found or not data:
                    return found
        except zlib.error as error:
            raise CorruptError(f"it cannot be unpacked: {error}", code="pickle-broken") from error
        return b""

    return read


def _gently(raw: io.RawIOBase, inflate: bz2.BZ2Decompressor | lzma.LZMADecompressor) -> Callable[[int], bytes]:
    def read(count: int) -> bytes:
        try:
            while not inflate.eof:
                data = (raw.read(_PART) or b"") if inflate.needs_input else b""
                if inflate.needs_input and not data:
                    return b""
                if found := inflate.decompress(data, count):
                    return found
        except (OSError, EOFError, lzma.LZMAError) as error:
            raise CorruptError(f"it cannot be unpacked: {error}", code="pickle-broken") from error
        return b""

    return read
