"""The central directory of a zip archive, bounded, with what contradicts itself told (APPNOTE.TXT 6.3.10)."""

from __future__ import annotations

import re
import stat
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from herdbook.kernel.errors import CorruptError, InvalidError
from herdbook.model.facts import Finding, Severity

if TYPE_CHECKING:
    from herdbook.ports.formats import ReadAt

MAX_DIRECTORY = 8 * 1024 * 1024
MAX_MEMBERS = 50_000
_END = struct.Struct("<4s4H2LH")
_END64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR = struct.Struct("<4sLQL")
_ENTRY = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_DRIVE = re.compile(r"[A-Za-z]:")
_FULL, _FULL16 = 0xFFFFFFFF, 0xFFFF


@dataclass(frozen=True, slots=True)
class Member:
    """A file in an archive. ``refused``: why its name is not taken (path, link, name), else empty."""

    name: str
    raw_name: bytes
    offset: int
    size: int
    packed: int
    crc: int
    method: int
    flags: int
    refused: str

    @property
    def encrypted(self) -> bool:
        """Say whether a flag says so; PyTorch's reader does not look at all of them."""
        return bool(self.flags & 0x2041)

    @property
    def end(self) -> int:
        """Return where it ends at the earliest: the header's extra field is not in the directory."""
        return self.offset + _LOCAL.size + len(self.raw_name) + self.packed


@dataclass(frozen=True, slots=True)
class Local:
    """The header before a member's bytes."""

    start: int
    raw_name: bytes
    method: int
    flags: int
    crc: int
    packed: int
    size: int

    def differs(self, member: Member) -> str:
        """Return in what it contradicts the directory; empty when in nothing."""
        if self.raw_name != member.raw_name:
            return "name"
        if self.method != member.method or (self.flags ^ member.flags) & 0x2041:
            return "method"
        sizes = (self.packed, self.size)
        if not self.flags & 8 and _FULL not in sizes and sizes != (member.packed, member.size):
            return "size"
        return ""


@dataclass(frozen=True)
class Directory:
    """All members, and what contradicts itself."""

    members: tuple[Member, ...]
    findings: tuple[Finding, ...]


def read(file: ReadAt, path: str) -> Directory:
    """Return the directory.

    Raises:
        CorruptError: when there is none, or it does not hold together.
        InvalidError: when it is larger than this reader goes, or spans several files.
    """
    at, size, count, findings = _end(file, path)
    if size > MAX_DIRECTORY or count > MAX_MEMBERS:
        raise InvalidError(f"{path} has {count} members in {size} bytes of directory", code="zip-too-many")
    data = file.read_at(at, size)
    members: list[Member] = []
    here = 0
    while here < len(data) and len(members) <= count:
        member, here = _entry(data, here, path)
        if member is not None:
            members.append(member)
        else:
            count -= 1
    if len(data) != size or here != size or len(members) != count:
        raise CorruptError(f"{path}: the directory does not have the members that it says", code="zip-directory")
    return Directory(tuple(members), tuple(findings))


def local(file: ReadAt, member: Member) -> Local | None:
    """Return the header of a member, or None when there is none."""
    head = file.read_at(member.offset, _LOCAL.size + len(member.raw_name))
    if len(head) < _LOCAL.size or head[:4] != b"PK\x03\x04":
        return None
    _, _, flags, method, _, _, crc, packed, size, name, extra = _LOCAL.unpack_from(head)
    start = member.offset + _LOCAL.size + name + extra
    found = head[_LOCAL.size : _LOCAL.size + name] if name <= len(member.raw_name) else b""
    return Local(start, found, method, flags, crc, packed, size)


