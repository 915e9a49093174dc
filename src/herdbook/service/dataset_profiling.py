"""Profiles of datasets: every file is read once, in parts; what is kept of it has a bound. Runs at the client."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from herdbook.kernel import canonical, digests
from herdbook.kernel.errors import ConflictError, HerdbookError, InvalidError
from herdbook.model.dataset_profiles import DatasetProfile, Table
from herdbook.ports.blobs import Progress
from herdbook.ports.dataset_readers import DataFile, DataFiles, DataTable
from herdbook.service.dataset_files import DataPath, several
from herdbook.service.tallies import ColumnTally, TableTally, figure

ROOM, LEAST, BUDGET = 100_000, 1_000, 512 * 2**20
"""Values that quantiles are of at most; at least; and bytes that the sketches of all columns of a file may take."""
MAX_UNREAD, MAX_PROBLEMS, MAX_QUANTILES = 1_000, 100, 3_000
"""How many files and problems are told one by one, and of how many columns quantiles are."""
_NUMBER = re.compile(r"bool|u?int(?:8|16|32|64)|float(?:16|32|64)")


@dataclass(frozen=True)
class Wanted:
    """What is known of the files beforehand.

    Attributes:
        weights: the column that holds weights.
        units: of columns, in UCUM; over what the files say.
        gaps: values of columns that stand for an absent one; ``*`` is every column.
        events: the table whose entries are events; not needed where there is one table only.
    """

    weights: str | None = None
    units: Mapping[str, str] = field(default_factory=dict)
    gaps: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    events: str | None = None


@dataclass
class _Read:
    """What was read of one file."""

    file: DataPath
    reader: str = ""
    format: str = ""
    tables: list[TableTally] = field(default_factory=list)
    refused: str = ""


def profile(
    files: DataFiles,
    given: Iterable[DataPath],
    wanted: Wanted | None = None,
    *,
    width: int = 2,
    progress: Progress | None = None,
) -> DatasetProfile:
    """Return what the files of a dataset hold, summed over all of them.

    A file that cannot be read is told in ``unread``, and the others are profiled.

    Args:
        files: opens them.
        given: the files, in the order of their paths.
        wanted: what is known beforehand.
        width: how many files are read at once.
        progress: told of bytes.

    Raises:
        InvalidError: ``no-column``, ``no-table``: when the weights, a unit, a gap or the table of events is of nothing
            that was read.
    """
    profiling = Profiling(files, wanted or Wanted(), width)
    profiling.read(given, progress)
    return profiling.profile()


def _read(files: DataFiles, number: int, file: DataPath, wanted: Wanted, progress: Progress | None) -> _Read:
    read = _Read(file)
    before = _state(file.source)
    told = 0
    try:
        opened = files.open(file.source)
        try:
            read.reader, read.format = opened.reader, opened.format
            for share in _tally(opened, number, wanted, read.tables):
                if progress is not None and (now := int(share * file.size)) > told:
                    progress(now - told)
                    told = now
        finally:
            opened.close()
        if _state(file.source) != before:
            raise ConflictError("it changed while it was read", code="changed-while-read")
    except (HerdbookError, OSError) as error:
        said, code = (error.message, error.code) if isinstance(error, HerdbookError) else (str(error), "unreadable")
        if code in {"no-extra", "no-worker"}:
            raise
        read.tables, read.refused = [], f"{file.path}: {said} ({code})"
    if progress is not None and file.size > told:
        progress(file.size - told)
    return read


def _state(path: Path) -> tuple[int, int]:
    info = path.stat()
    return info.st_size, info.st_mtime_ns


def _tally(opened: DataFile, number: int, wanted: Wanted, tallies: list[TableTally]) -> Iterator[float]:
    """Fill the tallies of a file's tables, and yield which share of the file is done."""
    columns = sum(len(table.columns) for table in opened.tables)
    room = max(LEAST, min(ROOM, BUDGET // (32 * max(1, columns))))
    entries = sum(table.entries for table in opened.tables)
    done = 0
    for table in opened.tables:
        tally = TableTally(table.name, wanted.weights)
        tallies.append(tally)
        tally.entries = table.entries
        for column in table.columns:
            gaps = (*wanted.gaps.get("*", ()), *wanted.gaps.get(column.name, ()))
            tally.columns[column.name] = ColumnTally(column, room, number, gaps)
            tally.columns[column.name].entries = table.entries
        for count in _fill(table, tally, wanted):
            done += count
            yield done / entries if entries else 1.0


def _fill(table: DataTable, tally: TableTally, wanted: Wanted) -> Iterator[int]:
    scalars = {column.name for column in table.columns if column.shape is None}
    numbers = {column.name for column in table.columns if _NUMBER.fullmatch(column.dtype)}
    weighed = wanted.weights if wanted.weights in scalars & numbers else None
    if weighed is not None:
        tally.sum_weights = 0.0
    for chunk in table.chunks([column.name for column in table.columns]):
        for name, values in chunk.items():
            tally.columns[name].add(values, numbers=name in numbers)
        if weighed is not None:
            tally.weigh(chunk[weighed])
        yield next((len(values) for name, values in chunk.items() if name in scalars), 0)


class Profiling:
    """The sum over the files that were read until now.

    Args:
        files: opens them.
        wanted: what is known of them beforehand.
        width: how many are read at once.
    """

    def __init__(self, files: DataFiles, wanted: Wanted, width: int = 2) -> None:
        self.wanted = wanted
        self._opens = files
        self._width = width
        self._files = self._size = self._unread_files = 0
        self._tables: dict[str, TableTally] = {}
        self._formats: set[str] = set()
        self._readers: set[str] = set()
        self._unread: list[str] = []
        self._problems: list[str] = []

    def read(self, given: Iterable[DataPath], progress: Progress | None = None) -> None:
        """Read further files, in the order of their paths; returns when all were."""

        def one(numbered: tuple[int, DataPath]) -> _Read:
            return _read(self._opens, *numbered, self.wanted, progress)

        for read in several(one, enumerate(given, self._files), self._width):
            self._add(read)

    def _add(self, read: _Read) -> None:
        self._files += 1
        self._size += read.file.size
        if read.refused:
            self._unread_files += 1
            if len(self._unread) < MAX_UNREAD:
                self._unread.append(read.refused)
            return
        self._formats.add(read.format)
        self._readers.add(read.reader)
        for tally in read.tables:
            mine = self._tables.get(tally.name)
            if mine is None:
                self._tables[tally.name] = tally
            else:
                mine.merge(tally, read.file.path, self._problems)
        del self._problems[MAX_PROBLEMS:]

    def profile(self) -> DatasetProfile:
        """Return the profile."""
        self._check()
        problems = list(self._problems)
        tables = tuple(self._tables[name].told(self.wanted.units, problems) for name in sorted(self._tables))
        digest = fingerprint(self._tables.values()) if tables else None
        if sum(len(table.columns) for table in tables) > MAX_QUANTILES:
            problems.insert(0, f"there are more than {MAX_QUANTILES} columns: their quantiles are left out")
            tables = tuple(map(_without_quantiles, tables))
        gaps = {name: tuple(map(figure, values)) for name, values in self.wanted.gaps.items()}
        return DatasetProfile(
            formats=tuple(sorted(self._formats)),
            files=self._files,
            size_bytes=self._size,
            tables=tables,
            events=self._events(tables),
            readers=tuple(sorted(self._readers)),
            unread=tuple(self._unread) or None,
            unread_files=self._unread_files or None,
            problems=tuple(problems[:MAX_PROBLEMS]) or None,
            missing_values=gaps or None,
            fingerprint=digest,
            sampled=any(column.sampled for table in tables for column in table.columns) if tables else None,
        )

    def _events(self, tables: tuple[Table, ...]) -> int | None:
        if self.wanted.events is not None:
            return next(table.entries for table in tables if table.name == self.wanted.events)
        return tables[0].entries if len(tables) == 1 else None

    def _check(self) -> None:
        """Refuse what was said of columns and tables that no file has."""
        if not self._tables:
            return
        names = {name for table in self._tables.values() for name in table.columns}
        for what, said in (("a unit", self.wanted.units), ("a missing value", set(self.wanted.gaps) - {"*"})):
            if unknown := sorted(set(said) - names):
                raise _no_column(unknown[0], what, names)
        weights = self.wanted.weights
        if weights is not None and all(table.sum_weights is None for table in self._tables.values()):
            raise _no_column(weights, "the weight of an entry", names)
        if self.wanted.events is not None and self.wanted.events not in self._tables:
            raise InvalidError(
                f"there is no table {self.wanted.events!r}",
                code="no-table",
                hint=f"There are: {', '.join(map(repr, sorted(self._tables)))}.",
            )


def _no_column(name: str, what: str, names: Iterable[str]) -> InvalidError:
    shown = sorted(names)
    return InvalidError(
        f"{name!r} is no column that could have {what}",
        code="no-column",
        hint=f"There are: {', '.join(shown[:30])}{' …' if len(shown) > 30 else ''}.",
    )


def _without_quantiles(table: Table) -> Table:
    columns = tuple(column.model_copy(update={"quantiles": None}) for column in table.columns)
    return table.model_copy(update={"columns": columns})


def fingerprint(tables: Iterable[TableTally]) -> str:
    """Return the sha256 of what tells data from other data: names, types, counts, and the content of all columns.

    Names of tables, the order of columns and entries, units and the format do not count: what was converted whole has
    the fingerprint of what it was converted from.
    """
    told = sorted([table.entries, sorted(tally.essence() for tally in table.columns.values())] for table in tables)
    return digests.of(canonical.dumps(told))
