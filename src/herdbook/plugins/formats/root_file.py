"""ROOT files by a small walker of our own: header, directories, keys, streamer infos, and an object's first bytes.

Source: "TFile", "TDirectory", "TKey" and "TStreamerInfo" in ROOT's documentation of its binary format. uproot 5.7 was
tried first: after its import (0.9 s) it needed 4 to 280 ms for a file of the data pack and read up to eight times its
size; it keeps objects by an id that the file itself gives, and compiles code from what a file says of its classes.
"""

from __future__ import annotations

import lzma
import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from herdbook.kernel.errors import CorruptError, InvalidError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from herdbook.ports.formats import ReadAt

MAGIC = b"root"
MAX_KEYS = 50_000
MAX_DEPTH = 32
MAX_KEY_LIST = 8 * 1024 * 1024
_MAX_BLOCKS = 64
_BIG = 1_000_000
_ALGORITHMS = {1: "ZLIB", 2: "LZMA", 4: "LZ4", 5: "ZSTD"}
_DIRECTORIES = frozenset({"TDirectory", "TDirectoryFile"})


@dataclass(frozen=True)
class Key:
    """A key: what is stored where. ``path`` is the name with the directories before it, ``cycle`` counts rewrites."""

    path: str
    cycle: int
    class_name: str
    seek: int
    size: int
    head: int
    unpacked: int

    @property
    def name(self) -> str:
        """Return path and cycle, as ROOT says them."""
        return f"{self.path};{self.cycle}"


class Cursor:
    """Big-endian fields, one after the other, that must not end too early."""

    def __init__(self, data: bytes, at: int = 0) -> None:
        self.data = data
        self.at = at

    def take(self, layout: str) -> Any:  # noqa: ANN401 - what the layout says
        """Return the next field, or a tuple of some."""
        try:
            found = struct.unpack_from(layout, self.data, self.at)
        except struct.error:
            raise CorruptError("the file ends in the middle of a record", code="root-cut") from None
        self.at += struct.calcsize(layout)
        return found[0] if len(found) == 1 else found

    def text(self) -> str:
        """Return a TString: one byte of length, or 255 and four."""
        length = self.take(">B")
        if length == 255:
            length = self.take(">I")
        found = self.data[self.at : self.at + length]
        if len(found) < length:
            raise CorruptError("the file ends in the middle of a text", code="root-cut")
        self.at += length
        return found.decode("utf-8", "replace")

    def to_zero(self) -> str:
        """Return a text that a zero byte ends."""
        end = self.data.find(b"\0", self.at)
        if end < 0:
            raise CorruptError("the file ends in the middle of a text", code="root-cut")
        found, self.at = self.data[self.at : end], end + 1
        return found.decode("utf-8", "replace")


