"""What is captured of a training while it runs: a folder of the spool, told by ``run.json`` and the lines beside it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from herdbook.model.activities import Code, Command, Derivation, Environment, Kind, Metric, Parameter, Part, Seed
from herdbook.model.base import Bool, Int, Json, Sha256, Text, Time, Value
from herdbook.model.identifiers import Identifier, NonEmpty
from herdbook.model.places import Location


class CapturedFile(Value):
    """A file that was opened or made: its absolute path as it was, and how it looked then.

    ``sha256`` is taken in the background or at ``push``; ``mtime_ns`` and ``ctime_ns`` tell whether the file changed
    since. ``kept`` is the name of a copy in the spool's ``files/``. ``via`` says how the opening was noticed. What the
    author named is ``confirmed``; what was only seen is not, until the author says so. ``changed`` says that the bytes
    at the end were not those of the first look.
    """

    path: Text
    role: NonEmpty
    size: Annotated[Int, Field(ge=0)] | None = None
    mtime_ns: Int | None = None
    ctime_ns: Int | None = None
    sha256: Text | None = None
    kept: NonEmpty | None = None
    via: NonEmpty | None = None
    confirmed: Bool = False
    changed: Bool = False


class Capture(Value):
    """``run.json`` of the spool: all that is known of one run.

    ``status`` ``running`` with nobody at the folder's lock is a crash.

    ``target`` is the reference to register under (``ns/model:label``), ``namespace`` where the activity is written.
    ``root`` is the absolute folder that paths are told from: the top of the git repository, else where the command ran.
    ``upload`` says when the diff and untracked files may leave the machine: always, when a scanner finds no secret in
    them (``clean``), never.
    """

    schema_: Literal["herdbook/capture/1"] = Field("herdbook/capture/1", alias="schema")
    id: NonEmpty
    kind: Kind = "training"
    namespace: NonEmpty | None = None
    target: NonEmpty | None = None
    registry: NonEmpty | None = None
    status: Literal["running", "finished", "failed", "unknown"] = "running"
    exit: Int | None = None
    started: Time | None = None
    ended: Time | None = None
    root: Text | None = None
    upload: Literal["always", "clean", "never"] = "clean"
    code: Code | None = None
    location: Location | None = None
    command: Command | None = None
    environment: Environment | None = None
    hardware: Json | None = None
    usage: Json | None = None
    determinism: Json | None = None
    search: Json | None = None
    workflow: Json | None = None
    derivation: Derivation | None = None
    parents: tuple[NonEmpty, ...] = ()
    datasets: tuple[NonEmpty, ...] = ()
    inputs: tuple[CapturedFile, ...] = ()
    outputs: tuple[CapturedFile, ...] = ()
    told_inputs: tuple[Part, ...] = ()
    told_outputs: tuple[Part, ...] = ()
    """What went in and came out as records name it: what was told afterwards, of what is registered already."""
    files: dict[Text, Text] = Field(default_factory=dict)
    """What is in ``files/``: name by role, as ``diff``, ``lock``, ``history``."""
    parameters: tuple[Parameter, ...] = ()
    seeds: tuple[Seed, ...] = ()
    metrics: tuple[Metric, ...] = ()
    ids: tuple[Identifier, ...] = ()
    problems: tuple[NonEmpty, ...] = ()
    ext: Json | None = None


class Pushed(Value):
    """What became of a run: its activity and, where the model was registered, its version.

    ``unconfirmed`` counts inputs that were only seen, ``problems`` are what stands in the way of doing it again.
    """

    run: Text
    registry: Text
    namespace: Text
    activity: Sha256
    status: Text
    reference: Text | None = None
    record: Sha256 | None = None
    outcome: Text | None = None
    inputs: Annotated[Int, Field(ge=0)] = 0
    unconfirmed: Annotated[Int, Field(ge=0)] = 0
    problems: tuple[Text, ...] = ()

    def __repr__(self) -> str:
        return f"<pushed {self.run[:12]} as {self.reference or self.activity[:19]}>"


class RunEntry(Value):
    """A captured run in brief; ``unconfirmed`` counts inputs that were only seen, ``exit`` is the command's status.

    ``start_s`` and ``end_s`` are the seconds that capture itself took before and after the command.
    """

    id: Text
    folder: Text
    kind: Text
    status: Literal["running", "finished", "failed", "unreadable"]
    started: Text = ""
    ended: Text | None = None
    exit: Int | None = None
    argv: tuple[Text, ...] = ()
    target: Text | None = None
    namespace: Text | None = None
    inputs: Int = 0
    unconfirmed: Int = 0
    outputs: Int = 0
    metrics: Int = 0
    problems: tuple[Text, ...] = ()
    pushed: Pushed | None = None
    start_s: float | None = None
    end_s: float | None = None