def _end(file: ReadAt, path: str) -> tuple[int, int, int, list[Finding]]:
    """Return offset, size and count of the directory, and findings, from the record at the file's end."""
    for length in (1024, _END.size + _FULL16):
        tail_at = max(0, file.size - length)
        tail = file.read_at(tail_at, length)
        here = tail.rfind(b"PK\x05\x06", 0, max(0, len(tail) - _END.size + 4))
        if here >= 0:
            break
    if here < 0:
        raise CorruptError(
            f"{path} begins as a zip archive and has no directory", code="zip-cut", hint="Fetch it again; it was cut."
        )
    _, disk, first, here_count, count, size, offset, comment = _END.unpack_from(tail, here)
    end = tail_at + here
    findings = []
    if end + _END.size + comment != file.size:
        findings.append(_ambiguous("there are bytes after its end"))
    if tail.find(b"PK\x05\x06") != here:
        findings.append(_ambiguous("it may have two directories"))
    locator = file.read_at(end - _LOCATOR.size, _LOCATOR.size) if end >= _LOCATOR.size else b""
    if locator[:4] == b"PK\x06\x07":
        (size, offset, count, end), more = _end64(file, path, locator, (size, offset, count))
        findings += more
    elif disk or first or here_count != count:
        raise InvalidError(f"{path} is a part of an archive in several files", code="zip-split")
    if offset + size > end:
        raise CorruptError(f"{path}: the directory is not where it is said to be", code="zip-directory")
    if offset + size < end:
        findings.append(_ambiguous("there are bytes after its directory"))
    return offset, size, count, findings


def _end64(
    file: ReadAt, path: str, locator: bytes, small: tuple[int, int, int]
) -> tuple[tuple[int, int, int, int], list[Finding]]:
    """Return size, offset and count as the zip64 record says, where it begins, and whether the small one differs."""
    at = _LOCATOR.unpack(locator)[2]
    head = file.read_at(at, _END64.size) if at < file.size else b""
    if len(head) < _END64.size or head[:4] != b"PK\x06\x06":
        raise CorruptError(f"{path}: the zip64 record is not where it is said to be", code="zip-directory")
    _, _, _, _, disk, first, here, count, size, offset = _END64.unpack(head)
    if disk or first or here != count:
        raise InvalidError(f"{path} is a part of an archive in several files", code="zip-split")
    full = (_FULL, _FULL, _FULL16)
    differs = any(s not in {f, b} for s, f, b in zip(small, full, (size, offset, count), strict=True))
    return (size, offset, count, at), [_ambiguous("its two end records differ")] if differs else []


def _ambiguous(what: str) -> Finding:
    message = f"Programs may read different members of this archive: {what}"
    return Finding(rule="zip-ambiguous", severity=Severity.ERROR, message=message)


def _entry(data: bytes, here: int, path: str) -> tuple[Member | None, int]:
    """Return the member at an offset, None for a folder, and where the next one stands."""
    if len(data) - here < _ENTRY.size or data[here : here + 4] != b"PK\x01\x02":
        raise CorruptError(f"{path}: byte {here} of the directory is no member", code="zip-directory")
    _, made, _, flags, method, _, _, crc, packed, size, name, extra, comment, _, _, mode, offset = _ENTRY.unpack_from(
        data, here
    )
    at = here + _ENTRY.size
    raw = data[at : at + name]
    if _FULL in {size, packed, offset}:
        size, packed, offset = _wide(data[at + name : at + name + extra], size, packed, offset, path)
    text = raw.decode("utf-8" if flags & 0x800 else "cp437", "replace")
    linked = made >> 8 == 3 and stat.S_ISLNK(mode >> 16)
    after = at + name + extra + comment
    if text.endswith("/") and not size and not linked and not _refused(text, raw):
        return None, after
    return Member(text, raw, offset, size, packed, crc, method, flags, "link" if linked else _refused(text, raw)), after


def _wide(extra: bytes, size: int, packed: int, offset: int, path: str) -> tuple[int, int, int]:
    """Return sizes and offset with those that stand in the zip64 field (id 1) of the extra fields."""
    here = 0
    while here + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, here)
        if kind == 1:
            field = extra[here + 4 : here + 4 + length]
            found = []
            for value in (size, packed, offset):
                if value == _FULL:
                    if len(field) < 8:
                        break
                    value, field = int.from_bytes(field[:8], "little"), field[8:]  # noqa: PLW2901 - the wide one
                found.append(value)
            if len(found) == 3:
                return found[0], found[1], found[2]
            break
        here += 4 + length
    raise CorruptError(f"{path}: a member has no zip64 sizes", code="zip-directory")


def _refused(name: str, raw: bytes) -> str:
    """Return why a name is not taken: it leaves the folder, or no file may be called so."""
    parts = name.replace("\\", "/").split("/")
    if name.startswith(("/", "\\")) or _DRIVE.match(name) or ".." in parts:
        return "path"
    if not raw or b"\0" in raw or "\ufffd" in name or len(raw) > 4096:
        return "name"
    return ""
