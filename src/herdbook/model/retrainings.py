"""What came of training a version again, what may differ when it is, and inputs by which two versions are compared."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from herdbook.model.base import Bool, Int, Json, Sha256, Text, Time, Value
from herdbook.model.identifiers import NonEmpty

Positive = Annotated[float, Field(ge=0)]


class MetricTolerance(Value):
    """How far a metric of a retraining may lie from the original's: absolutely, or relative to the original."""

    name: NonEmpty
    split: NonEmpty | None = None
    absolute: Positive | None = None
    relative: Positive | None = None


class Tolerance(Value):
    """The body of ``herdbook/tolerance/1`` about a version or a model's name: what counts as trained again."""

    metrics: tuple[MetricTolerance, ...] = ()
    atol: Positive | None = None
    rtol: Positive | None = None
    expected: Literal["bitwise", "statistical"] | None = None


class Golden(Value):
    """The body of ``herdbook/golden/1`` about a version: inputs, and what it answers to them.

    Both blobs are ``.npz`` files with an array for each tensor, by its name. ``argv`` is run in the training's checkout
    to apply a model that is not ONNX; ``{model}``, ``{inputs}`` and ``{outputs}`` stand for paths.
    """

    inputs: Sha256
    outputs: Sha256
    argv: tuple[Text, ...] | None = None
    path: NonEmpty | None = None


class Verified(Value):
    """An input of the original as the dry run, or the run, found it."""

    path: Text
    digest: Text
    state: Literal["verified", "missing", "different", "unknown"]
    uri: Text = ""
    size: Annotated[Int, Field(ge=0)] | None = None
    detail: Text = ""


class Retraining(Value):
    """The body of ``herdbook/retraining/1`` about the version that was trained again; see ``service.retraining``.

    Attributes:
        of: the activity that made the version.
        by: the activity of the retraining; none for a dry run.
        mode: a dry run verifies every input, and runs nothing.
        outcome: ``ready`` (a dry run that found all), ``bytes`` (equal), ``predictions``, ``metrics`` (within the
            tolerance), ``differs``, ``incomplete`` (something is missing), ``failed``.
        changed: what was not as the original had it: ``code``, ``command``, ``inputs``, ``environment``, ``seeds``.
        inputs: every input, by path.
        compared: figures of the comparison, each with name, original, again, tolerance, within.
        version: the version that came out, when it was registered.
        problems: what was missing or went wrong, in sentences.
    """

    of: Sha256
    by: Sha256 | None = None
    mode: Literal["dry-run", "run"]
    outcome: Literal["ready", "bytes", "predictions", "metrics", "differs", "incomplete", "failed"]
    done: Time
    changed: tuple[NonEmpty, ...] = ()
    inputs: tuple[Verified, ...] = ()
    compared: tuple[Json, ...] = ()
    version: Sha256 | None = None
    engine: NonEmpty | None = None
    bitwise: Bool | None = None
    problems: tuple[NonEmpty, ...] = ()
