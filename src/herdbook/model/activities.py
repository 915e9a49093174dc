"""An activity turned inputs into outputs: a training, a conversion. All lineage is activities."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from herdbook.kernel.errors import InvalidError
from herdbook.model.base import Bool, Float, Json, Record, Sha256, Text, Time, Value
from herdbook.model.identifiers import Identifier, NonEmpty, Unit

KINDS = (
    "training",
    "fine-tuning",
    "continual-training",
    "conversion",
    "quantisation",
    "pruning",
    "distillation",
    "calibration",
    "threshold-update",
    "hyper-parameter-search",
    "dataset-production",
    "dataset-conversion",
    "firmware-build",
    "retraining",
)
"""Kinds with a meaning to Herdbook; others are allowed."""

Kind = Annotated[Text, Field(pattern="^[a-z][a-z0-9-]{0,63}$")]
Role = Annotated[Text, Field(pattern="^[a-z][a-z0-9_-]{0,63}$")]
Commit = Annotated[Text, Field(pattern="^(?:[0-9a-f]{40}|[0-9a-f]{64})$")]


def _non_finite(value: float | str) -> float | str:
    if isinstance(value, str) and value not in {"NaN", "Infinity", "-Infinity"}:
        raise InvalidError(
            f"{value!r} is not a number", code="bad-number", hint="Only NaN, Infinity, -Infinity are text."
        )
    return value


Number = Annotated[Float | Text, AfterValidator(_non_finite)]


class Selector(Value):
    """A wildcard or a shorthand in a scheme: kept, and never taken for a dataset."""

    scheme: NonEmpty
    value: NonEmpty


class Part(Value):
    """An input or an output: exactly one of record (with a file of it), file, blob, id and selector."""

    record: Sha256 | None = None
    file: Sha256 | None = None
    blob: Sha256 | None = None
    id: Identifier | None = None
    selector: Selector | None = None
    role: Role
    path: NonEmpty | None = None
    used: Json | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        named = [self.record or self.file, self.blob, self.id, self.selector]
        if sum(item is not None for item in named) != 1:
            raise InvalidError(
                f"an input or output with role {self.role!r} names {sum(item is not None for item in named)} things",
                code="bad-activity",
                hint="Name one of record (with or without file), file, blob, id, selector.",
            )
        return self


class Code(Value):
    """Where the code is: repository, commit, and the diff of a tree that was not clean.

    ``untracked`` lists files that git does not know, each with ``path``, ``sha256`` and ``size``. ``problems`` are
    codes of what stands in the way of having it again: ``no-git``, ``no-commit``, ``detached-head``, ``shallow``,
    ``unpushed``, ``no-remote``, ``missing-submodule:PATH``, ``diff-too-large``, ``diff-withheld``, and others that
    the page on surroundings lists.
    """

    repository: NonEmpty | None = None
    commit: Commit | None = None
    diff: Sha256 | None = None
    branch: NonEmpty | None = None
    path: NonEmpty | None = None
    swhid: NonEmpty | None = None
    submodules: tuple[Json, ...] | None = None
    dirty: Bool | None = None
    untracked: tuple[Json, ...] | None = None
    problems: tuple[NonEmpty, ...] | None = None


class Command(Value):
    """What was typed."""

    argv: Annotated[tuple[Text, ...], Field(min_length=1)]
    cwd: Text | None = None


class Environment(Value):
    """What it ran in."""

    kind: NonEmpty | None = None
    blob: Sha256 | None = None
    python: NonEmpty | None = None
    platform: NonEmpty | None = None
    container: Json | None = None
    stack: Json | None = None
    cvmfs: tuple[Json, ...] | None = None
    packages: dict[Text, Text] | None = None
    variables: dict[Text, Text] | None = None
    tools: tuple[Json, ...] | None = None
    problems: tuple[NonEmpty, ...] | None = None


class Window(Value):
    """The data that an adaptation saw: ``since`` inclusive, ``until`` exclusive, on an axis (run, time, era, lumi)."""

    axis: NonEmpty
    since: NonEmpty | None = None
    until: NonEmpty | None = None


class Derivation(Value):
    """How a model came out of its parent: what set it off, on which window of data, by which strategy.

    ``settings`` are of the kind of activity: bits and scheme of a quantisation, sparsity of a pruning, temperature of a
    distillation, thresholds of an update.
    """

    strategy: Literal["scratch", "warm-start", "fine-tuning", "continual", "threshold-only"] | None = None
    trigger: NonEmpty | None = None
    window: Window | None = None
    settings: Json | None = None


class Parameter(Value):
    """A parameter: the raw name, its type and text, and the canonical term beside it."""

    name: NonEmpty
    type: NonEmpty | None = None
    text: Text
    term: NonEmpty | None = None


class Seed(Value):
    """A seed, as text since it may be beyond 2^53."""

    name: NonEmpty
    text: Annotated[Text, Field(pattern="^-?[0-9]+$")]


class Metric(Value):
    """A figure of merit with its uncertainties, in the metric's own unit (UCUM; absent: dimensionless)."""

    name: NonEmpty
    value: Number
    split: NonEmpty | None = None
    stat: Float | None = None
    stat_low: Float | None = None
    stat_high: Float | None = None
    syst: Float | None = None
    syst_low: Float | None = None
    syst_high: Float | None = None
    unit: Unit | None = None
    params: dict[Text, Any] | None = None
    slice: Json | None = None


class Activity(Record):
    """The record of an activity, written once, when it ended."""

    schema_: Literal["herdbook/activity/1"] = Field("herdbook/activity/1", alias="schema")
    kind: Kind
    status: Literal["finished", "failed", "unknown"]
    started: Time | None = None
    ended: Time | None = None
    inputs: Annotated[tuple[Part, ...], Field(min_length=1)] | None = None
    outputs: Annotated[tuple[Part, ...], Field(min_length=1)] | None = None
    code: Code | None = None
    command: Command | None = None
    environment: Environment | None = None
    parameters: tuple[Parameter, ...] | None = None
    seeds: tuple[Seed, ...] | None = None
    determinism: Json | None = None
    hardware: Json | None = None
    usage: Json | None = None
    workflow: Json | None = None
    search: Json | None = None
    derivation: Derivation | None = None
    history: Sha256 | None = None
    metrics: tuple[Metric, ...] | None = None
    ids: Annotated[tuple[Identifier, ...], Field(min_length=1)] | None = None
    agents: tuple[Text, ...] | None = None
    ext: Json | None = None

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.inputs is None and self.outputs is None and self.ids is None:
            raise InvalidError(
                "an activity needs inputs, outputs or ids",
                code="bad-activity",
                hint="Say what went in, what came out, or an id.",
            )
        return self

    @cached_property
    def sameness(self) -> str:
        """What makes a second telling of the same activity the same: its kind and ids, or all but its times."""
        if self.ids:
            return f"{self.kind} " + " ".join(sorted(str(item) for item in self.ids))
        return self.model_copy(update={"started": None, "ended": None}).digest

    def blobs(self) -> list[str]:
        """Return the sha256 of every blob that the record names."""
        named = [part.blob for part in (*(self.inputs or ()), *(self.outputs or ()))]
        named += [
            self.code.diff if self.code else None,
            self.environment.blob if self.environment else None,
            self.history,
        ]
        return sorted({blob for blob in named if blob})


class ActivityEntry(Value):
    """An activity and its digest."""

    record: Sha256
    activity: Activity
    namespaces: tuple[Text, ...] = ()

    def __repr__(self) -> str:
        return f"<activity {self.activity.kind} {self.record[7:19]}, {self.activity.status}>"
