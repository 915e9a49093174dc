"""What is captured of a training while it runs: a folder of the spool, told by ``run.json`` and the lines beside it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from herdbook.model.activities import Code, Command, Derivation, Environment, Kind, Metric, Parameter, Seed
from herdbook.model.base import Bool, Int, Json, Text, Time, Value
from herdbook.model.identifiers import Identifier, NonEmpty


class CapturedFile(Value):
    """A file that was opened or made: its absolute path as it was, and how it looked then.

    ``sha256`` is taken in the background or at ``push``; ``mtime_ns`` tells whether the file changed since. ``kept`` is
    the name of a copy in the spool's ``files/``. ``via`` says how the opening was noticed.
    """

    path: Text
    role: NonEmpty
    size: Annotated[Int, Field(ge=0)] | None = None
    mtime_ns: Int | None = None
    sha256: Text | None = None
    kept: NonEmpty | None = None
    via: NonEmpty | None = None
    confirmed: Bool = False
    changed: Bool = False


class Capture(Value):
    """``run.json`` of the spool: all that is known of one run.

    ``status`` ``running`` with nobody at the folder's lock is a crash.

    ``target`` is the reference to register under (``ns/model:label``), ``namespace`` where the activity is written.
    """

    schema_: Literal["herdbook/capture/1"] = Field("herdbook/capture/1", alias="schema")
    id: NonEmpty
    kind: Kind = "training"
    namespace: NonEmpty | None = None
    target: NonEmpty | None = None
    registry: NonEmpty | None = None
    status: Literal["running", "finished", "failed"] = "running"
    exit: Int | None = None
    started: Time
    ended: Time | None = None
    code: Code | None = None
    command: Command | None = None
    environment: Environment | None = None
    hardware: Json | None = None
    usage: Json | None = None
    determinism: Json | None = None
    search: Json | None = None
    derivation: Derivation | None = None
    parents: tuple[NonEmpty, ...] = ()
    datasets: tuple[NonEmpty, ...] = ()
    inputs: tuple[CapturedFile, ...] = ()
    outputs: tuple[CapturedFile, ...] = ()
    files: dict[Text, Text] = Field(default_factory=dict)
    """What is in ``files/``: name by role, as ``diff``, ``lock``, ``history``."""
    parameters: tuple[Parameter, ...] = ()
    seeds: tuple[Seed, ...] = ()
    metrics: tuple[Metric, ...] = ()
    ids: tuple[Identifier, ...] = ()
    problems: tuple[NonEmpty, ...] = ()
    ext: Json | None = None
