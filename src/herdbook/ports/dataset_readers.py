"""Readers of data: they tell tables, columns and values of a file, chunk by chunk, and never load what can execute."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from herdbook.model.dataset_profiles import ProfiledColumn

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Chunk = dict[str, NDArray[np.generic]]


class DataTable(Protocol):
    """One table of one file."""

    @property
    def name(self) -> str:
        """What the file calls it; empty where it has no name."""
        ...

    @property
    def entries(self) -> int:
        """How many entries it has, as the file promises."""
        ...

    @property
    def columns(self) -> Sequence[ProfiledColumn]:
        """Names, types, shapes, units; no figures yet."""
        ...

    def chunks(self, columns: Sequence[str], entries: int = 100_000) -> Iterator[Chunk]:
        """Yield columns of at most so many entries, in order; fewer where their bytes would be many.

        A column with a shape comes flattened. Absent values are masked. A column that holds no numbers comes as zero
        bytes (``uint8``), one for each entry, masked where the entry is absent; one of which nothing can be told
        is left out.

        Raises:
            CorruptError: when the file is not what it promises.
        """
        ...


class DataFile(Protocol):
    """An open file."""

    @property
    def reader(self) -> str:
        """Name and version of the reader, as ``root 5.7.7``."""
        ...

    @property
    def format(self) -> str:
        """Of the file, as ``hdf5``."""
        ...

    @property
    def tables(self) -> Sequence[DataTable]:
        """What it holds."""
        ...

    def close(self) -> None:
        """Close it; its tables can no longer be read."""
        ...


class DatasetReader(Protocol):
    """Reads one format."""

    name: str

    def fits(self, path: Path, head: bytes) -> bool:
        """Say whether the file is of this format, by its name and its first kilobyte."""
        ...

    def open(self, path: Path) -> DataFile:
        """Open a file. What it holds beside numbers is told, never run; nothing outside the file is followed.

        Raises:
            CorruptError: ``bad-data-file``, when it cannot be read.
            InvalidError: ``points-outside``, ``data-pickle``: when what it holds is elsewhere, or would have to be run.
            UnavailableError: ``no-extra``, when its library is not installed.
        """
        ...


class DataFiles(Protocol):
    """What opens any file of data that a reader knows; safe to be used by several threads."""

    def open(self, path: Path) -> DataFile:
        """Open a file.

        Raises:
            InvalidError: ``no-reader``, when it is of no format that is known here; and as ``DatasetReader.open``.
            CorruptError: ``bad-data-file``; ``reader-died`` and the like, when what read it did not survive.
        """
        ...

    def close(self) -> None:
        """Let go of what reads."""
        ...
