"""numpy's npz and npy, as streams. Arrays of Python objects are pickles and refused: nothing is ever unpickled.

Source: NEP 1, "A Simple File Format for NumPy Arrays"; the header is read by numpy.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from math import prod
from pathlib import Path
from typing import IO, TYPE_CHECKING

from herdbook.kernel.errors import CorruptError, InvalidError
from herdbook.plugins.data.arrays import Array, ArrayTable, tables
from herdbook.plugins.data.reading import MAX_COLUMNS, as_bad_file

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_MAGIC = b"\x93NUMPY"
_MOST = 1 << 20
"""Bytes that are asked of a stream at once."""


class Npz:
    """Reads npz and npy."""

    name = "npz"

    def fits(self, path: Path, head: bytes) -> bool:
        """Say whether it is one array, or an archive that is called .npz."""
        return head.startswith(_MAGIC) or (head.startswith((b"PK\x03\x04", b"PK\x05\x06")) and path.suffix == ".npz")

    def open(self, path: Path) -> NpzFile:
        """Open a file."""
        return NpzFile(path)


class NpzFile:
    """An open npz or npy file."""

    format = "npz"

    def __init__(self, path: Path) -> None:
        import numpy as np  # noqa: PLC0415 - of an extra

        self.reader = f"npz {np.__version__}"
        self._zip: zipfile.ZipFile | None = None
        with as_bad_file("npz"):
            if zipfile.is_zipfile(path):
                self._zip = zipfile.ZipFile(path)
            try:
                self.tables: list[ArrayTable] = tables(list(_arrays(path, self._zip)))
            except BaseException:
                self.close()
                raise

    def close(self) -> None:
        """Close the file."""
        if self._zip is not None:
            self._zip.close()


def _arrays(path: Path, archive: zipfile.ZipFile | None) -> Iterator[Array]:
    if archive is None:
        yield from _array(path.stem, lambda: path.open("rb"))
        return
    members = archive.infolist()
    if len(members) > MAX_COLUMNS:
        raise CorruptError(f"it has more than {MAX_COLUMNS} arrays", code="bad-data-file")
    for member in members:
        if member.flag_bits & 1:
            raise InvalidError("it is encrypted", code="bad-data-file", hint="Take it out of its archive first.")
        if member.filename.endswith(".npy"):
            name = member.filename.removesuffix(".npy")
            yield from _array(name, partial(archive.open, member), member.file_size)


def _array(name: str, reopen: Callable[[], IO[bytes]], size: int | None = None) -> Iterator[Array]:
    """Yield the array of a stream, when it has a first axis."""
    with reopen() as stream:
        shape, dtype, begin = _header(name, stream)
    if not shape:
        return
    total = prod(shape) * dtype.itemsize
    if size is not None and size - begin != total:
        raise CorruptError(f"{name!r} promises {total} bytes and has {size - begin}", code="bad-data-file")

    def give(step: int) -> Iterator[NDArray[np.generic]]:
        import numpy as np  # noqa: PLC0415 - of an extra

        row = prod(shape[1:]) * dtype.itemsize
        with as_bad_file("npz"), reopen() as stream:
            _exactly(stream, begin)
            for start in range(0, shape[0], step):
                count = min(step, shape[0] - start)
                yield np.frombuffer(_exactly(stream, count * row), dtype).reshape((count, *shape[1:]))

    yield Array("", name, shape, dtype, give)


def _header(name: str, stream: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[np.generic], int]:
    """Return shape, type and where the values begin."""
    from numpy.lib import format as npy  # noqa: PLC0415 - of an extra

    version = npy.read_magic(stream)
    read = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}.get(version)
    if read is None:
        raise CorruptError(f"{name!r} is npy of version {version}, which is not known", code="bad-data-file")
    shape, fortran, dtype = read(stream)
    if dtype.hasobject:
        raise InvalidError(
            f"{name!r} holds Python objects, which is a pickle and would have to be run",
            code="data-pickle",
            hint="Save plain arrays: numpy.savez refuses objects with allow_pickle=False.",
        )
    if fortran and len(shape) > 1 and dtype.names is None:
        # In the order of memory: right for distributions, and no column with a shape is asked entry by entry.
        pass
    return shape, dtype, stream.tell()


def _exactly(stream: IO[bytes], count: int) -> bytes:
    """Read so many bytes; a stream that lies about its size does not make us reserve room for it."""
    parts = []
    while count:
        part = stream.read(min(count, _MOST))
        if not part:
            raise CorruptError("it ends before all its entries came", code="bad-data-file")
        parts.append(part)
        count -= len(part)
    return b"".join(parts)
