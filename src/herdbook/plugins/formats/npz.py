"""numpy's `.npz`: a zip archive of arrays."""

from __future__ import annotations

import io
from math import prod
from typing import TYPE_CHECKING, Any

from herdbook.kernel.errors import CorruptError
from herdbook.model.facts import Finding, Safety, Severity
from herdbook.plugins.formats.contents import Content
from herdbook.plugins.formats.npy import COUNTED, INSTEAD, header
from herdbook.plugins.formats.pickle_scan import Scan, unsafe
from herdbook.plugins.formats.pickle_stream import Streamed

if TYPE_CHECKING:
    from herdbook.plugins.formats.zip_archive import Archive
    from herdbook.ports.formats import Listing

MAX_ARRAYS = 10_000
_HEAD = 4096


def fits(content: Archive, path: str) -> bool:  # noqa: ARG001 - the signature of all kinds
    """Say whether all members are arrays."""
    return bool(content.names) and all(name.endswith(".npy") for name in content.names)


def read(content: Archive, path: str, listing: Listing) -> Content:  # noqa: ARG001 - the signature of all kinds
    """Read the header of each array; where it holds objects, the pickle that it is.

    Raises:
        CorruptError: when a member is no array.
        InvalidError: when one that is a pickle is larger than this reader goes.
    """
    scan = Scan()
    findings: list[Finding] = []
    tensors: list[dict[str, Any]] = []
    for name in content.names[:MAX_ARRAYS]:
        array = header(content.head(name, _HEAD), f"{name} in {path}")
        start, size, objects = array.pop("start"), array.pop("bytes"), array.pop("objects")
        tensors.append({"name": name.removesuffix(".npy"), **array})
        if objects:
            scan.one(Streamed(io.BytesIO(content.read(name, checked=False)[start:]).read, content.size(name)), name)
        elif size is not None and start + size != content.size(name):
            raise CorruptError(f"{name} in {path} has not the bytes of its shape", code="npy-size")
    if len(content.names) > MAX_ARRAYS:
        message = f"only {MAX_ARRAYS} of {len(content.names)} arrays are listed"
        findings.append(Finding(rule="tensors-cut", severity=Severity.NOTE, message=message))
    values: dict[str, Any] = {
        "tensors": tensors,
        "parameters": sum(prod(each["shape"]) for each in tensors),
        "parameters_counted": COUNTED,
    }
    if scan.places:
        values["pickle_globals"] = scan.listed
        findings += [unsafe(INSTEAD), *scan.findings()]
    return Content("npz", values, Safety.UNSAFE if scan.places else Safety.SAFE, findings=tuple(findings))
