"""Files whose content is elsewhere, or lost: empty, only zeros, or a pointer of Git LFS or git-annex in its place.

Sources: Git LFS specification, version 1; git-annex, "internals/pointer file" and "internals/key format".
"""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING, Any

from herdbook.model.facts import Finding, Safety, Severity
from herdbook.plugins.formats.contents import Content

if TYPE_CHECKING:
    from herdbook.ports.formats import ReadAt

MODELS = frozenset({
    ".onnx", ".pt", ".pth", ".pt2", ".ckpt", ".pkl", ".pickle", ".joblib", ".dill", ".h5", ".hdf5", ".keras",
    ".pb", ".pbmm", ".root", ".npy", ".npz", ".safetensors", ".skops", ".cbm", ".ubj", ".pmml", ".fml", ".params",
    ".index", ".bst", ".lgb", ".model", ".gz", ".zip", ".tar", ".json", ".xml",
})  # fmt: skip
"""Suffixes of what is of no use without content: models, containers, and texts with a grammar."""

_LFS = re.compile(rb"version https://git-lfs\.github\.com/spec/v1\r?\n")
_OID = re.compile(rb"^oid sha256:([0-9a-f]{64})\r?$.*^size (\d{1,15})\r?$", re.MULTILINE | re.DOTALL)
_ANNEX = re.compile(rb"/annex/objects/([A-Z0-9_]+(?:-[sSCm]\d{1,19})*--[^\r\n/]{1,500})\r?\n?(?:\Z|/annex/)")
_SIZE = re.compile(r"-s(\d{1,15})(?!\d)")
_MOST = 1024
_ANNEX_MOST = 32 * 1024  # as git-annex itself
_ZEROS = bytes(4096)
_STEP = 1024 * 1024
_LOOKED = 64 * _STEP


def kind(file: ReadAt) -> str:
    """Return `empty`, `zeros` (as far as the first and the last 4 kB tell), `git-lfs-pointer`, `git-annex-pointer`.

    Empty for a file that has content. It reads a few kilobytes.
    """
    head = file.read_at(0, min(file.size, len(_ZEROS)))
    if not head:
        return "empty"
    if head[0] == 0:
        last = file.read_at(max(0, file.size - len(_ZEROS)), len(_ZEROS))
        return "zeros" if _only_zeros(head) and _only_zeros(last) else ""
    if file.size <= _MOST and _LFS.match(head):
        return "git-lfs-pointer"
    return "git-annex-pointer" if file.size <= _ANNEX_MOST and _ANNEX.match(head) else ""


def read(file: ReadAt, path: str, found: str) -> Content | None:
    """Return the facts; ``None`` when it is not only zeros after all.

    Args:
        file: a file of this kind.
        path: its path.
        found: what `kind` said.
    """
    if found == "zeros" and not all(
        _only_zeros(file.read_at(at, _STEP)) for at in range(0, min(file.size, _LOOKED), _STEP)
    ):
        return None
    values: dict[str, Any] = {"kind": found}
    if found.endswith("-pointer"):
        return _pointer(file.read_at(0, len(_ZEROS)), values)
    needs = posixpath.splitext(path)[1].lower() in MODELS
    if found == "empty":
        severity = Severity.ERROR if needs else Severity.NOTE
        message = "the file is empty: it has no bytes. Write or fetch it again, or leave it out"
        return Content("other", values, findings=(Finding(rule="empty-file", severity=severity, message=message),))
    severity = Severity.ERROR if needs else Severity.WARNING
    many = f"all of its {file.size} bytes" if file.size <= _LOOKED else f"its first {_LOOKED} bytes"
    message = f"{many} are zero, as after a crash or an interrupted transfer: fetch it again from where it was made"
    return Content("other", values, findings=(Finding(rule="only-zeros", severity=severity, message=message),))


def _only_zeros(data: bytes) -> bool:
    return not data.strip(b"\0")


def _pointer(data: bytes, values: dict[str, Any]) -> Content:
    if _LFS.match(data):
        if found := _OID.search(data):
            values["lfs"] = {"oid": f"sha256:{found[1].decode()}", "size": int(found[2])}
        message = "a pointer of Git LFS stands here in place of the file; `git lfs pull` in the checkout fetches it"
        said = Finding(rule="git-lfs-pointer", severity=Severity.WARNING, message=message)
        return Content("other", values, Safety.SAFE, findings=(said,))
    if annex := _ANNEX.match(data):
        key = annex[1].decode("utf-8", "replace")
        size = _SIZE.search(key.partition("--")[0])
        values["annex"] = {"key": key} | ({"size": int(size[1])} if size else {})
    message = "a pointer of git-annex stands here in place of the file; `git annex get` in the checkout fetches it"
    said = Finding(rule="git-annex-pointer", severity=Severity.WARNING, message=message)
    return Content("other", values, Safety.SAFE, findings=(said,))
