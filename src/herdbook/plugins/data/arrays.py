"""Arrays side by side, as HDF5 and npz hold them: which of them are columns of one table, and their chunks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import TYPE_CHECKING, Any

from herdbook.kernel.errors import CorruptError
from herdbook.model.dataset_profiles import ProfiledColumn
from herdbook.plugins.data.reading import NUMBER, at_once, column

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Give = Callable[[int], Iterator[NDArray[Any]]]


@dataclass(frozen=True)
class Array:
    """An array of a file, whose first axis are entries.

    Attributes:
        group: in which it lies.
        name: its own.
        give: yields it in parts of at most so many entries.
        units: of a structure's fields, by name.
    """

    group: str
    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    give: Give
    unit: object = None
    title: object = None
    units: dict[str, str] = field(default_factory=dict)

    @property
    def path(self) -> str:
        """Group and name."""
        return f"{self.group}/{self.name}" if self.group else self.name


@dataclass
class ArrayTable:
    """Arrays of one length as a table; a column is an array, or a field of one."""

    name: str
    entries: int
    columns: list[ProfiledColumn] = field(default_factory=list)
    sources: dict[str, tuple[Array, str]] = field(default_factory=dict)

    def add(self, array: Array) -> None:
        """Add an array: one column, or one for each field of a structure."""
        names = array.dtype.names
        for part in names or ("",):
            dtype = array.dtype[part] if part else array.dtype
            name = (part if self.name == array.path else f"{array.name}.{part}") if part else array.name
            shape = (*array.shape[1:], *dtype.shape)
            unit = array.units.get(part) if part else array.unit
            base = dtype.base
            told = base.name if NUMBER.fullmatch(base.name) else "str" if base.kind in "SUO" else base.name
            self.columns.append(column(name, told, shape, unit=unit, title=None if part else array.title))
            self.sources[name] = (array, part)

    def chunks(self, columns: Sequence[str], entries: int = 100_000) -> Iterator[dict[str, NDArray[np.generic]]]:
        """Yield columns in parts; see ``ports.dataset_readers``."""
        import numpy as np  # noqa: PLC0415 - of an extra

        wanted: dict[int, tuple[Array, list[tuple[str, str]]]] = {}
        for name in columns:
            array, part = self.sources[name]
            wanted.setdefault(id(array), (array, []))[1].append((name, part))
        size = sum(array.dtype.itemsize * prod(array.shape[1:]) for array, _ in wanted.values())
        step = at_once(entries, size)
        streams = [(names, array.give(step)) for array, names in wanted.values()]
        for start in range(0, self.entries, step):
            chunk: dict[str, NDArray[np.generic]] = {}
            expected = min(step, self.entries - start)
            for names, stream in streams:
                data = next(stream, None)
                if data is None or len(data) != expected:
                    raise CorruptError("it ends before all its entries came", code="bad-data-file")
                for name, part in names:
                    values = data[part] if part else data
                    is_number = NUMBER.fullmatch(values.dtype.name)
                    chunk[name] = values.reshape(-1) if is_number else np.zeros(len(values), np.uint8)
            yield chunk


def tables(arrays: Sequence[Array]) -> list[ArrayTable]:
    """Return the tables that arrays make.

    A structure is a table of its own, called as the array. Of the others those of a group that are equally long are
    one, called as the group; where a group has several lengths, a table is called as its first array.
    """
    found: list[ArrayTable] = []
    plain: dict[str, dict[int, list[Array]]] = defaultdict(lambda: defaultdict(list))
    for array in sorted(arrays, key=lambda each: each.path):
        if array.dtype.names:
            found.append(ArrayTable(array.path, array.shape[0]))
            found[-1].add(array)
        else:
            plain[array.group][array.shape[0]].append(array)
    for group, lengths in plain.items():
        for length, members in lengths.items():
            table = ArrayTable(group if len(lengths) == 1 else members[0].path, length)
            for array in members:
                table.add(array)
            found.append(table)
    return sorted(found, key=lambda table: table.name)
