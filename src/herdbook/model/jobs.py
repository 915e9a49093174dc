"""A job: one JSON in, one JSON out; the same for every engine, and without a registry where it runs."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from herdbook.model.activities import Code, Command, Environment, Metric, Seed
from herdbook.model.base import Int, Json, Sha256, Text, Time, Value
from herdbook.model.files import Path
from herdbook.model.identifiers import NonEmpty

Count = Annotated[Int, Field(ge=0)]


class JobInput(Value):
    """A file that must lie at ``path`` (below the job's work folder) before the command runs, with these bytes.

    ``source`` is a file beside the request (``inputs/…``) or an absolute path that the job's machine can read.
    """

    path: Path
    sha256: Sha256
    size: Count
    source: NonEmpty
    role: NonEmpty = "input"


class JobOutput(Value):
    """A file, or a folder with all below it, that the command makes; it must not be there before."""

    path: Path
    role: NonEmpty = "model"


class JobLimits(Value):
    """What a job may use: seconds of wall time, bytes of memory, processors, bytes of output."""

    wall_s: float = 24 * 3600.0
    memory_bytes: Count | None = None
    cpus: Annotated[Int, Field(ge=1)] | None = None
    gpus: Count | None = None
    output_bytes: Count = 64 * 2**30


class JobRequest(Value):
    """What is to be done. ``request.json`` lies in the job's folder, and so does everything that it names.

    The runner checks the code out of ``checkout`` (a git bundle, or a repository's absolute path) at ``code.commit``,
    applies ``diff`` (a file beside the request), writes untracked files, verifies inputs, makes or verifies the
    environment, runs the command in a clean folder, and verifies inputs and code once more.
    """

    schema_: Literal["herdbook/job/1"] = Field("herdbook/job/1", alias="schema")
    id: NonEmpty
    kind: Literal["retrain", "predict"] = "retrain"
    code: Code | None = None
    checkout: NonEmpty | None = None
    diff: NonEmpty | None = None
    untracked: tuple[JobInput, ...] = ()
    command: Command
    environment: Environment | None = None
    lock: NonEmpty | None = None
    python: NonEmpty | None = None
    inputs: tuple[JobInput, ...] = ()
    outputs: tuple[JobOutput, ...]
    variables: dict[Text, Text] = Field(default_factory=dict)
    limits: JobLimits = JobLimits()
    capture: bool = True
    """Whether the command runs under capture (`herdbook run`), so that metrics and seeds are there to be compared."""


class JobFile(Value):
    """A file that came out, relative to the job's folder ``outputs``."""

    path: Path
    sha256: Sha256
    size: Count


class JobResult(Value):
    """What came of it: ``result.json`` beside the request, written last and at once.

    ``verified`` lists what the runner itself checked, each ``code``, ``diff``, ``inputs``, ``inputs-after``,
    ``code-after``, ``environment``, ``outputs-fresh``: nothing that is not here was checked.
    """

    schema_: Literal["herdbook/job-result/1"] = Field("herdbook/job-result/1", alias="schema")
    id: NonEmpty
    status: Literal["finished", "failed", "refused", "killed"]
    exit: Int | None = None
    started: Time
    ended: Time
    verified: tuple[NonEmpty, ...] = ()
    problems: tuple[NonEmpty, ...] = ()
    environment: Environment | None = None
    outputs: tuple[JobFile, ...] = ()
    metrics: tuple[Metric, ...] = ()
    seeds: tuple[Seed, ...] = ()
    capture: NonEmpty | None = None
    """The folder beside the request with what the capture shim saw (``seen/*.ndjson``), when it saw anything."""
    hardware: Json | None = None
    usage: Json | None = None
    log: NonEmpty | None = None
