"""ROOT files built byte by byte, so that each of them can lie. Checked against uproot in test_root.py."""

from __future__ import annotations

import lzma
import struct
import zlib
from dataclasses import dataclass, field

BEGIN = 100
NAME_BYTES = 60


def text(value: str) -> bytes:
    raw = value.encode()
    return bytes([len(raw)]) + raw if len(raw) < 255 else b"\xff" + struct.pack(">I", len(raw)) + raw


def counted(body: bytes, version: int = 1) -> bytes:
    """Return an object: length, version, body."""
    return struct.pack(">IH", 0x4000_0000 | len(body) + 2, version) + body


def names(*values: str) -> bytes:
    """Return a vector of texts as an object of its own."""
    return struct.pack(">I", len(values)) + b"".join(map(text, values))


def forest(trees: int, response: float = 0.25) -> bytes:
    """Return the begin of a forest: a class without version, so with a checksum, and trees stored member by member."""
    body = struct.pack(">Id", 0x2AE7314B, response)
    vector = struct.pack(">HIII", 0, 0x8B19F3A3, trees, 0)
    return counted(body + struct.pack(">IH", 0x4000_0000 | len(vector) + 2, 0x4009) + vector, version=0)


def block(data: bytes, kind: bytes = b"ZL") -> bytes:
    """Return a compressed block."""
    packed = zlib.compress(data) if kind == b"ZL" else lzma.compress(data)
    return kind + b"\x08" + len(packed).to_bytes(3, "little") + len(data).to_bytes(3, "little") + packed


@dataclass
class Entry:
    """A key and what it leads to; ``seek`` overrides where it says that this is."""

    class_name: str
    name: str
    data: bytes = b""
    unpacked: int | None = None
    seek: int | None = None
    inside: list[Entry] = field(default_factory=list)

    def key(self, seek: int, size: int | None = None) -> bytes:
        rest = text(self.class_name) + text(self.name) + text("")
        head = 26 + len(rest)
        count = head + len(self.data) if size is None else size
        unpacked = len(self.data) if self.unpacked is None else self.unpacked
        return struct.pack(">ihiIhhii", count, 4, unpacked, 0, head, 1, seek, BEGIN) + rest


def directory(keys_at: int, keys_bytes: int, at: int) -> bytes:
    return struct.pack(">hIIiiiii", 5, 0, 0, keys_bytes, NAME_BYTES, at, 0, keys_at)


def build(*entries: Entry, compression: int = 101, count: int | None = None, version: int = 62407) -> bytes:
    """Return a file with these keys; ``count``: how many its list of keys says that it has."""
    out = bytearray(BEGIN)
    out += bytes(NAME_BYTES)
    root = len(out)
    out += bytes(40)
    keys_at, keys_bytes = _write(out, list(entries), count)
    out[root : root + 30] = directory(keys_at, keys_bytes, BEGIN)
    head = struct.pack(">4siiiiiiiBiii", b"root", version, BEGIN, len(out), 0, 0, 1, NAME_BYTES, 4, compression, 0, 0)
    out[: len(head)] = head
    return bytes(out)


def _write(out: bytearray, entries: list[Entry], count: int | None = None) -> tuple[int, int]:
    """Append entries and then their list of keys; return where that is and how long."""
    keys = []
    for each in entries:
        at = len(out)
        if each.inside:
            head = each.key(at)
            out += head + bytes(40)
            keys_at, keys_bytes = _write(out, each.inside)
            out[at + len(head) : at + len(head) + 30] = directory(keys_at, keys_bytes, at)
            keys.append(each.key(at if each.seek is None else each.seek, len(head) + 40))
        else:
            out += each.key(at) + each.data
            keys.append(each.key(at if each.seek is None else each.seek))
    at = len(out)
    body = struct.pack(">i", len(entries) if count is None else count) + b"".join(keys)
    listed = Entry("TFile", "made.root", body).key(at) + body
    out += listed
    return at, len(listed)


def gbrforest(*, kind: bytes = b"ZL", trees: int = 3) -> bytes:
    """Return a file as CMS has them: a forest, and the names of its variables."""
    raw = forest(trees) + bytes(4000)
    return build(
        Entry("GBRForest", "gbrForest", block(raw, kind), len(raw)),
        Entry("vector<string>", "variableNames", names("pt", "eta")),
    )
