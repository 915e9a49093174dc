"""A zip archive as its central directory tells it: names, sizes and bounded, checked reading; nothing is unpacked.

After APPNOTE.TXT 6.3.10 (PKWARE). Readers of zip differ over files that contradict themselves (miniz in PyTorch ignores
checksums and flags, zipfile in Python does not), and scanners were deceived by it; so every contradiction is told.
"""

from __future__ import annotations

import io
import zlib
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, cast

from herdbook.kernel.errors import CorruptError, InvalidError
from herdbook.model.facts import Finding, Severity
from herdbook.plugins.formats import zip_directory as directory
from herdbook.plugins.formats.seekable import Seekable
from herdbook.plugins.formats.zip_directory import Member

if TYPE_CHECKING:
    from collections.abc import Iterable

    from herdbook.ports.formats import ReadAt

MAX_READ = 16 * 1024 * 1024
"""Bytes of one member, where the caller gives no limit."""
MAX_TOTAL = 128 * 1024 * 1024
"""Bytes that are ever unpacked from one archive."""
_MAX_SAID = 20
_BOMB = 100 * 1024 * 1024
_RATIO = 200
_DEFLATE_AT_BEST = 1032
_PART = 256 * 1024


class Archive:
    """An opened archive.

    Args:
        file: its bytes.
        path: for messages.

    Raises:
        CorruptError: when there is no central directory that can be followed.
        InvalidError: when it has more members than this reader goes through, or spans several files.
    """

    def __init__(self, file: ReadAt, path: str) -> None:
        self.path = path
        self._file = file
        self._budget = MAX_TOTAL
        found = directory.read(file, path)
        self.members: tuple[Member, ...] = tuple(each for each in found.members if not each.refused)
        """Every member that has a harmless name, in the directory's order; the same name may stand there twice."""
        self._named = {each.name: each for each in self.members}
        self.names: tuple[str, ...] = tuple(self._named)
        """Names of files (not of folders), each once."""
        self.findings: tuple[Finding, ...] = (*found.findings, *_findings(found.members, file.size))

    def __contains__(self, name: object) -> bool:
        return name in self._named

    def size(self, name: str) -> int:
        """Return how many bytes a member is said to have, unpacked.

        Raises:
            CorruptError: when there is no such member.
        """
        return self.member(name).size

    def member(self, name: str) -> Member:
        """Return the member of that name; the last one, as Python's zipfile does, where there are several.

        Raises:
            CorruptError: when there is none.
        """
        try:
            return self._named[name]
        except KeyError as error:
            raise CorruptError(f"{self.path} has no member {name}", code="zip-no-member") from error

    def read(self, which: str | Member, limit: int = MAX_READ, *, checked: bool = True) -> bytes:
        """Return a member's bytes.

        Args:
            which: name, or one of `members`.
            limit: more bytes than that are refused.
            checked: whether a wrong checksum or a header that contradicts the directory is an error. Without, the
                bytes are returned as far as they can be had, as readers do that do not look.

        Raises:
            CorruptError: when it is damaged, or is not what the directory says.
            InvalidError: when it is too large, encrypted, or compressed by another method than deflate.
        """
        member = self.member(which) if isinstance(which, str) else which
        if member.size > limit or member.size > self._budget:
            raise InvalidError(f"{member.name} in {self.path} has {member.size} bytes", code="zip-member-too-large")
        self._budget -= member.size
        start = self._start(member, checked=checked)
        data = self._stored(member, start) if member.method == 0 else self._inflated(member, start, checked=checked)
        if checked and (len(data) != member.size or zlib.crc32(data) != member.crc):
            raise CorruptError(f"{member.name} in {self.path} has a wrong checksum or length", code="zip-checksum")
        return data

    def head(self, which: str | Member, length: int) -> bytes:
        """Return the first bytes of a member, unchecked; fewer when it has no more, or they cannot be had."""
        member = self.member(which) if isinstance(which, str) else which
        try:
            start = self._start(member, checked=False)
            if member.method == 0:
                return self._file.read_at(start, min(length, member.size))
            packed = self._file.read_at(start, min(member.packed, 2 * length + 64))
            return zlib.decompressobj(-15).decompress(packed, length)
        except (CorruptError, InvalidError, zlib.error):
            return b""

    def open(self, name: str, limit: int = MAX_READ) -> BinaryIO:
        """Return a member as a seekable file: a stored one reads where it lies, another one is unpacked in memory.

        Raises:
            CorruptError: see `read`.
            InvalidError: see `read`.
        """
        member = self.member(name)
        if member.method or member.size != member.packed:
            return io.BytesIO(self.read(member, limit))
        return cast("BinaryIO", Seekable(self._file, self._start(member, checked=True), member.size))

    def part(self, which: str | Member, limit: int = MAX_READ) -> ReadAt:
        """Return a member as bytes at offsets, for a container in this one: a stored one is read where it lies.

        Raises:
            CorruptError: see `read`.
            InvalidError: see `read`.
        """
        member = self.member(which) if isinstance(which, str) else which
        if member.method or member.size != member.packed:
            return _Memory(self.read(member, limit, checked=False))
        return _Part(self._file, self._start(member, checked=False), member.size)

    def place(self, which: str | Member) -> int:
        """Return the offset in the file at which a member's bytes begin.

        Raises:
            CorruptError: when its header is not there or says something else than the directory.
        """
        return self._start(self.member(which) if isinstance(which, str) else which, checked=True)

    def _start(self, member: Member, *, checked: bool) -> int:
        local = directory.local(self._file, member)
        if local is None:
            raise CorruptError(f"{member.name} in {self.path} has no header at {member.offset}", code="zip-header")
        if checked and (said := local.differs(member)):
            raise CorruptError(
                f"{member.name} in {self.path}: header and directory differ in {said}", code="zip-header-differs"
            )
        if checked and member.encrypted:
            raise InvalidError(f"{member.name} in {self.path} is encrypted", code="zip-encrypted")
        if member.method not in {0, 8}:
            raise InvalidError(
                f"{member.name} in {self.path} is compressed by method {member.method}; only deflate is read",
                code="zip-method",
            )
        return local.start

    def _stored(self, member: Member, start: int) -> bytes:
        return self._file.read_at(start, member.size)

    def _inflated(self, member: Member, start: int, *, checked: bool) -> bytes:
        inflate = zlib.decompressobj(-15)
        parts: list[bytes] = []
        room = member.size + 1  # one more, to see a member that is longer than it says
        try:
            for at in range(0, member.packed, _PART):
                parts.append(
                    inflate.decompress(self._file.read_at(start + at, min(_PART, member.packed - at)), max(room, 1))
                )
                room -= len(parts[-1])
                if room <= 0 or inflate.eof:
                    break
        except zlib.error as error:
            if checked:
                raise CorruptError(f"{member.name} in {self.path} cannot be unpacked", code="zip-data") from error
        return b"".join(parts)


