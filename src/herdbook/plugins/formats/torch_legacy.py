"""Checkpoints of PyTorch before 1.6: five pickles in one stream, then the numbers; and the tar archive before that.

After `_legacy_load` in `torch/serialization.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from herdbook.kernel.errors import CorruptError
from herdbook.plugins.formats import torch_state
from herdbook.plugins.formats.pickle_nodes import Call, Dict, Global, Node, Persistent, get, is_mapping, label, pairs
from herdbook.plugins.formats.pickle_scan import Scan
from herdbook.plugins.formats.pickle_stream import Flat
from herdbook.plugins.formats.torch_tensors import MAX_TENSORS, dtype_of, size_of

if TYPE_CHECKING:
    from herdbook.model.facts import Finding
    from herdbook.plugins.formats.contents import Content
    from herdbook.ports.formats import ReadAt

MAGIC = b"\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
"""The number 0x1950A86A20F9469CFC6C as LONG1, and STOP; PROTO may stand before it."""
_PICKLES = 5
"""Magic number, protocol, system, the object, keys of its storages: in this order; nothing behind is unpickled."""
MAX_TAR_MEMBERS = 1000


def is_stream(head: bytes) -> bool:
    """Say whether a file that begins so is such a stream."""
    return head.startswith(MAGIC) or (head[:1] == b"\x80" and head[2:].startswith(MAGIC))


def read_stream(file: ReadAt) -> Content:
    """Read a stream of five pickles."""
    scan = Scan()
    source = Flat(file)
    found = scan.stream(source, most=_PICKLES)
    root = found[3].root if len(found) > 3 else None
    made = torch_state.facts(root, scan, "legacy pickle stream")
    made.values["pickles_in_stream"] = sum(each.trouble is None for each in found)
    if len(found) < _PICKLES or found[-1].trouble is not None:
        message = f"a file of this kind begins with {_PICKLES} pickles; {made.values['pickles_in_stream']} are whole"
        made.findings.append(torch_state.trouble("pickle-broken", message))
    else:
        made.where["/tensors"] = f"byte {found[3].start}"
        need = sum(_needed(found[3].persistent, found[4].root))
        if source.at + need > file.size:
            message = f"the numbers of its tensors need {need} bytes, {file.size - source.at} are there"
            made.findings.append(torch_state.trouble("storage-size", message))
    if len(found) > 2 and isinstance(found[2].root, Dict) and isinstance(get(found[2].root, "little_endian"), bool):
        made.values["byte_order"] = "little" if get(found[2].root, "little_endian") else "big"
    return made.content()


def _needed(stored: list[Persistent], keys: Node) -> list[int]:
    """Return the bytes of each storage: its count, and its numbers."""
    sizes: dict[str, int] = {}
    for each in stored:
        said = each.id
        if isinstance(said, tuple) and len(said) >= 5 and isinstance(said[4], int):
            sizes[label(said[2])] = 8 + said[4] * (size_of(dtype_of(said[1])) or 0)
    return [sizes.get(label(key), 8) for key in keys] if isinstance(keys, list) else []


def is_tar(head: bytes) -> bool:
    """Say whether a file that begins so is a tar archive."""
    return len(head) >= 512 and head[257:262] == b"ustar"


def read_tar(file: ReadAt, path: str) -> Content:
    """Read the tar archive: `pickle` has the object; `tensors` and `storages` are pickles with numbers in between.

    Raises:
        CorruptError: when it has no such members.
    """
    members, odd = _members(file)
    if not members.keys() >= {"pickle", "tensors", "storages"}:
        raise CorruptError(f"{path} is a tar archive and no checkpoint of PyTorch", code="not-torch")
    scan = Scan()
    parts = {name: Flat(file, start, start + size) for name, (start, size) in members.items()}
    findings = [*odd]
    shapes: dict[str, Call] = {}
    try:
        storages = _storages(parts["storages"], scan)
        shapes = _shapes(parts["tensors"], scan, storages)
    except CorruptError as error:
        findings.append(torch_state.trouble("pickle-broken", f"{error.message}; what follows was not looked at"))
    root = scan.one(parts["pickle"], "pickle").root
    made = torch_state.facts(_named(root, shapes), scan, "tar")
    made.values["tar_members"] = {name: size for name, (_, size) in members.items()}
    made.findings.extend(findings)
    return made.content()


def _members(file: ReadAt) -> tuple[dict[str, tuple[int, int]], list[Finding]]:
    """Return plain files of a tar archive (name → first byte and size), and a finding for those that are not plain."""
    found: dict[str, tuple[int, int]] = {}
    odd: list[Finding] = []
    at = 0
    for _ in range(MAX_TAR_MEMBERS):
        head = file.read_at(at, 512)
        if len(head) < 512 or not head.strip(b"\0"):
            return found, odd
        try:
            size = int(head[124:136].strip(b" \0") or b"0", 8)
        except ValueError as error:
            raise CorruptError(f"the tar header at byte {at} has no size", code="tar-header") from error
        if size < 0 or at + 512 + size > file.size:
            raise CorruptError(f"the tar member at byte {at} ends after the file", code="tar-header")
        if head[156:157] in {b"0", b"\0"}:
            found[head[:100].rstrip(b"\0").decode("utf-8", "replace")] = at + 512, size
        elif head[156:157] != b"5" and not odd:
            odd = [torch_state.trouble("tar-odd", f"the member at byte {at} is no plain file, and was not followed")]
        at += 512 + -(-size // 512) * 512
    raise CorruptError(f"the tar archive has more than {MAX_TAR_MEMBERS} members", code="tar-header")


def _counted(source: Flat, scan: Scan, place: str) -> int:
    count = scan.one(source, place).root
    if isinstance(count, bool) or not isinstance(count, int) or not 0 <= count <= MAX_TENSORS:
        raise CorruptError(f"{place} does not begin with a count", code="pickle-broken")
    return count


def _storages(source: Flat, scan: Scan) -> dict[str, tuple[Node, int]]:
    """Return storages by key, with class and count: (key, place, class) as a pickle, the count, the numbers."""
    found: dict[str, tuple[Node, int]] = {}
    for _ in range(_counted(source, scan, "storages")):
        named = scan.one(source, "storages").root
        count = int.from_bytes(source.take(8), "little", signed=True)
        size = size_of(dtype_of(named[2])) if isinstance(named, tuple) and len(named) == 3 else None
        if size is None or count < 0 or not source.skip(count * size):
            raise CorruptError("a storage has no known class or length", code="pickle-broken")
        found[label(named[0])] = named[2], count
    scan.one(source, "storages")  # views of storages
    return found


def _shapes(source: Flat, scan: Scan, storages: dict[str, tuple[Node, int]]) -> dict[str, Call]:
    """Return tensors by key: (key, storage, class) as a pickle, then axes, shape, strides and offset as numbers."""
    found: dict[str, Call] = {}
    for _ in range(_counted(source, scan, "tensors")):
        named = scan.one(source, "tensors").root
        axes = int.from_bytes(source.take(8)[:4], "little")
        numbers = source.take(8 * (2 * axes + 1)) if axes <= 100 else b""
        if not isinstance(named, tuple) or len(named) != 3 or len(numbers) != 8 * (2 * axes + 1):
            raise CorruptError("a tensor has no shape", code="pickle-broken")
        values = [int.from_bytes(numbers[at : at + 8], "little", signed=True) for at in range(0, len(numbers), 8)]
        kind, count = storages.get(label(named[1]), (None, None))
        storage = Persistent(("storage", kind, label(named[1]), "cpu", count))
        args = (storage, values[-1], tuple(values[:axes]), tuple(values[axes : 2 * axes]))
        found[label(named[0])] = Call(Global("torch._utils", "_rebuild_tensor"), args)
    return found


def _named(root: Node, shapes: dict[str, Call]) -> Node:
    """Return the object with tensors in place of the ids by which it names them; top level only."""
    if not is_mapping(root):
        return root
    return Dict([(k, shapes.get(label(v.id), v) if isinstance(v, Persistent) else v) for k, v in pairs(root)])
