"""A search for hyper-parameters: its space, its trials, and the one that was chosen."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from herdbook.model.activities import Number
from herdbook.model.base import Float, Int, Json, Text, Time, Value
from herdbook.model.identifiers import NonEmpty


class Trial(Value):
    """One line of the table of trials, a blob of canonical JSON lines in the order of ``number``.

    A value that JSON has no number for is text: ``NaN``, ``Infinity``, ``-Infinity``, an integer beyond 2^53 - 1.
    """

    number: Annotated[Int, Field(ge=0)]
    state: Literal["complete", "pruned", "failed", "running", "waiting"]
    parameters: dict[Text, Any]
    values: tuple[Float | Text, ...] = ()
    started: Time | None = None
    ended: Time | None = None


class Dimension(Value):
    """A parameter's space: an interval (``log`` or not, in steps or not), or the choices there are."""

    name: NonEmpty
    kind: Literal["float", "int", "categorical"]
    low: Number | None = None
    high: Number | None = None
    step: Number | None = None
    log: bool = False
    choices: tuple[Any, ...] | None = None


class Study(Value):
    """``search`` of an activity of kind ``hyper-parameter-search``; the table is its output with role ``trials``.

    A training that took its parameters from it names the activity as an input with role ``search`` and says
    ``search = {"trial": NUMBER}``.
    """

    name: NonEmpty
    objectives: tuple[NonEmpty, ...] = ()
    directions: Annotated[tuple[Literal["minimise", "maximise"], ...], Field(min_length=1)]
    space: tuple[Dimension, ...] = ()
    trials: Annotated[Int, Field(ge=0)]
    complete: Annotated[Int, Field(ge=0)]
    chosen: Annotated[Int, Field(ge=0)] | None = None
    chosen_by: NonEmpty | None = None
    sampler: NonEmpty | None = None
    pruner: NonEmpty | None = None
    seed: Text | None = None
    tool: Json | None = None
