"""Readers of data: they tell tables, columns and values of a file, chunk by chunk, and never load what can execute."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from herdbook.model.dataset_profiles import ProfiledColumn

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class DataTable(Protocol):
    """One table of one file."""

    name: str
    entries: int
    columns: Sequence[ProfiledColumn]
    """Names, types, shapes, units; no figures yet."""

    def chunks(self, columns: Sequence[str], entries: int = 100_000) -> Iterator[dict[str, NDArray[np.generic]]]:
        """Yield columns of at most so many entries, in order; a column of vectors comes flattened.

        Raises:
            CorruptError: when the file is not what it promises.
        """
        ...


class DatasetReader(Protocol):
    """Reads one format."""

    name: str
    version: str

    def fits(self, path: Path, head: bytes) -> bool:
        """Say whether the file is of this format, by its name and its first kilobyte."""
        ...

    def tables(self, path: Path) -> list[DataTable]:
        """Return the tables of a file; the file stays open until they are dropped.

        Raises:
            CorruptError: ``bad-data-file``, when it cannot be read.
            UnavailableError: ``no-extra``, when its library is not installed.
        """
        ...