@dataclass(frozen=True, slots=True)
class _Part:
    """A piece of a file."""

    file: ReadAt
    start: int
    size: int

    def read_at(self, offset: int, length: int) -> bytes:
        """Return bytes; fewer only at the end."""
        return self.file.read_at(self.start + offset, max(0, min(length, self.size - offset)))


class _Memory:
    """Bytes that were unpacked."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.size = len(data)

    def read_at(self, offset: int, length: int) -> bytes:
        """Return bytes; fewer only at the end."""
        return self._data[offset : offset + length]


def _findings(members: Iterable[Member], size: int) -> list[Finding]:
    """Return what is wrong with the members as the directory lists them."""
    members = list(members)
    said: list[Finding] = []

    def say(rule: str, severity: Severity, names: Iterable[str], what: str) -> None:
        listed = list(dict.fromkeys(names))
        if listed:
            more = f" and {len(listed) - _MAX_SAID} more" if len(listed) > _MAX_SAID else ""
            shown = ", ".join(name[:200] for name in listed[:_MAX_SAID])
            said.append(Finding(rule=rule, severity=severity, message=f"{what}: {shown}{more}"))

    times = Counter(each.name for each in members)
    folded = Counter(name.casefold() for name in times)
    say("archive-path-outside", Severity.ERROR, (m.name for m in members if m.refused == "path"), "leaves the folder")
    say("archive-symlink", Severity.ERROR, (m.name for m in members if m.refused == "link"), "is a symbolic link")
    say("archive-bad-name", Severity.ERROR, (m.name for m in members if m.refused == "name"), "a name no file may have")
    say("zip-duplicate", Severity.ERROR, (n for n, count in times.items() if count > 1), "stands there more than once")
    say("zip-same-but-case", Severity.WARNING, (n for n in times if folded[n.casefold()] > 1), "differ only in case")
    say("zip-encrypted", Severity.ERROR, (m.name for m in members if m.encrypted), "is marked as encrypted")
    say("zip-overlap", Severity.ERROR, _overlapping(members), "shares its bytes with another member")
    say("zip-outside", Severity.ERROR, (m.name for m in members if m.end > size), "ends after the end of the file")
    lying = (m.name for m in members if (m.size != m.packed if m.method == 0 else m.size > _most(m)))
    say("zip-wrong-size", Severity.ERROR, lying, "cannot have the size that it is said to have")
    big = [m for m in members if m.size > _RATIO * max(m.packed, 1) and m.size > _BOMB]
    say("zip-bomb", Severity.ERROR, (m.name for m in big), "is made to fill memory when unpacked")
    if not big and sum(m.size for m in members) > max(10 * _BOMB, _RATIO * size):
        said.append(Finding(rule="zip-bomb", severity=Severity.ERROR, message="is made to fill memory when unpacked"))
    return said


def _most(member: Member) -> int:
    """Return how many bytes its packed bytes can give at most."""
    return _DEFLATE_AT_BEST * member.packed + 64 if member.method == 8 else 1 << 62


def _overlapping(members: list[Member]) -> Iterable[str]:
    last = -1
    for member in sorted(members, key=lambda each: each.offset):
        if member.offset < last:
            yield member.name
        last = max(last, member.end)
