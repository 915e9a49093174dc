"""MXNet's `.params`: named arrays, one after the other. The numbers are passed over.

Source: `NDArray::Save` of MXNet. Little-endian: 0x112, a reserved word, the number of arrays (64 bits each), the
arrays, the number of names, each with its length. An array of version 2 (magic 0xF993FAC9; 3: …CA) has its storage
type, axes, context, type of numbers and the numbers; one of version 1 (…C8) no storage type; the oldest begin with the
number of axes, 32 bits each.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from herdbook.kernel.errors import CorruptError, InvalidError
from herdbook.model.facts import Facts, Finding, Probe, Severity

if TYPE_CHECKING:
    from herdbook.ports.formats import Format, Listing, ReadAt

COUNTED = "elements of all arrays (arg: and aux:)"
MAX_ARRAYS = 1_000_000
MAX_LISTED = 10_000
MAX_AXES = 32
MAX_NAME = 4096
_LIST = 0x112
_V1, _V2, _V3 = 0xF993FAC8, 0xF993FAC9, 0xF993FACA
_DTYPES = (
    "float32",
    "float64",
    "float16",
    "uint8",
    "int32",
    "int8",
    "int64",
    "bool",
    "int16",
    "uint16",
    "uint32",
    "uint64",
)
_SIZES = (4, 8, 2, 1, 4, 1, 8, 1, 2, 2, 4, 8)
_BFLOAT16 = 12
_AUXILIARY = {0: 0, 1: 1, 2: 2}
"""Storage type → how many arrays of indices: dense, row-sparse, CSR."""


class MxnetParams:
    """The reader of `.params`."""

    name = "mxnet"
    version = "1"

    def probe(self, file: ReadAt, path: str) -> Probe | None:  # noqa: ARG002 - the port's signature
        """Take files that begin with the mark of a list of arrays."""
        head = file.read_at(0, 16)
        if len(head) == 16 and head[:8] == _LIST.to_bytes(8, "little") and head[8:] == bytes(8):
            return Probe(format="mxnet-params")
        return None

    def read(self, file: ReadAt, path: str, listing: Listing) -> Facts:  # noqa: ARG002 - the port's signature
        """Read names, dtypes and shapes.

        Raises:
            CorruptError: when it ends too early, or a length is beyond its end.
            InvalidError: when there are more arrays or axes than this reader takes.
        """
        at = _Cursor(file, 16)
        count = at.number(8)
        if count > MAX_ARRAYS:
            raise InvalidError(f"{count} arrays are more than this reader takes", code="too-many-arrays")
        arrays = [_array(at) for _ in range(count)]
        names = _names(at, count)
        sizes = [math.prod(shape) for _, shape in arrays]
        rows = list(zip(names, arrays, strict=True))
        values: dict[str, Any] = {
            "tensors": [{"name": name, "dtype": dtype, "shape": shape} for name, (dtype, shape) in rows[:MAX_LISTED]],
            "parameters": sum(sizes),
            **{
                f"parameters_{kind}": sum(
                    size for name, size in zip(names, sizes, strict=True) if name.startswith(f"{kind}:")
                )
                for kind in ("arg", "aux")
            },
            "parameters_counted": COUNTED,
        }
        return Facts(
            reader=self.name,
            reader_version=self.version,
            format="mxnet-params",
            values=values,
            where={"/tensors": "byte 24"},
            findings=tuple(_findings(at, count)),
        )


_: type[Format] = MxnetParams


class _Cursor:
    """Where it reads; nothing is passed over that the file does not have."""

    def __init__(self, file: ReadAt, start: int) -> None:
        self._file = file
        self.at = start

    def number(self, size: int, *, signed: bool = False) -> int:
        return int.from_bytes(self.take(size), "little", signed=signed)

    def take(self, size: int) -> bytes:
        data = self._file.read_at(self.at, size)
        if len(data) < size:
            raise CorruptError(f"the file ends at byte {self._file.size}, inside an array or a name", code="mxnet-cut")
        self.at += size
        return data

    def skip(self, size: int) -> None:
        if size > self._file.size - self.at:
            message = f"the array at byte {self.at} has {size} bytes and the file {self._file.size - self.at} more"
            raise CorruptError(message, code="mxnet-cut")
        self.at += size

    @property
    def left(self) -> int:
        return self._file.size - self.at


def _array(at: _Cursor) -> tuple[str, list[int]]:
    """Pass over an array; return its dtype and shape."""
    begin = at.at
    magic = at.number(4)
    auxiliary = 0
    if magic in {_V2, _V3}:
        storage = at.number(4, signed=True)
        if storage not in _AUXILIARY:
            raise CorruptError(f"the array at byte {begin} has the storage type {storage}", code="mxnet-bad-array")
        auxiliary = _AUXILIARY[storage]
        stored = _shape(at, at.number(4), 8, begin) if auxiliary else None
        shape = _shape(at, at.number(4), 8, begin)
    elif magic == _V1:
        shape, stored = _shape(at, at.number(4), 8, begin), None
    else:
        shape, stored = _shape(at, magic, 4, begin), None
    if not shape and magic != _V3:
        return "float32", [0]  # an array without axes has neither context nor numbers
    at.take(8)  # device
    dtype, size = _dtype(at, begin)
    further = []
    for _ in range(auxiliary):
        _, width = _dtype(at, begin)
        further.append(width * math.prod(_shape(at, at.number(4), 8, begin)))
    at.skip(size * math.prod(shape if stored is None else stored) + sum(further))
    return dtype, shape


def _shape(at: _Cursor, axes: int, width: int, begin: int) -> list[int]:
    if axes > MAX_AXES:
        raise CorruptError(f"the array at byte {begin} has {axes} axes", code="mxnet-bad-array")
    shape = [at.number(width, signed=width == 8) for _ in range(axes)]
    if any(length < 0 for length in shape):
        raise CorruptError(f"the array at byte {begin} has an axis below 0", code="mxnet-bad-array")
    return shape


def _dtype(at: _Cursor, begin: int) -> tuple[str, int]:
    number = at.number(4)
    if number == _BFLOAT16:
        return "bfloat16", 2
    if number >= len(_DTYPES):
        raise CorruptError(f"the array at byte {begin} has the type of numbers {number}", code="mxnet-bad-array")
    return _DTYPES[number], _SIZES[number]


def _names(at: _Cursor, count: int) -> list[str]:
    """Return the names, or the positions of arrays that have none."""
    named = at.number(8)
    if not named:
        return [str(number) for number in range(count)]
    if named != count:
        raise CorruptError(f"{count} arrays have {named} names", code="mxnet-bad-names")
    names = []
    for _ in range(named):
        length = at.number(8)
        if length > min(MAX_NAME, at.left):
            raise CorruptError(f"the name at byte {at.at - 8} has {length} bytes", code="mxnet-bad-names")
        names.append(at.take(length).decode("utf-8", "replace"))
    return names


def _findings(at: _Cursor, count: int) -> Iterator[Finding]:
    if count > MAX_LISTED:
        message = f"{count} tensors; the first {MAX_LISTED} are listed"
        yield Finding(rule="tensors-cut", severity=Severity.NOTE, message=message, where="/tensors")
    if at.left:
        message = f"{at.left} bytes follow after the last name"
        yield Finding(rule="trailing-bytes", severity=Severity.WARNING, message=message)
