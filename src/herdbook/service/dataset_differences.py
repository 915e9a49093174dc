"""What differs between two datasets, by their profiles: counts, columns, and how far their distributions lie apart."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

from herdbook.model.dataset_profiles import ColumnDifference, DatasetProfile, ProfiledColumn, ProfileDifference, Table
from herdbook.service.tallies import figure

Pair = tuple[Table | None, ProfiledColumn | None]


def compare(before: DatasetProfile, after: DatasetProfile, names: tuple[str, str]) -> ProfileDifference:
    """Return what differs; columns that are equal in all that is told of them are left out."""
    columns = [
        difference
        for old, new in _tables(before.tables, after.tables)
        for difference in _columns(old, new, (old or new or Table(name="", entries=0)).name)
    ]
    told: dict[str, Any] = dict(zip(("before", "after"), names, strict=True))
    for name in ("events", "files", "sum_weights"):
        pair = (_figure_of(before, name), _figure_of(after, name))
        told |= {
            f"{name}_{side}": value for side, value in zip(("before", "after"), pair, strict=True) if value is not None
        }
    same = not columns and all(told.get(f"{n}_before") == told.get(f"{n}_after") for n in ("events", "sum_weights"))
    return ProfileDifference(**told, same=same, columns=tuple(columns))


def _figure_of(profile: DatasetProfile, name: str) -> object:
    if name != "sum_weights":
        return getattr(profile, name)
    sums = [table.sum_weights for table in profile.tables if table.sum_weights is not None]
    return sums[0] if len(sums) == 1 else None


def _tables(before: Sequence[Table], after: Sequence[Table]) -> Iterator[tuple[Table | None, Table | None]]:
    """Yield tables that belong together: of one name, or the only ones, since a conversion seldom keeps the name."""
    if len(before) == len(after) == 1:
        yield before[0], after[0]
        return
    new = {table.name: table for table in after}
    for table in before:
        yield table, new.pop(table.name, None)
    for table in new.values():
        yield None, table


def _columns(before: Table | None, after: Table | None, name: str) -> Iterator[ColumnDifference]:
    old = {column.name: column for column in (before.columns if before else ())}
    new = {column.name: column for column in (after.columns if after else ())}
    for column in [*old, *(each for each in new if each not in old)]:
        if difference := _column(name, old.get(column), new.get(column)):
            yield difference


def _column(table: str, old: ProfiledColumn | None, new: ProfiledColumn | None) -> ColumnDifference | None:
    if old is None or new is None:
        there = old or new
        assert there is not None
        return ColumnDifference(
            table=table,
            column=there.name,
            change="removed" if old else "added",
            before=_what(old) if old else None,
            after=_what(new) if new else None,
        )
    changes = [name for name in ("dtype", "shape", "unit", "missing") if getattr(old, name) != getattr(new, name)]
    shift = distance(old, new)
    if old.quantiles != new.quantiles or old.minimum != new.minimum or old.maximum != new.maximum:
        changes.append("values")
    if not changes:
        return None
    return ColumnDifference(
        table=table,
        column=old.name,
        change=", ".join(changes),
        before=_what(old),
        after=_what(new),
        missing_before=old.missing,
        missing_after=new.missing,
        shift=None if shift is None else figure(shift),
        shift_deviations=_scaled(shift, old),
    )


def _what(column: ProfiledColumn) -> str:
    """Return type, shape and unit in a few words: ``float32 [var] GeV``."""
    shape = f" [{', '.join(map(str, column.shape))}]" if column.shape else ""
    return f"{column.dtype}{shape}{f' {column.unit}' if column.unit else ''}"


def _number(value: float | str) -> float:
    return float(value.replace("Infinity", "inf")) if isinstance(value, str) else value


def distance(old: ProfiledColumn, new: ProfiledColumn) -> float | None:
    """Return W1, the area between the two quantile functions, by the trapezoid rule over the 101 quantiles.

    None where a column has no quantiles, or the columns are in different units: nothing is converted.
    """
    if not old.quantiles or not new.quantiles or old.unit != new.unit or len(old.quantiles) != len(new.quantiles):
        return None
    apart = [abs(_apart(_number(b), _number(a))) for a, b in zip(old.quantiles, new.quantiles, strict=True)]
    return math.fsum((low + high) / 2 for low, high in pairwise(apart)) / (len(apart) - 1)


def _apart(one: float, other: float) -> float:
    return 0.0 if one == other else one - other  # two infinities are not apart


def _scaled(shift: float | None, old: ProfiledColumn) -> float | str | None:
    deviation = _number(old.deviation) if old.deviation is not None else 0.0
    return figure(shift / deviation) if shift is not None and deviation > 0 else None
