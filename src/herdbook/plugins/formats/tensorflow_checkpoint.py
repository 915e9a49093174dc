"""Checkpoints: the index, a LevelDB table of tensors, and the data, which are weights without any structure.

Source: tensor_bundle.{h,cc,proto}, table_format.txt of TensorFlow 2.21. Checksums of blocks are not compared.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from herdbook.kernel.canonical import SAFE_INTEGER
from herdbook.kernel.errors import CorruptError, InvalidError
from herdbook.model.facts import Finding, Safety, Severity
from herdbook.plugins.formats import content_gone
from herdbook.plugins.formats.contents import Content
from herdbook.plugins.formats.protobuf import Wire, signed, tag
from herdbook.plugins.formats.tensorflow_facts import tensor
from herdbook.plugins.formats.tensorflow_graph import GraphReader
from herdbook.plugins.formats.tensorflow_types import elements

if TYPE_CHECKING:
    from herdbook.ports.formats import Listing, ReadAt

COUNTED = "elements of all checkpoint tensors"
MAX_SIZE = 64 * 1024 * 1024
MAX_LISTED = 10_000
MAX_SHARDS = 1000
_MAGIC = 0xDB4775248B80FB57.to_bytes(8, "little")
_FOOTER = 48
_FIRST = re.compile(rb"\0\0[\x04-\x40](?:\x08[\x01-\x7f]|\x08[\x80-\xff]{1,4}[\x01-\x7f])(?:\x10[\0\x01])?\x1a\x02\x08")
"""An entry with an empty key: number of shards, byte order if not little endian, version."""
_DATA = re.compile(r"^(.+)\.data-(\d{5})-of-(\d{5})$")
_SHORT = {b"\0", b"\0\0", b"\0\0\x06", b"\0\0\x08"}
_TRAILER = 5  # compression and checksum behind a block


def data_name(path: str) -> tuple[str, int, int] | None:
    """Return prefix, shard and number of shards, when a file is called as the weights of a checkpoint are."""
    found = _DATA.match(path)
    return (found[1], int(found[2]), int(found[3])) if found else None


def looks_like_index(file: ReadAt) -> bool:
    """Say whether the last bytes are those of a table."""
    return file.size >= _FOOTER and file.read_at(file.size - 8, 8) == _MAGIC


def begins_as_index(head: bytes, path: str) -> bool:
    """Say whether it begins as an index does, or, called so, has nothing else left of it."""
    return _FIRST.match(head) is not None or (path.endswith(".index") and 0 < len(head) < 16 and head[:3] in _SHORT)


def read_data(file: ReadAt, path: str, listing: Listing) -> Content:
    """Return what the name says; the bytes are weights, which only the index tells apart."""
    del listing
    lost = content_gone.read(file, path, "zeros") if content_gone.kind(file) == "zeros" else None
    prefix, shard, shards = data_name(path) or (path, 0, 0)
    message = f"bare weights: which tensors they are says {posixpath.basename(prefix)}.index, the graph is a third file"
    said = Finding(rule="weights-apart", severity=Severity.NOTE, message=message)
    findings = (said, *(lost.findings if lost else ()))
    return Content("tf-checkpoint-data", {"shard": shard, "shards": shards}, findings=findings)


def read_index(file: ReadAt, path: str, listing: Listing) -> Content:
    """Read the tensors that a checkpoint holds.

    Raises:
        CorruptError: when the table is damaged.
        InvalidError: when it is compressed, or larger than this reader goes.
    """
    del listing
    if file.size > MAX_SIZE:
        raise InvalidError(f"{path} has {file.size} bytes", code="too-large")
    if not looks_like_index(file):
        raise CorruptError(
            f"{path} begins as the index of a checkpoint and has no end: the list of its tensors is cut",
            code="table-cut",
            hint="Fetch it again; without it the weights beside it cannot be read.",
        )
    tensors: list[dict[str, Any]] = []
    reach: dict[int, int] = {}
    total = count = shards = 0
    for key, entry in _entries(file):
        if not key:
            shards = entry.get("dtype", 0)  # of the header, field 1 is the number of shards
        elif key[:1] != b"\0":  # keys that begin with a zero are slices of a tensor that is listed itself
            said = tensor(key.decode("utf-8", "replace"), entry.get("dtype"), entry.get("shape", ()))
            count += 1
            total += elements(tuple(said.get("shape", ())))
            if count <= MAX_LISTED:
                tensors.append(said)
        if key and not entry.get("sliced"):
            shard = entry.get("shard", 0)
            reach[shard] = max(reach.get(shard, 0), entry.get("offset", 0) + entry.get("size", 0))
    needed = {
        f"data-{shard:05}-of-{shards:05}": min(end, SAFE_INTEGER) for shard, end in sorted(reach.items())[:MAX_SHARDS]
    }
    values: dict[str, Any] = {"tensors": tensors, "parameters_counted": COUNTED, "shard_bytes": needed}
    if total <= SAFE_INTEGER:
        values["parameters"] = total
    findings = []
    if count > MAX_LISTED:
        message = f"{count} tensors; the first {MAX_LISTED} are listed"
        findings.append(Finding(rule="tensors-cut", severity=Severity.NOTE, message=message, where="/tensors"))
    return Content("tf-checkpoint-index", values, Safety.SAFE, {"/tensors": "table of tensors"}, tuple(findings))


class _Block:
    """A block of the table, as bytes that a walk can read."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.size = len(data)

    def read_at(self, offset: int, length: int) -> bytes:
        return self.data[offset : offset + length]