class RootFile:
    """An open file.

    Raises:
        CorruptError: when it does not begin as ROOT's files do.
    """

    def __init__(self, file: ReadAt) -> None:
        self._file = file
        head = file.read_at(0, 100)
        if not head.startswith(MAGIC):
            raise CorruptError("it does not begin as a ROOT file does", code="root-bad-head")
        at = Cursor(head, 4)
        version, begin = at.take(">ii")
        self.big = version >= _BIG
        at.take(">qq" if self.big else ">ii")  # the end, and the free segments
        _, _, self._name_bytes, _, self.compression = at.take(">iiiBi")
        self._info, self._info_bytes = at.take(">qi" if self.big else ">ii")
        self._begin = begin
        version %= _BIG
        self.root_version = f"{version // 10_000}.{version // 100 % 100:02d}/{version % 100:02d}"

    @property
    def algorithm(self) -> str | None:
        """Return how objects are compressed, ``ZLIB(1)``; ``None`` when they are not, or by ROOT's default."""
        kind, level = divmod(self.compression, 100)
        return f"{_ALGORITHMS[kind]}({level})" if level and kind in _ALGORITHMS else None

    def keys(self) -> Iterator[Key]:
        """Yield the keys, those of a directory after its own; a directory that contains itself is entered once.

        Raises:
            CorruptError: when a directory or a list of keys lies outside of the file.
            InvalidError: when there are more keys, or deeper directories, than this reader walks over.
        """
        seen: set[int] = set()
        left = MAX_KEYS
        stack = [iter(self._directory(self._begin + self._name_bytes, "", seen))]
        while stack:
            key = next(stack[-1], None)
            if key is None:
                stack.pop()
                continue
            left -= 1
            if left < 0:
                raise InvalidError(f"there are more than {MAX_KEYS} keys", code="root-too-many-keys")
            yield key
            if key.class_name in _DIRECTORIES:
                if len(stack) >= MAX_DEPTH:
                    raise InvalidError(f"directories are nested deeper than {MAX_DEPTH}", code="nested-too-deep")
                stack.append(iter(self._directory(key.seek + key.head, f"{key.path}/", seen)))

    def _directory(self, at: int, prefix: str, seen: set[int]) -> list[Key]:
        """Return the keys of the directory whose record is at an offset."""
        record = Cursor(self._read(at, 64))
        version = record.take(">h")
        record.take(">II")
        list_bytes, _ = record.take(">ii")
        _, _, seek = record.take(">qqq" if version > 1000 else ">iii")
        if seek in seen or not seek:
            return []
        seen.add(seek)
        if not 0 <= list_bytes <= MAX_KEY_LIST:
            raise InvalidError(f"a list of keys has {list_bytes} bytes", code="root-too-many-keys")
        cursor = Cursor(self._read(seek, list_bytes))
        self._key(cursor, "")
        count = cursor.take(">i")
        if count < 0 or count > MAX_KEYS:
            raise InvalidError(f"a directory says that it has {count} keys", code="root-too-many-keys")
        return [self._key(cursor, prefix) for _ in range(count)]

    def _key(self, cursor: Cursor, prefix: str) -> Key:
        size, version, unpacked, _, head, cycle = cursor.take(">ihiIhh")
        seek, _ = cursor.take(">qq" if version > 1000 else ">ii")
        class_name, name, _ = cursor.text(), cursor.text(), cursor.text()
        return Key(prefix + name, cycle, class_name, seek, size, head, unpacked)

    def described(self) -> tuple[bytes, int]:
        """Return what the file says of its classes, and the length of its key's head; nothing when it says nothing.

        Raises:
            CorruptError: when the description is damaged.
            UnavailableError: when it was compressed by what needs another library.
        """
        if self._info <= 0 or self._info_bytes <= 0:
            return b"", 0
        key = self._key(Cursor(self._read(self._info, min(self._info_bytes, 512))), "")
        place = Key("", 0, "", self._info, self._info_bytes, key.head, key.unpacked)
        return self.object(place, MAX_KEY_LIST), key.head

    def object(self, key: Key, limit: int) -> bytes:
        """Return the first bytes of an object, decompressed.

        Args:
            key: whose object.
            limit: how many bytes at most.

        Raises:
            CorruptError: when it lies outside of the file, or is damaged.
            UnavailableError: when it was compressed by what needs another library.
        """
        at, end = key.seek + key.head, key.seek + key.size
        if not 0 <= key.head <= key.size:
            raise CorruptError(f"key {key.path!r} has {key.size} bytes", code="root-bad-key")
        if key.unpacked <= key.size - key.head:
            return self._read(at, min(end - at, limit))
        parts: list[bytes] = []
        size = 0
        for _ in range(_MAX_BLOCKS):
            if at + 9 > end or size >= min(limit, key.unpacked):
                break
            head = self._read(at, 9)
            packed, unpacked = int.from_bytes(head[3:6], "little"), int.from_bytes(head[6:9], "little")
            if at + 9 + packed > end:
                raise CorruptError(f"key {key.path!r}: a block goes beyond its end", code="root-bad-key")
            want = min(unpacked, limit - size)
            few = packed if want == unpacked else min(packed, 2 * want + 1024)
            parts.append(_unpacked(head[:2], self._read(at + 9, few), want, unpacked, whole=few == packed))
            size += len(parts[-1])
            at += 9 + packed
        return b"".join(parts)

    def _read(self, at: int, length: int) -> bytes:
        """Return bytes, of which there may be fewer at the end of the file.

        Raises:
            CorruptError: when there are none.
        """
        if not 0 <= at < self._file.size:
            raise CorruptError(f"byte {at} is outside of the file", code="root-cut", hint="Fetch it again.")
        return self._file.read_at(at, length)


def _unpacked(kind: bytes, data: bytes, want: int, unpacked: int, *, whole: bool) -> bytes:
    """Return the first bytes of a compressed block."""
    try:
        if kind in {b"ZL", b"CS"}:
            return zlib.decompressobj(15 if kind == b"ZL" else -15).decompress(data, max(want, 1))
        if kind == b"XZ":
            return lzma.LZMADecompressor(memlimit=64 * 1024 * 1024).decompress(data, max(want, 1))
        if kind in {b"L4", b"ZS"} and whole:
            return _by_cramjam(kind, data, unpacked)[:want]
    except (zlib.error, lzma.LZMAError, ValueError) as error:
        raise CorruptError(f"a compressed block is damaged: {error}", code="root-bad-block") from error
    raise CorruptError(f"a block is compressed by {kind!r}, which ROOT does not", code="root-bad-block")


def _by_cramjam(kind: bytes, data: bytes, unpacked: int) -> bytes:
    """Return what LZ4 or Zstandard holds; the library comes with uproot."""
    try:
        import cramjam  # noqa: PLC0415 - of an extra
    except ImportError:
        raise UnavailableError(
            "this file is compressed by LZ4 or Zstandard", code="needs-extra", hint="pip install 'herdbook[formats]'"
        ) from None
    try:
        if kind == b"L4":  # a checksum of 8 bytes, then the block
            return bytes(cramjam.lz4.decompress_block(data[8:], output_len=unpacked))
        out = bytearray(unpacked)
        return bytes(out[: cramjam.zstd.decompress_into(data, out)])
    except cramjam.DecompressionError as error:
        raise ValueError(str(error)) from error
