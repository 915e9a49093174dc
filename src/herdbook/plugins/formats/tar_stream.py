"""A gzipped tar archive, read from front to back in bounded memory; nothing is unpacked to disk.

Source: POSIX ustar and RFC 1952. Standard `tarfile` holds whole extended headers, whatever length these claim.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from herdbook.kernel.errors import CorruptError, InvalidError
from herdbook.ports.formats import ReadAt

_BLOCK = 512
_CHUNK = 64 * 1024
_FILES = (b"0", b"\0")
_SKIPPED = (b"5", b"x", b"g", b"L", b"K")


@dataclass(frozen=True)
class Member:
    """A regular file: its name, its size, and its bytes where they were wanted."""

    name: str
    size: int
    data: bytes | None


class TarStream:
    """The members of a gzipped tar archive.

    Args:
        file: the archive.
        members: how many at most.
        total: how many bytes they may have together, unpacked.
        limit: bytes of a member beyond which it is never held.
    """

    def __init__(self, file: ReadAt, *, members: int, total: int, limit: int) -> None:
        self._file = file
        self._members = members
        self._total = total
        self._limit = limit
        self._at = 0
        self._inflate = zlib.decompressobj(wbits=31)
        self._held = b""

    def walk(self, wanted: tuple[str, ...], heads: int = 0) -> Iterator[Member]:
        """Yield all regular files in the archive's order.

        Args:
            wanted: ends of the names whose bytes are given.
            heads: how many first bytes are given of all others.

        Raises:
            CorruptError: when it is no gzipped tar archive, or ends too early.
            InvalidError: when it has more members or bytes than allowed, or a member that is no file.
        """
        for count in range(self._members + 1):
            header = self._take(_BLOCK, last=count > 0)
            if header.count(0) == len(header):
                return
            if len(header) < _BLOCK or header[257:262] != b"ustar":
                raise CorruptError("this is no tar archive", code="tar-bad-header")
            name, size, kind = _name(header), _octal(header[124:136]), header[156:157]
            if kind not in _FILES + _SKIPPED:
                raise InvalidError(f"{name[:200]!r} is a link or a device", code="tar-not-a-file")
            if kind in _FILES and (name.startswith("/") or ".." in name.split("/")):
                raise InvalidError(f"{name[:200]!r} leaves the archive", code="tar-outside")
            held = min(size, self._limit) if name.endswith(wanted) else min(size, heads)
            data = self._take(held) if kind in _FILES else None
            self._skip(-(-size // _BLOCK) * _BLOCK - len(data or b""))
            if kind in _FILES:
                yield Member(name.removeprefix("./"), size, data)
        raise InvalidError(f"more than {self._members} members in the archive", code="tar-too-many")

    def _take(self, size: int, *, last: bool = False) -> bytes:
        """Return the next bytes; fewer only where the archive may end."""
        parts = [self._held[:size]]
        self._held = self._held[size:]
        missing = size - len(parts[0])
        while missing:
            data = self._more(min(missing, _CHUNK))
            if not data:
                if last:
                    break
                raise CorruptError("the archive ends too early", code="tar-cut")
            parts.append(data)
            missing -= len(data)
        return b"".join(parts)

    def _skip(self, size: int) -> None:
        if size > self._total:
            raise InvalidError("the archive has more bytes than this reader takes", code="tar-too-large")
        while size > 0:
            size -= len(self._take(min(size, _CHUNK)))

    def _more(self, size: int) -> bytes:
        """Return some bytes of the archive, or none at its end."""
        while not self._inflate.eof:
            packed = self._inflate.unconsumed_tail
            if not packed:
                packed = self._file.read_at(self._at, min(_CHUNK, self._file.size - self._at))
                self._at += len(packed)
                if not packed:
                    return b""
            try:
                data = self._inflate.decompress(packed, size)
            except zlib.error as error:
                raise CorruptError(f"this is not gzip: {error}", code="gzip-bad") from error
            if data:
                self._total -= len(data)
                if self._total < 0:
                    raise InvalidError("the archive has more bytes than this reader takes", code="tar-too-large")
                return data
        return b""


def _name(header: bytes) -> str:
    prefix = header[345:500].partition(b"\0")[0]
    name = header[:100].partition(b"\0")[0]
    return (prefix + b"/" + name if prefix else name).decode("utf-8", "replace")


def _octal(field: bytes) -> int:
    try:
        size = int(field.strip(b"\0 ") or b"0", 8)
    except ValueError:
        size = -1
    if size < 0:
        raise CorruptError("a size in the archive is no octal number", code="tar-bad-header")
    return size