def _entries(file: ReadAt) -> Iterator[tuple[bytes, dict[str, Any]]]:
    """Yield key and decoded value of each entry of the table."""
    footer = file.read_at(file.size - _FOOTER, _FOOTER)
    _, at = _handle(footer, 0)
    index, _ = _handle(footer, at)
    left = 2 * file.size // 15 + 1000  # a block has at least 15 bytes with its entry in the index
    for _, data, value, _ in _rows(_block(file, *index)):
        left -= 1
        if left < 0:
            raise CorruptError("the index names blocks again and again", code="table-bad-index")
        place, _ = _handle(data, value)
        content = _block(file, *place)
        reader = GraphReader(Wire(_Block(content)))
        for key, _, start, length in _rows(content):
            yield key, _entry(reader, start, length)


def _block(file: ReadAt, offset: int, size: int) -> bytes:
    if offset + size + _TRAILER > file.size:
        raise CorruptError(f"a block at byte {offset} reaches behind the end", code="table-bad-block")
    data = file.read_at(offset, size + 1)
    if len(data) != size + 1:
        raise CorruptError(f"the file gave {len(data)} of {size + 1} bytes at {offset}", code="file-changed")
    if data[size] != 0:
        raise InvalidError(
            "the table's blocks are compressed",
            code="compressed-table",
            hint="Save the checkpoint again with TensorFlow 2.",
        )
    return data[:size]


def _rows(block: bytes) -> Iterator[tuple[bytes, bytes, int, int]]:
    """Yield key, block, and start and length of the value in it; keys share beginnings with the one before."""
    restarts = int.from_bytes(block[-4:], "little")
    end = len(block) - 4 * (restarts + 1)
    if len(block) < 4 or end < 0:
        raise CorruptError("a block is shorter than its list of restarts", code="table-bad-block")
    at = 0
    key = b""
    while at < end:
        shared, at = _varint(block, at, end)
        own, at = _varint(block, at, end)
        length, at = _varint(block, at, end)
        if shared > len(key) or at + own + length > end or shared + own > 64 * 1024:
            raise CorruptError("an entry does not fit into its block", code="table-bad-entry")
        key = key[:shared] + block[at : at + own]
        yield key, block, at + own, length
        at += own + length


def _handle(data: bytes, at: int) -> tuple[tuple[int, int], int]:
    """Return offset and size of a block, and the index behind them."""
    offset, at = _varint(data, at, len(data))
    size, at = _varint(data, at, len(data))
    return (offset, size), at


def _varint(data: bytes, at: int, end: int) -> tuple[int, int]:
    value = shift = 0
    while at < end and shift < 64:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    raise CorruptError("a number of the table is cut", code="table-bad-number")


_NUMBERS = {1: "dtype", 3: "shard", 4: "offset", 5: "size"}


def _entry(reader: GraphReader, start: int, length: int) -> dict[str, Any]:
    """Return a BundleEntryProto."""
    found: dict[str, Any] = {}
    for key, a, b in reader.wire.split(start, length):
        if key & 7 == 0 and key >> 3 in _NUMBERS:
            found[_NUMBERS[key >> 3]] = signed(a)
        elif key == tag(2):
            found["shape"] = reader.shape(a, b)
        elif key == tag(7):
            found["sliced"] = True
    return found
