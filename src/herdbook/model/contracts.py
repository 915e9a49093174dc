"""The interface contract: what goes in, in which order and units, how it is prepared, and what comes out."""

from __future__ import annotations

import math
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from herdbook.model.base import Float, Int, Json, Text, Value
from herdbook.model.identifiers import NonEmpty, Unit

Number = Int | Float


class Bounds(Value):
    """An interval of numbers, either end of which may be open: of clipping, or of the training's values."""

    lower: Number | None = None
    upper: Number | None = None

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.lower is not None and self.upper is not None and not self.lower <= self.upper:
            raise ValueError(f"the lower bound {self.lower} is above the upper bound {self.upper}")
        return self


class Feature(Value):
    """One number that goes in: what it is, in which unit, and how it is prepared.

    Preparation is, in this order: a missing value gives way to ``missing_value`` and a non-finite one to
    ``replace_non_finite``, both in ``unit``; then (x + ``offset``) * ``scale``, or (x + ``offset``) / ``divisor``; then
    ``clip``. ``pad_value`` fills a sequence up after all that. What is absent is not done, or nobody said.
    """

    name: NonEmpty
    definition: NonEmpty | None = None
    source_variable: NonEmpty | None = None
    unit: Unit | None = None
    dtype: NonEmpty | None = None
    transform: NonEmpty | None = None
    missing_value: Number | None = None
    replace_non_finite: Number | None = None
    offset: Number | None = None
    scale: Number | None = None
    divisor: Number | None = None
    clip: Bounds | None = None
    pad_value: Number | None = None
    training_range: Bounds | None = None
    computable_at: NonEmpty | None = None
    ext: Json | None = None

    @model_validator(mode="after")
    def _scaled_once(self) -> Self:
        if self.scale is not None and self.divisor is not None:
            raise ValueError("a feature has a scale or a divisor, not both")
        if self.divisor == 0:
            raise ValueError("a divisor cannot be 0")
        return self


class Sequence(Value):
    """An input that holds many objects: how many, which, in which order, and how it is filled up."""

    axis: Int | None = None
    min_length: Annotated[Int, Field(ge=0)] | None = None
    max_length: Annotated[Int, Field(ge=0)] | None = None
    sort_key: NonEmpty | None = None
    sort_order: Literal["ascending", "descending"] | None = None
    selection: NonEmpty | None = None
    pad_mode: Literal["constant", "wrap"] | None = None


def _axis(value: object) -> object:
    """Return an axis as a record can hold it, which knows no null."""
    return UNKNOWN_AXIS if value is None else value


UNKNOWN_AXIS = "?"
Axis = Annotated[Int | NonEmpty, BeforeValidator(_axis)]


class Tensor(Value):
    """An input or output. ``meaning`` is of outputs.

    An axis of ``shape`` is a number, a symbol, or ``?`` for a length that nobody knows, which ``null`` becomes.
    """

    name: NonEmpty
    dtype: NonEmpty | None = None
    shape: tuple[Axis, ...] | None = None
    batch_axis: Int | None = None
    meaning: NonEmpty | None = None
    definition: NonEmpty | None = None
    unit: Unit | None = None
    labels: tuple[Text, ...] | None = None
    features: tuple[Feature, ...] | None = None
    sequence: Sequence | None = None


class Condition(Value):
    """When a member serves: a test of one quantity, ``of``. Exactly one of the three kinds of test.

    ``modulo`` with ``remainder``: integers; ``lower`` ≤ x < ``upper`` in ``unit``, an absent end being open, of the
    absolute value with ``absolute``; ``among``: one of these.
    """

    of: NonEmpty
    unit: Unit | None = None
    modulo: Annotated[Int, Field(ge=2)] | None = None
    remainder: Annotated[Int, Field(ge=0)] | None = None
    lower: Number | None = None
    upper: Number | None = None
    absolute: Literal[True] | None = None
    among: tuple[Int | Text, ...] | None = None

    @model_validator(mode="after")
    def _one_test(self) -> Self:
        folds, bins = self.modulo is not None, self.lower is not None or self.upper is not None
        if folds + bins + (self.among is not None) != 1 or folds != (self.remainder is not None):
            raise ValueError("a condition is a modulo with its remainder, or lower and upper, or among")
        if self.modulo is not None and self.remainder is not None and self.remainder >= self.modulo:
            raise ValueError(f"no remainder of {self.modulo} is {self.remainder}")
        if any(isinstance(end, float) and not math.isfinite(end) for end in (self.lower, self.upper)):
            raise ValueError("an open end is left out")
        if self.lower is not None and self.upper is not None and not self.lower < self.upper:
            raise ValueError(f"nothing lies from {self.lower} to {self.upper}")
        return self


class Member(Value):
    """One of a set of models in a version: its files, and when it serves. All of ``when`` must hold.

    Where it has another interface than the set, it has its own ``inputs`` and ``outputs``.
    """

    name: NonEmpty
    files: Annotated[tuple[NonEmpty, ...], Field(min_length=1)]
    when: tuple[Condition, ...] = ()
    inputs: tuple[Tensor, ...] | None = None
    outputs: tuple[Tensor, ...] | None = None


class Contract(Value):
    """The interface contract: ordered inputs and outputs; ``selection``: which objects; ``members`` of a set."""

    inputs: tuple[Tensor, ...] | None = None
    outputs: tuple[Tensor, ...] | None = None
    selection: NonEmpty | None = None
    members: tuple[Member, ...] | None = None
    ext: Json | None = None

    @model_validator(mode="after")
    def _names_once(self) -> Self:
        for what in (self.inputs, self.outputs, self.members):
            names = [each.name for each in what or ()]
            if len(set(names)) < len(names):
                raise ValueError(f"a name stands twice: {', '.join(sorted({n for n in names if names.count(n) > 1}))}")
        return self
