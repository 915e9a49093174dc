"""numpy's arrays: `.npy`, and `.npz` archives of them. An array of objects is a pickle, and treated as one.

After `numpy/lib/format.py`, versions 1.0 to 3.0.
"""

from __future__ import annotations

import re
from math import prod
from typing import TYPE_CHECKING, Any

from herdbook.kernel.errors import CorruptError
from herdbook.model.facts import Facts, Finding, Probe, Safety
from herdbook.plugins.formats.pickle_scan import Scan, unsafe
from herdbook.plugins.formats.pickle_stream import Flat

if TYPE_CHECKING:
    from herdbook.ports.formats import Format, Listing, ReadAt

MAGIC = b"\x93NUMPY"
COUNTED = "elements of all arrays of the file"
INSTEAD = "Save numbers and fixed-width text as arrays of their own dtype."
_MAX_HEADER = 64 * 1024
_HEADER = re.compile(
    r"\{'descr': (?P<descr>'[^']{1,40}'|\[.*\]|\(.*\)), 'fortran_order': (?:True|False),"
    r" 'shape': \((?P<shape>[\d, ]*)\),? *\}",
    re.DOTALL,
)
_DTYPE = re.compile(r"'[<>|=]?([?biufcSUmMVO])(\d{0,6})(?:\[[^\]]*\])?'")
_NAMES = {
    **{f"{kind}{size}": f"{name}{8 * size}" for kind, name in (("i", "int"), ("u", "uint")) for size in (1, 2, 4, 8)},
    "f2": "float16",
    "f4": "float32",
    "f8": "float64",
    "f16": "float128",
    "c8": "complex64",
    "c16": "complex128",
    "b1": "bool",
    "?": "bool",
}


class Npy:
    """The reader of one array."""

    name = "npy"
    version = "1"

    def probe(self, file: ReadAt, path: str) -> Probe | None:  # noqa: ARG002 - the port's signature
        """Take what begins with the magic."""
        return Probe(format="npy") if file.read_at(0, 6) == MAGIC else None

    def read(self, file: ReadAt, path: str, listing: Listing) -> Facts:  # noqa: ARG002 - the port's signature
        """Read the header.

        Raises:
            CorruptError: when it is none of numpy's, or the numbers are not all there.
        """
        array = header(file.read_at(0, _MAX_HEADER), path)
        size = array.pop("bytes")
        findings: tuple[Finding, ...] = ()
        values: dict[str, Any] = {"tensors": [array], "parameters": prod(array["shape"]), "parameters_counted": COUNTED}
        objects = array.pop("objects")
        if objects:
            scan = Scan()
            scan.one(Flat(file, array["start"]))
            values["pickle_globals"] = scan.listed
            findings = (unsafe(INSTEAD), *scan.findings())
        elif size is not None and array["start"] + size != file.size:
            raise CorruptError(f"{path} has not the bytes of its shape", code="npy-size")
        del array["start"]
        return Facts(
            reader=self.name,
            reader_version=self.version,
            format="npy",
            safety=Safety.UNSAFE if objects else Safety.SAFE,
            values=values,
            where={"/tensors": "byte 0"},
            findings=findings,
        )


_: type[Format] = Npy


def header(data: bytes, path: str) -> dict[str, Any]:
    """Return `dtype`, `shape`, whether it holds objects, where the numbers begin, and how many bytes they have.

    Args:
        data: the first bytes of an array.
        path: for messages.

    Raises:
        CorruptError: when they are no header of numpy's.
    """
    wide = 2 if data[6:7] == b"\x01" else 4
    length = int.from_bytes(data[8 : 8 + wide], "little")
    start = 8 + wide + length
    text = data[8 + wide : start].decode("utf-8", "replace").strip()
    found = _HEADER.fullmatch(text) if len(data) >= start and data[:6] == MAGIC else None
    if found is None:
        raise CorruptError(f"{path} has no header of numpy", code="npy-header")
    kinds = _DTYPE.findall(found["descr"])
    shape = [int(each) for each in re.findall(r"\d{1,15}", found["shape"])]
    said: dict[str, Any] = {
        "shape": shape,
        "start": start,
        "objects": any(kind == "O" for kind, _ in kinds) or not kinds,
    }
    said["bytes"] = None
    if found["descr"].startswith("'") and kinds:
        kind, digits = kinds[0]
        said["dtype"] = _NAMES.get(kind + digits, found["descr"].strip("'"))
        if digits and kind not in "OmM":
            said["bytes"] = prod(shape) * int(digits) * (4 if kind == "U" else 1)
    else:
        said["fields"] = found["descr"][:1000]
    return said
