"""HDF5: data sets and structures, the attributes ``unit`` and ``units``. External and virtual content is refused.

Source: HDF5 File Format Specification 3.0; h5py's low-level links, so that a link is seen before it is followed.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from herdbook.kernel.errors import CorruptError
from herdbook.plugins.data.arrays import Array, ArrayTable, tables
from herdbook.plugins.data.reading import MAX_COLUMNS, as_bad_file, as_text, outside

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_MAGIC = b"\x89HDF\r\n\x1a\n"
_MAX_DEPTH = 50


class Hdf5:
    """Reads HDF5."""

    name = "hdf5"

    def fits(self, path: Path, head: bytes) -> bool:
        """Say whether the file is HDF5; its signature may stand behind a block of the user's, at 512 bytes."""
        return head.startswith(_MAGIC) or (head[512:520] == _MAGIC and path.suffix in {".h5", ".hdf5"})

    def open(self, path: Path) -> Hdf5File:
        """Open a file."""
        return Hdf5File(path)


class Hdf5File:
    """An open HDF5 file."""

    format = "hdf5"

    def __init__(self, path: Path) -> None:
        import h5py  # noqa: PLC0415 - of an extra

        self.reader = f"hdf5 {h5py.version.version}"
        with as_bad_file("HDF5"):
            self._file = h5py.File(path, "r", rdcc_nbytes=4 * 2**20, locking=False)
            try:
                self.tables: list[ArrayTable] = tables(list(_arrays(self._file)))
            except BaseException:
                self._file.close()
                raise

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _arrays(file: Any) -> Iterator[Array]:  # noqa: ANN401 - h5py ships no types
    """Yield every data set with a first axis; each object once, however many names it has."""
    import h5py  # noqa: PLC0415 - of an extra

    seen: set[int] = set()
    count = 0
    todo = [("", file, 0)]
    while todo:
        inside, group, depth = todo.pop()
        for name in group:
            path = f"{inside}/{name}" if inside else name
            link = group.get(name, getlink=True)
            if isinstance(link, h5py.ExternalLink):
                raise outside(f"{path!r} is a link to {link.path!r} in {link.filename!r}")
            if not isinstance(link, h5py.HardLink):
                continue  # a soft link is a second name
            item = group[name]
            address = h5py.h5o.get_info(item.id).addr
            if address in seen:
                continue
            seen.add(address)
            if isinstance(item, h5py.Group):
                if depth >= _MAX_DEPTH:
                    raise CorruptError("its groups are nested too deep", code="bad-data-file")
                todo.append((path, item, depth + 1))
            elif isinstance(item, h5py.Dataset) and item.shape:
                count += max(1, len(item.dtype.names or ()))
                if count > MAX_COLUMNS:
                    raise CorruptError(f"it has more than {MAX_COLUMNS} columns", code="bad-data-file")
                yield _array(inside, name, path, item)


def _array(group: str, name: str, path: str, item: Any) -> Array:  # noqa: ANN401 - h5py ships no types
    if item.is_virtual:
        raise outside(f"{path!r} is a virtual data set, made of other ones")
    if item.external:
        raise outside(f"the values of {path!r} lie in {item.external[0][0]!r}")
    attributes = item.attrs
    told: Any = next((attributes[key] for key in ("unit", "units") if key in attributes), None)
    fields = item.dtype.names or ()
    units: dict[str, str] = {}
    if fields and getattr(told, "shape", None) == (len(fields),):
        units = {field: as_text(unit) for field, unit in zip(fields, told.tolist(), strict=True)}
    title = next((attributes[key] for key in ("title", "TITLE", "description") if key in attributes), None)

    def give(step: int) -> Iterator[NDArray[np.generic]]:
        with as_bad_file("HDF5"):
            for start in range(0, item.shape[0], step):
                yield item[start : start + step]

    return Array(group, name, item.shape, item.dtype, give, unit=told, title=title, units=units)
