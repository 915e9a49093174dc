"""The zip archive that PyTorch writes: one folder with `data.pkl`, `data/…`, `version` and, for TorchScript, `code/`.

After `torch/csrc/jit/serialization` and `caffe2/serialize` of PyTorch.
"""

from __future__ import annotations

import io
import zlib
from typing import TYPE_CHECKING, Any

from herdbook.kernel.errors import CorruptError, HerdbookError, InvalidError
from herdbook.model.facts import Finding, Severity
from herdbook.plugins.formats.pickle_scan import Scan
from herdbook.plugins.formats.pickle_stream import Streamed
from herdbook.plugins.formats.torch_tensors import Tensors, size_of
from herdbook.plugins.formats.zip_archive import Archive

if TYPE_CHECKING:
    from collections.abc import Iterator

    from herdbook.plugins.formats.pickle_nodes import Node
    from herdbook.plugins.formats.zip_directory import Member

MAX_PICKLE = 24 * 1024 * 1024
_PICKLED = (".pkl", ".pickle", ".pt", ".pth")
_SNIFFED = 5000
"""Members whose first bytes are looked at; storages are not among them, and nothing else comes in such numbers."""


class Torch:
    """An archive as PyTorch sees it.

    Args:
        archive: the zip archive.
    """

    def __init__(self, archive: Archive) -> None:
        self.archive = archive
        self.folder = archive.names[0].partition("/")[0] if archive.names and "/" in archive.names[0] else ""

    def name(self, inside: str) -> str | None:
        """Return the member's name; PyTorch's reader does not mind upper and lower case; None when there is none."""
        wanted = f"{self.folder}/{inside}" if self.folder else inside
        if wanted in self.archive:
            return wanted
        folded = wanted.casefold()
        return next((each for each in self.archive.names if each.casefold() == folded), None)

    @property
    def data(self) -> str | None:
        """Return the name of the pickle of the object itself."""
        return self.name("data.pkl")

    def text(self, inside: str) -> str | None:
        """Return a short text member; None when there is none, or it is no short text."""
        name = self.name(inside)
        if name is None:
            return None
        try:
            return self.archive.read(name, 1000).decode("utf-8").strip()
        except (HerdbookError, UnicodeDecodeError):
            return None

    def values(self) -> dict[str, Any]:
        """Return what the archive says of itself."""
        version = self.text("version") or self.text(".data/version")
        said = {"archive_version": [version] if version else None, "byte_order": self.text("byteorder")}
        return {key: value for key, value in said.items() if value}

    def short(self, found: Tensors) -> Iterator[Finding]:
        """Yield a finding where a storage has not the bytes that its tensors need, or is not there."""
        said = []
        for name, each in found.named:
            size = size_of(each.dtype)
            if each.storage is None or each.length is None or size is None:
                continue
            member = self.name(f"data/{each.storage}")
            if member is None or self.archive.size(member) != each.length * size:
                said.append(name)
        if said:
            message = f"the storages of {len(said)} tensors are missing or of another size, of {said[0][:200]} for one"
            yield Finding(rule="storage-size", severity=Severity.ERROR, message=message, where="/tensors")

    def pickles(self) -> Iterator[Member]:
        """Yield every member that is, or looks like, a pickle; not storages, and not TorchScript's debug tables."""
        base = f"{self.folder}/data/" if self.folder else "data/"
        sniffed = 0
        for each in self.archive.members:
            lower = each.name.casefold()
            storage = lower.startswith(base.casefold()) and lower[len(base) :].isdigit()
            if storage or lower.endswith(".debug_pkl"):
                continue
            if lower.endswith(_PICKLED):
                yield each
            elif sniffed < _SNIFFED and not lower.endswith((".py", ".json")):
                sniffed += 1
                head = self.archive.head(each, 2)
                if head == b"PK" or (len(head) == 2 and head[0] == 0x80 and 1 < head[1] < 6):
                    yield each


def scanned(torch: Torch, scan: Scan) -> tuple[Scan, Node]:
    """Follow all pickles of the archive, and return the node of `data.pkl`.

    A member whose checksum is wrong is followed all the same: PyTorch loads it.

    Raises:
        CorruptError: when `data.pkl` cannot be had.
        InvalidError: when it is larger than this reader goes.
    """
    root = None
    for member in torch.pickles():
        main = member.name == torch.data
        try:
            if torch.archive.head(member, 2) == b"PK":
                _inner(torch, member, scan)
                continue
            data = torch.archive.read(member, MAX_PICKLE, checked=False)
        except InvalidError as error:
            if main:
                raise
            scan.oddities[error.code, member.name] = error.message
            continue
        _checked(torch, member, data, scan)
        found = scan.stream(Streamed(io.BytesIO(data).read, len(data)), member.name)
        root = found[0].root if main else root
        _after(scan, member, found[-1].end, len(data), many=len(found) > 1)
    return scan, root


def _inner(torch: Torch, member: Member, scan: Scan) -> None:
    """Follow the pickles of an archive in the archive; one level deep, as PyTorch writes them."""
    if scan.nested:
        scan.oddities["pickle-nested", member.name] = "it is an archive in an archive in an archive, and was not opened"
        return
    try:
        archive = Archive(torch.archive.part(member), member.name)
    except CorruptError as error:
        scan.oddities[error.code, member.name] = error.message
        return
    scan.oddities |= {(each.rule, member.name): each.message for each in archive.findings}
    inner = Scan(script=scan.script, budget=scan.budget, nested=True)
    scanned(Torch(archive), inner)
    scan.places |= {f"{member.name}/{place}": names for place, names in inner.places.items()}
    scan.oddities |= {(rule, f"{member.name}/{place}"): said for (rule, place), said in inner.oddities.items()}


def _checked(torch: Torch, member: Member, data: bytes, scan: Scan) -> None:
    if len(data) != member.size or zlib.crc32(data) != member.crc:
        scan.oddities["zip-checksum", member.name] = "its checksum or length is wrong, and PyTorch loads it"
    try:
        torch.archive.place(member)
    except HerdbookError as error:
        if error.code != "zip-encrypted":  # said of the archive as a whole
            scan.oddities[error.code, member.name] = f"{error.message}; PyTorch would load it all the same"


def _after(scan: Scan, member: Member, end: int, size: int, *, many: bool) -> None:
    if many or end < size:
        what = f"{size - end} bytes follow its pickle" if end < size else "more than one pickle"
        scan.oddities["pickle-trailing", member.name] = what
