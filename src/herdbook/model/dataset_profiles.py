"""What the bytes of a dataset hold: tables, columns, counts, and a fingerprint of their distributions."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from herdbook.model.activities import Number
from herdbook.model.base import Bool, Int, Sha256, Text, Value
from herdbook.model.identifiers import NonEmpty, Unit

Count = Annotated[Int, Field(ge=0)]


class ProfiledColumn(Value):
    """A column: its type as numpy writes it, its shape beside the entries, and how its values are distributed.

    Attributes:
        missing: the share of NaN, masked or absent values, 0 to 1.
        quantiles: 101 values, 0 % to 100 % in steps of 1 %, of what is not missing; in the column's unit.
        sampled: how many entries the quantiles were taken from, where not all.
    """

    name: NonEmpty
    dtype: NonEmpty
    shape: tuple[Int | Text, ...] | None = None
    unit: Unit | None = None
    description: NonEmpty | None = None
    missing: float | None = None
    minimum: Number | None = None
    maximum: Number | None = None
    mean: Number | None = None
    deviation: Number | None = None
    quantiles: tuple[Number, ...] | None = None
    sampled: Count | None = None


class Table(Value):
    """A tree, a data set or a frame, summed over the files that hold it."""

    name: Text
    entries: Count
    columns: tuple[ProfiledColumn, ...] = ()
    weights: NonEmpty | None = None
    sum_weights: Number | None = None


class DatasetProfile(Value):
    """The body of ``herdbook/dataset-profile/1``: read from the files of a manifest, by which readers."""

    formats: tuple[NonEmpty, ...]
    files: Count
    size_bytes: Count
    tables: tuple[Table, ...] = ()
    events: Count | None = None
    readers: tuple[NonEmpty, ...] = ()
    unread: tuple[NonEmpty, ...] | None = None
    fingerprint: Sha256 | None = None
    sampled: Bool | None = None
