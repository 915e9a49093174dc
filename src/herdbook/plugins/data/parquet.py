"""Parquet: columns by arrow, nested ones flattened; units from the metadata of a field."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from herdbook.kernel.errors import CorruptError
from herdbook.model.dataset_profiles import ProfiledColumn
from herdbook.plugins.data.reading import MAX_COLUMNS, NUMBER, as_bad_file, as_text, at_once, column, row_bytes

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_NUMPY = {"float": "float32", "double": "float64", "halffloat": "float16", "string": "str", "large_string": "str"}


class Parquet:
    """Reads Parquet."""

    name = "parquet"

    def fits(self, path: Path, head: bytes) -> bool:
        """Say whether the file is Parquet."""
        del path
        return head.startswith(b"PAR1")

    def open(self, path: Path) -> ParquetFile:
        """Open a file."""
        return ParquetFile(path)


class ParquetFile:
    """An open Parquet file."""

    format = "parquet"

    def __init__(self, path: Path) -> None:
        import pyarrow as pa  # noqa: PLC0415 - of an extra
        import pyarrow.parquet as pq  # noqa: PLC0415

        self.reader = f"parquet {pa.__version__}"
        with as_bad_file("Parquet"):
            self._file = pq.ParquetFile(path, memory_map=False, pre_buffer=False)
            try:
                self.tables = [ParquetTable(self._file)]
            except BaseException:
                self._file.close()
                raise

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class ParquetTable:
    """The one table of a file; it has no name."""

    name = ""

    def __init__(self, file: Any) -> None:  # noqa: ANN401 - pyarrow ships no types
        self._file = file
        self.entries: int = file.metadata.num_rows
        schema = file.schema_arrow
        if len(schema) > MAX_COLUMNS:
            raise CorruptError(f"it has more than {MAX_COLUMNS} columns", code="bad-data-file")
        self.columns: list[ProfiledColumn] = [_column(field) for field in schema]

    def chunks(self, columns: Sequence[str], entries: int = 100_000) -> Iterator[dict[str, NDArray[np.generic]]]:
        """Yield columns in parts; see ``ports.dataset_readers``."""
        wanted = [each for each in self.columns if each.name in set(columns)]
        seen = 0
        with as_bad_file("Parquet"):
            step = at_once(entries, row_bytes(wanted))
            for batch in self._file.iter_batches(step, columns=[each.name for each in wanted], use_threads=False):
                seen += len(batch)
                yield {name: _values(batch.column(name)) for name in batch.schema.names if name in set(columns)}
        if seen != self.entries:
            raise CorruptError(f"it promises {self.entries} entries and has {seen}", code="bad-data-file")


def _column(field: Any) -> ProfiledColumn:  # noqa: ANN401 - pyarrow ships no types
    import pyarrow as pa  # noqa: PLC0415 - of an extra

    told = {as_text(key).lower(): value for key, value in (field.metadata or {}).items()}
    inner, shape = field.type, list[int | str]()
    while pa.types.is_list(inner) or pa.types.is_large_list(inner) or pa.types.is_fixed_size_list(inner):
        shape.append(inner.list_size if pa.types.is_fixed_size_list(inner) else "var")
        inner = inner.value_type
    return column(
        field.name,
        _NUMPY.get(str(inner), str(inner)),
        shape,
        unit=told.get("unit", told.get("units")),
        title=told.get("description", told.get("title", told.get("comment"))),
    )


def _values(array: Any) -> NDArray[np.generic]:  # noqa: ANN401 - pyarrow ships no types
    """Return a column's values, flattened; nulls are masked."""
    import numpy as np  # noqa: PLC0415 - of an extra
    import pyarrow as pa  # noqa: PLC0415

    while pa.types.is_list(array.type) or pa.types.is_large_list(array.type) or pa.types.is_fixed_size_list(array.type):
        array = array.flatten()
    mask = array.is_null().to_numpy(zero_copy_only=False) if array.null_count else None
    kind = _NUMPY.get(str(array.type), str(array.type))
    if NUMBER.fullmatch(kind):
        filled = array.fill_null(False if kind == "bool" else 0) if mask is not None else array
        values = filled.to_numpy(zero_copy_only=False)
    else:
        values = np.zeros(len(array), np.uint8)
    return values if mask is None else np.ma.MaskedArray(values, mask)
