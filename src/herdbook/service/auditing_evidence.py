"""Evidence: all that an audit looks at for one version, as values; gathered by `auditing_gathering`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from herdbook.kernel import times
from herdbook.model.activities import Activity, ActivityEntry, Part
from herdbook.model.audits import Ran
from herdbook.model.base import Json
from herdbook.model.datasets import Dataset
from herdbook.model.dossiers import Dossier
from herdbook.model.places import Location
from herdbook.model.registrations import FileCheck
from herdbook.model.statements import StatementEntry
from herdbook.service.retraining.origin import NOT_INPUTS

VALID = timedelta(days=90)
"""For so long a look at a place counts."""
_NOT_DATA = NOT_INPUTS | {"config", "parent", "teacher", "search", "code", "environment"}


@dataclass(frozen=True, slots=True)
class Look:
    """A current location statement about something."""

    location: Location
    statement: str
    subject: str
    issuer: str

    def fresh(self, now: datetime) -> bool:
        """Whether it says that something exists, and was asked for not longer ago than counts."""
        return self.location.state == "exists" and asked(self.location, now) <= VALID


def asked(location: Location, now: datetime) -> timedelta:
    """Return how long ago a place was asked; one that says no time, or one to come, was never asked."""
    if location.asked is None or (moment := times.read(location.asked)) > now + timedelta(days=1):
        return timedelta.max
    return now - moment


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a manifest holds: files, how many of them have a checksum, and these, unless there are too many."""

    files: int
    summed: int
    sums: frozenset[str] | None
    """The strongest of each file, ``sha256:…``, ``md5:…`` or ``adler32:…``."""


@dataclass(frozen=True, slots=True)
class Data:
    """A dataset with what is said of it; ``origin`` counts activities behind it, ``sources`` datasets before it."""

    record: str
    dataset: Dataset
    said: tuple[StatementEntry, ...] = ()
    looks: tuple[Look, ...] = ()
    manifest: Manifest | None = None
    origin: int = 0
    sources: tuple[str, ...] = ()
    source_looks: tuple[Look, ...] = ()

    def bodies(self, kind: str) -> list[Json]:
        """Return the bodies of what is said of it, of one kind."""
        return [entry.statement.body for entry in self.said if entry.statement.kind == kind]

    @property
    def hep(self) -> Json:
        """What descriptions say of it in ``ext.hep``; of a field that is told twice, the newest."""
        found: Json = {}
        for body in self.bodies("description"):
            found |= (body.get("ext") or {}).get("hep") or {}
        return found


@dataclass(frozen=True, slots=True)
class Input:
    """An input of the training: a dataset, a version (a parent), or what the part alone says."""

    part: Part
    data: Data | None = None
    version: bool = False

    @property
    def title(self) -> str:
        """What to call it in a sentence."""
        if self.data is not None:
            return self.data.dataset.title
        named = self.part.id or self.part.selector
        if named is not None:
            return f"{named.scheme}:{named.value}"
        return self.part.path or str(self.part.file or self.part.blob or self.part.record)[:19]


@dataclass(frozen=True, slots=True)
class Parent:
    """A version that went into the training; without ``level`` it is not here, or nobody knows which it is."""

    title: str
    reference: str = ""
    level: int | None = None


@dataclass(frozen=True, slots=True)
class Rerun:
    """A retraining that somebody tells of, and what its activities bear out.

    ``faults`` say why it counts for nothing, ``unequal`` what was not as the original had it. ``equal`` says that the
    same bytes came out, ``within`` that its metrics lie within the tolerance, and ``why`` what of them does not.
    """

    entry: StatementEntry
    by: ActivityEntry | None = None
    faults: tuple[str, ...] = ()
    unequal: tuple[str, ...] = ()
    equal: bool = False
    within: bool = False
    why: str = ""

    @property
    def same(self) -> bool:
        """Whether it was the same training with the same result, bit for bit."""
        return not self.faults and not self.unequal and self.equal


def _nothing(_sha256: str) -> bytes | None:
    return None


