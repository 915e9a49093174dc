"""Running figures of columns and tables: what is kept of chunks that were seen, in flat memory."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from herdbook.model.dataset_profiles import ProfiledColumn, Table
from herdbook.service.quantiles import Sketch, content

SAFE = 2**53 - 1
Values = NDArray[np.generic]


class ColumnTally:
    """The figures of one column of one file, or of several that were merged.

    Args:
        column: as the first file told it.
        room: how many values the quantiles are of at most.
        origin: number of the file.
        gaps: values that stand for an absent one.
    """

    def __init__(self, column: ProfiledColumn, room: int, origin: int, gaps: Sequence[float] = ()) -> None:
        self.column = column
        self.missing = 0
        self.values = 0
        self.entries = 0
        """Of the tables that have it."""
        self.numbers = False
        self._gaps = tuple(gaps)
        self._sketch = Sketch(room, origin)
        self._content = 0
        self._finite = 0
        self._mean = self._squares = 0.0
        self._least: float | None = None
        self._most: float | None = None

    def add(self, values: Values, *, numbers: bool) -> None:
        """Take a chunk of the column; masked values, NaN and the declared gaps are missing."""
        self.numbers = self.numbers or numbers
        self.values += len(values)
        present = _present(values, self._gaps if numbers else ())
        self.missing += len(values) - len(present)
        if not numbers or not len(present):
            return
        self._sketch.add(present)
        self._content += content(present)
        low, high = present.min().item(), present.max().item()
        self._least = low if self._least is None else min(self._least, low)
        self._most = high if self._most is None else max(self._most, high)
        finite = present.astype(np.float64)
        if present.dtype.kind == "f" and not (math.isfinite(low) and math.isfinite(high)):
            finite = finite[np.isfinite(finite)]
        if len(finite):
            with np.errstate(over="ignore", invalid="ignore"):
                mean = float(finite.mean())
                self._moments(len(finite), mean, float(np.square(finite - mean).sum()))

    def merge(self, other: ColumnTally) -> None:
        """Take the figures of the column in a further file."""
        self.missing += other.missing
        self.values += other.values
        self.entries += other.entries
        self.numbers = self.numbers or other.numbers
        self._sketch.merge(other._sketch)
        self._content += other._content
        if other._least is not None and other._most is not None:
            self._least = other._least if self._least is None else min(self._least, other._least)
            self._most = other._most if self._most is None else max(self._most, other._most)
        self._moments(other._finite, other._mean, other._squares)

    def _moments(self, count: int, mean: float, squares: float) -> None:
        """Merge means and sums of squares (T. Chan, G. Golub, R. LeVeque, The American Statistician 37, 1983)."""
        if not count:
            return
        both = self._finite + count
        apart = mean - self._mean
        self._squares += squares + apart * apart * self._finite * count / both
        self._mean += apart * count / both
        self._finite = both

    def _quantiles(self, least: float, most: float) -> tuple[float | str, ...]:
        """Return the quantiles; the first and the last are known exactly."""
        inner = [value.item() for value in self._sketch.quantiles()[1:-1]]
        return tuple(map(figure, (least, *inner, most)))

    def essence(self) -> list[Any]:
        """Return what tells the column from one with other values: name, type, shape, counts, content."""
        held = f"{self._content % 2**64:016x}" if self.numbers else ""
        shape = list(self.column.shape or ())
        return [self.column.name, self.column.dtype, shape, self.values, self.missing, held]

    def told(self, entries: int, unit: str | None) -> ProfiledColumn:
        """Return the column with its figures; entries of files that lack it are missing, where it has no shape."""
        absent = entries - self.entries if self.column.shape is None else 0
        said = {"unit": unit} if unit else {}
        if not self.values + absent:
            return self.column.model_copy(update=said)
        figures = {"missing": (self.missing + absent) / (self.values + absent), **said}
        if self.numbers and self._least is not None and self._most is not None:
            deviation = math.sqrt(self._squares / self._finite) if self._finite else None
            figures |= {
                "minimum": figure(self._least),
                "maximum": figure(self._most),
                "mean": figure(self._mean) if self._finite else None,
                "deviation": figure(deviation) if deviation is not None else None,
                "quantiles": self._quantiles(self._least, self._most),
                "sampled": self._sketch.sampled,
            }
        return ProfiledColumn.read({**self.column.json_object(), **{k: v for k, v in figures.items() if v is not None}})


def _present(values: Values, gaps: Sequence[float]) -> Values:
    """Return the values that are not missing."""
    absent = np.ma.getmaskarray(values) if isinstance(values, np.ma.MaskedArray) else None
    plain: Values = np.asarray(values)
    if plain.dtype.kind == "f":
        nan = np.isnan(plain)
        if nan.any():
            absent = nan if absent is None else absent | nan
    for gap in gaps:
        # As the column's type would have it: -999.9 of float32 is not that of float64.
        equal = plain == np.asarray(gap).astype(plain.dtype) if plain.dtype.kind == "f" else plain == gap
        absent = equal if absent is None else absent | equal
    return plain if absent is None else plain[~absent]


def figure(value: float | int | bool) -> float | str:
    """Return a number as a profile has it: text where it is not finite, or whole and beyond 2^53."""
    if isinstance(value, bool):
        return float(value)
    if isinstance(value, int):
        return float(value) if abs(value) <= SAFE else str(value)
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return str(int(value)) if SAFE < abs(value) < 1e21 else value


class TableTally:
    """The figures of a table.

    Args:
        name: of the table.
        weights: the column that holds weights.
    """

    def __init__(self, name: str, weights: str | None) -> None:
        self.name = name
        self.entries = 0
        self.columns: dict[str, ColumnTally] = {}
        self.weights = weights
        self.sum_weights: float | None = None

    def weigh(self, values: Values) -> None:
        """Add a chunk of weights; one that is missing makes the sum NaN."""
        plain = np.ma.filled(np.ma.asarray(values, np.float64), np.nan)
        self.sum_weights = (self.sum_weights or 0.0) + float(plain.sum())

    def merge(self, other: TableTally, where: str, problems: list[str]) -> None:
        """Take the figures of the table in a further file, and say what that tells differently."""
        self.entries += other.entries
        if other.sum_weights is not None:
            self.sum_weights = (self.sum_weights or 0.0) + other.sum_weights
        for name, tally in other.columns.items():
            mine = self.columns.get(name)
            if mine is None:
                self.columns[name] = tally
                continue
            mine.merge(tally)
            mine.column = _joined(
                mine.column, tally.column, f"{self.name}/{name}" if self.name else name, where, problems
            )

    def told(self, units: Mapping[str, str], problems: list[str]) -> Table:
        """Return the table with its figures."""
        for name, tally in self.columns.items():
            if tally.entries < self.entries:
                problems.append(
                    f"{name} is absent in files with {self.entries - tally.entries} of {self.entries} entries"
                )
        return Table(
            name=self.name,
            entries=self.entries,
            columns=tuple(tally.told(self.entries, units.get(name)) for name, tally in self.columns.items()),
            weights=self.weights if self.sum_weights is not None else None,
            sum_weights=None if self.sum_weights is None else figure(self.sum_weights),
        )


def _joined(mine: ProfiledColumn, other: ProfiledColumn, name: str, where: str, problems: list[str]) -> ProfiledColumn:
    """Return a column that two files tell; what differs is a problem, and a wider type or shape is taken."""
    update: dict[str, object] = {}
    if mine.dtype != other.dtype:
        problems.append(f"{name} is {mine.dtype}, and in {where} {other.dtype}")
        try:
            update["dtype"] = np.result_type(mine.dtype, other.dtype).name
        except TypeError:
            update["dtype"] = "str"
    if mine.shape != other.shape:
        problems.append(f"{name} has the shape {_shape(mine)}, and in {where} {_shape(other)}")
        update["shape"] = ("var",)
    if mine.unit != other.unit:
        problems.append(f"{name} is in {mine.unit or 'no unit'}, and in {where} in {other.unit or 'no unit'}")
        update["unit"] = None
    return mine.model_copy(update=update) if update else mine


def _shape(column: ProfiledColumn) -> str:
    return "×".join(map(str, column.shape or ())) or "of a scalar"


def per_entry(column: ProfiledColumn) -> int | None:
    """Return how many values an entry has; none where that varies."""
    return None if "var" in (column.shape or ()) else prod(axis for axis in column.shape or () if isinstance(axis, int))
