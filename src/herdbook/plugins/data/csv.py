"""Text tables with commas, tabs or semicolons: types are found by reading all of it, never from the first lines alone.

A first line of numbers only is no heading: the columns are then ``column_1``, ``column_2`` …
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from herdbook.kernel.errors import CorruptError
from herdbook.model.dataset_profiles import ProfiledColumn
from herdbook.plugins.data.reading import MAX_COLUMNS, as_bad_file, column, unit_in

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_SUFFIXES = {".csv": ",\t;", ".tsv": "\t,;", ".txt": "\t,;", ".dat": "\t,;"}
_BLOCK = 4 * 2**20
"""Bytes that are parsed at once; a line must fit in."""
_ORDER = ("int64", "float64", "str")
_GAPS = ["", "NA", "N/A", "NaN", "nan", "-nan", "null", "NULL", "None"]
"""What stands where there is no value."""


class Csv:
    """Reads text tables."""

    name = "csv"

    def fits(self, path: Path, head: bytes) -> bool:
        """Say whether the file is a table: by its suffix, or since its first or second line is numbers, separated."""
        if b"\0" in head or not head.strip():
            return False
        try:
            text = head.decode("utf-8")
        except UnicodeDecodeError as error:
            if error.start < len(head) - 3:
                return False
            text = head[: error.start].decode("utf-8")
        if path.suffix.lower() in {".csv", ".tsv"}:
            return True
        lines = text.splitlines()[:2]
        delimiter = _delimiter(path, lines[0])
        return len({line.count(delimiter) for line in lines}) == 1 and _numbers(lines[-1].split(delimiter))

    def open(self, path: Path) -> CsvFile:
        """Open a file."""
        return CsvFile(path)


def _delimiter(path: Path, first: str) -> str:
    return max(_SUFFIXES.get(path.suffix.lower(), ",\t;"), key=first.count)


def _numbers(fields: Sequence[str]) -> bool:
    """Say whether there are several fields and all are numbers."""
    try:
        return len(fields) > 1 and all(float(field) == float(field) or True for field in fields)
    except ValueError:
        return False


class CsvFile:
    """A text table, opened anew for each walk over it."""

    format = "csv"

    def __init__(self, path: Path) -> None:
        import pyarrow as pa  # noqa: PLC0415 - of an extra

        self.reader = f"csv {pa.__version__}"
        with as_bad_file("a text table"):
            self.tables = [CsvTable(path)]

    def close(self) -> None:
        """Nothing stays open."""


class CsvTable:
    """The one table of a file; it has no name."""

    name = ""

    def __init__(self, path: Path) -> None:
        self._path = path
        with path.open("rb") as stream:
            line = stream.readline(_BLOCK)
        if len(line) >= _BLOCK:
            raise CorruptError(f"its first line is longer than {_BLOCK} bytes", code="bad-data-file")
        first = line.decode("utf-8-sig").rstrip("\r\n")
        self._delimiter = _delimiter(path, first)
        fields = next(csv.reader([first], delimiter=self._delimiter), [])
        self._headed = not _numbers(fields)
        self._names = fields if self._headed else [f"column_{number}" for number in range(1, len(fields) + 1)]
        _check(self._names)
        self._types = dict.fromkeys(self._names, _ORDER[0])
        self.entries = 0
        self._look()
        self.columns: list[ProfiledColumn] = [_column(name, kind) for name, kind in self._types.items()]

    def _look(self) -> None:
        """Count the lines, and find of which type all values of a column are."""
        empty = set(self._names)
        with self._batches() as batches:
            for batch in batches:
                self.entries += len(batch)
                for name, values in zip(self._names, batch.columns, strict=True):
                    if values.null_count < len(values):
                        empty.discard(name)
                    while self._types[name] != "str" and not _casts(values, self._types[name]):
                        self._types[name] = _ORDER[_ORDER.index(self._types[name]) + 1]
        self._types |= dict.fromkeys(empty, "float64")  # nothing but gaps

    def chunks(self, columns: Sequence[str], entries: int = 100_000) -> Iterator[dict[str, NDArray[np.generic]]]:
        """Yield columns in parts; see ``ports.dataset_readers``."""
        wanted = set(columns)
        with (
            as_bad_file("a text table"),
            self._batches(self._types, [n for n in self._types if n in wanted]) as batches,
        ):
            for batch in batches:
                for start in range(0, len(batch), entries):
                    part = batch.slice(start, entries)
                    yield {name: _values(part.column(name), self._types[name]) for name in batches.schema.names}

    def _batches(self, types: dict[str, str] | None = None, only: Sequence[str] = ()) -> Any:  # noqa: ANN401 - pyarrow ships no types
        """Open the text as a stream of parts; without types everything is text."""
        import pyarrow as pa  # noqa: PLC0415 - of an extra
        from pyarrow import csv as arrow_csv  # noqa: PLC0415

        kinds = {name: _arrow(types[name]) if types else pa.string() for name in self._names}
        return arrow_csv.open_csv(
            str(self._path),
            arrow_csv.ReadOptions(
                use_threads=False, block_size=_BLOCK, column_names=self._names, skip_rows=int(self._headed)
            ),
            arrow_csv.ParseOptions(delimiter=self._delimiter),
            arrow_csv.ConvertOptions(
                column_types=kinds, strings_can_be_null=True, include_columns=list(only) or None, null_values=_GAPS
            ),
        )


def _check(names: Sequence[str]) -> None:
    """Refuse a heading that cannot be one."""
    if len(names) > MAX_COLUMNS:
        raise CorruptError(f"it has more than {MAX_COLUMNS} columns", code="bad-data-file")
    if not names or len(set(names)) != len(names) or not all(names):
        raise CorruptError("two of its columns have one name, or one has none", code="bad-data-file")


def _column(name: str, kind: str) -> ProfiledColumn:
    """Return a column, with the unit that stands in brackets at the end of its name; the name stays as it is."""
    return column(name, kind, unit=unit_in(name)[0])


def _arrow(kind: str) -> Any:  # noqa: ANN401 - pyarrow ships no types
    import pyarrow as pa  # noqa: PLC0415 - of an extra

    return {"int64": pa.int64(), "float64": pa.float64(), "str": pa.string()}[kind]


def _casts(values: Any, kind: str) -> bool:  # noqa: ANN401 - pyarrow ships no types
    """Say whether all texts are numbers of a type."""
    import pyarrow as pa  # noqa: PLC0415 - of an extra

    try:
        values.cast(_arrow(kind))
    except pa.ArrowInvalid:
        return False
    return True


def _values(array: Any, kind: str) -> NDArray[np.generic]:  # noqa: ANN401 - pyarrow ships no types
    import numpy as np  # noqa: PLC0415 - of an extra

    mask = array.is_null().to_numpy(zero_copy_only=False) if array.null_count else None
    if kind == "str":
        values = np.zeros(len(array), np.uint8)
    else:
        values = (array.fill_null(0) if mask is not None else array).to_numpy(zero_copy_only=False)
    return values if mask is None else np.ma.MaskedArray(values, mask)
