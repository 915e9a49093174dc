"""What the bytes of a dataset hold: tables, columns, counts, and a fingerprint of their distributions."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from herdbook.kernel.errors import InvalidError
from herdbook.model.base import Bool, Float, Int, Sha256, Text, Value
from herdbook.model.identifiers import NonEmpty, Unit

Count = Annotated[Int, Field(ge=0)]
_FIGURE = re.compile(r"NaN|-?Infinity|-?[0-9]{16,}")


def _figure(value: float | str) -> float | str:
    if isinstance(value, str) and _FIGURE.fullmatch(value) is None:
        raise InvalidError(
            f"{value!r} is not a number",
            code="bad-number",
            hint="Only NaN, Infinity, -Infinity and whole numbers beyond 2^53 are text.",
        )
    return value


Figure = Annotated[Float | Text, AfterValidator(_figure)]
"""A number of a column; as text where it is not finite, or a whole number beyond 2^53."""


class ProfiledColumn(Value):
    """A column: its type as numpy writes it, its shape beside the entries, and how its values are distributed.

    Attributes:
        shape: lengths of the axes beside the entries; ``var`` where it differs from entry to entry.
        missing: the share of NaN, masked or absent values and of those declared to stand for one, 0 to 1; of values
            where there is a shape.
        minimum, maximum, quantiles: of what is not missing; infinities count.
        mean, deviation: of what is finite; the deviation is that of the values, not of a sample (divided by n).
        quantiles: 101 values, 0 % to 100 % in steps of 1 %, in the column's unit; each is one of the column's values,
            the smallest with at least that share at or below it.
        sampled: how many values the quantiles were taken from, where not all.
    """

    name: NonEmpty
    dtype: NonEmpty
    shape: tuple[Int | Text, ...] | None = None
    unit: Unit | None = None
    description: NonEmpty | None = None
    missing: float | None = None
    minimum: Figure | None = None
    maximum: Figure | None = None
    mean: Figure | None = None
    deviation: Figure | None = None
    quantiles: tuple[Figure, ...] | None = None
    sampled: Count | None = None


class Table(Value):
    """A tree, a data set or a frame, summed over the files that hold it."""

    name: Text
    entries: Count
    columns: tuple[ProfiledColumn, ...] = ()
    weights: NonEmpty | None = None
    sum_weights: Figure | None = None


class DatasetProfile(Value):
    """The body of ``herdbook/dataset-profile/1``: read from the files of a manifest, by which readers.

    Attributes:
        events: entries of the table that was said to hold them, or of the only one.
        unread: files that could not be read and why, the first thousand; ``unread_files`` says how many there are.
        missing_values: by column (``*``: all), the numbers that were declared to stand for an absent value.
        problems: what files say differently, units that are not UCUM, the first hundred.
        fingerprint: of names, types, counts and content of all columns, in whatever order the entries stand: equal
            data give an equal one, in whatever format and however many files. It finds accidents, not forgeries.
        sampled: whether quantiles of a column are of a part of its values.
    """

    formats: tuple[NonEmpty, ...]
    files: Count
    size_bytes: Count
    tables: tuple[Table, ...] = ()
    events: Count | None = None
    readers: tuple[NonEmpty, ...] = ()
    unread: tuple[NonEmpty, ...] | None = None
    unread_files: Count | None = None
    problems: tuple[NonEmpty, ...] | None = None
    missing_values: dict[Text, tuple[Figure, ...]] | None = None
    fingerprint: Sha256 | None = None
    sampled: Bool | None = None


class ColumnDifference(Value):
    """What became of a column: figures before and after.

    ``shift`` is the distance W1 of the two distributions (the area between their quantile functions), in the column's
    unit; ``shift_deviations`` the same in deviations of the values before.
    """

    table: Text
    column: NonEmpty
    change: Text
    before: NonEmpty | None = None
    after: NonEmpty | None = None
    missing_before: float | None = None
    missing_after: float | None = None
    shift: Figure | None = None
    shift_deviations: Figure | None = None


class ProfileDifference(Value):
    """What differs between the profiles of two datasets."""

    before: NonEmpty
    after: NonEmpty
    same: Bool
    events_before: Count | None = None
    events_after: Count | None = None
    files_before: Count | None = None
    files_after: Count | None = None
    sum_weights_before: Figure | None = None
    sum_weights_after: Figure | None = None
    columns: tuple[ColumnDifference, ...] = ()