@dataclass(frozen=True)
class Evidence:
    """A version with all that an audit looks at."""

    dossier: Dossier
    now: datetime
    training: ActivityEntry | None = None
    hops: tuple[ActivityEntry, ...] = ()
    """Conversions between the training and the version."""
    inputs: tuple[Input, ...] = ()
    parents: tuple[Parent, ...] = ()
    code_looks: tuple[Look, ...] = ()
    looks: tuple[Look, ...] = ()
    """Where the version itself is said to lie."""
    searches: tuple[ActivityEntry, ...] = ()
    dry_runs: tuple[StatementEntry, ...] = ()
    reruns: tuple[Rerun, ...] = ()
    moves: int | None = None
    """How many times its first label was set; without one it has none."""
    named: bool | None = None
    """Whether the event that entered it names it still; without an answer nobody looked."""
    verified: tuple[FileCheck, ...] | None = None
    """What reading its files again showed; without an answer nobody did."""
    asked: frozenset[str] = frozenset()
    """Files of the training of which it was asked whether their bytes are here; ``kept`` are those that are."""
    kept: frozenset[str] = frozenset()
    evaluated: Mapping[str, Data] = field(default_factory=dict)
    """The datasets of its evaluations, by record."""
    read: Callable[[str], bytes | None] = _nothing
    """Gives a small file that is kept."""

    @property
    def activity(self) -> Activity | None:
        """The record of the training."""
        return self.training.activity if self.training else None

    @property
    def at(self) -> str:
        """The time of this audit."""
        return times.write(self.now)

    def ran(self, check: str, on: str, at: str | None = None) -> Ran:
        """Return the note that a check ran, now or when it did."""
        return Ran(check=check, at=at or self.at, on=on)

    def bodies(self, kind: str) -> list[Json]:
        """Return the bodies of what is said of the version, of one kind."""
        return self.dossier.said(kind)

    def told(self, field_: str, kind: str = "description") -> Any:  # noqa: ANN401 - any JSON
        """Return the newest value of a field that is not empty, or ``None``."""
        return next((body[field_] for body in reversed(self.bodies(kind)) if body.get(field_)), None)

    def section(self, *names: str) -> str:
        """Return the name of the first of these sections that the model's card has, or nothing."""
        cards = [body for body in self.bodies("card") if body.get("kind") == "model-card"]
        return next((name for name in names for body in cards if name in (body.get("sections") or {})), "")

    @property
    def data(self) -> list[Input]:
        """The inputs that are data: all but versions, configurations and what lies beside."""
        return [each for each in self.inputs if not each.version and each.part.role not in _NOT_DATA]

    @property
    def datasets(self) -> list[Data]:
        """The datasets among the inputs, each once."""
        return list({each.data.record: each.data for each in self.inputs if each.data}.values())

    def gone_since(self, moment: str = "") -> list[str]:
        """Return sentences about data and code that are nowhere whole any more, as was found out after a moment."""
        found = [
            f"{data.dataset.title} {when}"
            for data in self.datasets
            if (when := _gone(data.looks, moment)) and not self._held(data)
        ]
        if (when := _gone(self.code_looks, moment)) and not self.bundled:
            found.append(f"the commit {self.commit[:12]} {when}")
        return found

    def _held(self, data: Data) -> bool:
        sums = data.manifest.sums if data.manifest else None
        return bool(sums) and set(sums or ()) <= self.kept

    @property
    def commit(self) -> str:
        """The commit of the training's code, or nothing."""
        return (self.activity.code.commit if self.activity and self.activity.code else None) or ""

    @property
    def bundled(self) -> str:
        """The bundle that holds the training's code, when this registry keeps it."""
        parts = (self.activity.inputs or ()) if self.activity else ()
        blobs = [part.blob for part in parts if part.role == "code-bundle" and part.blob]
        return next((blob for blob in blobs if blob in self.kept), "")


def _gone(looks: Iterable[Look], moment: str) -> str:
    """Say since when nobody has all of it: who was asked says so, the last of them after a moment; else nothing."""
    told = [look.location for look in looks if look.location.state != "unknown"]
    if not told or any(location.state == "exists" and not location.lacking for location in told):
        return ""
    last = max((location.asked or "" for location in told), default="")
    if not last or (moment and times.read(last) < times.read(moment)):
        return ""
    lacking = next((location.lacking for location in told if location.state == "exists" and location.lacking), ())
    return f"lacks {len(lacking)} files, as {lacking[0]}, since {last}" if lacking else f"is gone since {last}"
