"""What came of training a version again, what may differ when it is, and inputs by which two versions are compared."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from herdbook.model.activities import Command
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


class Need(Value):
    """A thing that a job needs: what it is for, where it lies, and whether it can be had.

    ``where`` says from where it would come: ``registry``, ``here`` (this machine), or the URI of a place. ``brought``
    are the bytes that would be downloaded for it, 0 where nothing must be.
    """

    what: Literal["code", "diff", "untracked", "environment", "input"]
    path: Text
    digest: Text = ""
    role: Text = ""
    state: Literal["verified", "missing", "different", "unknown"]
    where: Text = ""
    uri: Text = ""
    size: Annotated[Int, Field(ge=0)] | None = None
    brought: Annotated[Int, Field(ge=0)] = 0
    detail: Text = ""

    @property
    def obtainable(self) -> bool:
        """Whether it is known from where it would come; what an environment is shows only when it is made."""
        return self.what == "environment" or bool(self.where) or self.state == "verified"


class RetrainingPlan(Value):
    """What training a version again takes, worked out from the record alone, before anything starts.

    ``placed`` says where paths of the original outside its checkout come to lie in the job, which is how ``command``
    differs from what was typed. ``edited`` names what the caller asked to be otherwise.
    """

    reference: Text
    version: Sha256
    of: Sha256
    namespace: Text
    command: Command | None = None
    placed: dict[Text, Text] = Field(default_factory=dict)
    outputs: tuple[Text, ...] = ()
    needs: tuple[Need, ...] = ()
    edited: tuple[NonEmpty, ...] = ()
    problems: tuple[NonEmpty, ...] = ()
    others: Annotated[Int, Field(ge=0)] = 0
    """How many further activities say that they made the version."""

    @property
    def download_bytes(self) -> int:
        """Bytes that would be downloaded, as far as sizes are known."""
        return sum(need.brought for need in self.needs)

    @property
    def runnable(self) -> bool:
        """Whether nothing that is needed is missing, or lies where nobody could be asked."""
        hindered = (need.state in {"missing", "different"} or not need.obtainable for need in self.needs)
        return not self.problems and not any(hindered)

    @property
    def ready(self) -> bool:
        """Whether all that is needed was found and verified."""
        return self.runnable and all(need.state == "verified" for need in self.needs)

    def lacking(self) -> list[str]:
        """Return in sentences what stands in the way."""
        return [
            *self.problems,
            *(
                f"{need.what} {need.path}: {need.detail or need.state}"
                for need in self.needs
                if need.state != "verified"
            ),
        ]


class Retraining(Value):
    """The body of ``herdbook/retraining/1`` about the version that was trained again; see ``service.retraining``.

    Attributes:
        of: the activity that made the version.
        by: the activity of the retraining; none for a dry run.
        mode: a dry run verifies every input, and runs nothing.
        outcome: ``ready`` (a dry run that found all), ``bytes`` (equal), ``predictions``, ``metrics`` (within the
            tolerance), ``differs``, ``incomplete`` (something is missing), ``failed``.
        changed: what was not as the original had it, or was not verified to be: ``code``, ``command``, ``inputs``,
            ``environment``, ``seeds``, ``outputs`` (a result that was there before, or came from an input).
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
