"""What is adopted with versions: what is said about them now, what led to them, and the evidence of both."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from herdbook.kernel import digests
from herdbook.kernel.errors import CorruptError, InvalidError
from herdbook.model.activities import Activity
from herdbook.model.datasets import Dataset
from herdbook.model.dossiers import Dossier
from herdbook.model.journal import Event, VersionOp
from herdbook.model.statements import Evidence, Said, StatementEntry, Subject
from herdbook.model.versions import Version
from herdbook.ports.registry import Registry
from herdbook.service import bodies, needs
from herdbook.service.adopt_select import Choice
from herdbook.service.findings import Findings

TOGETHER = 500
LIMIT = 5000
"""Nodes of one lineage that are looked at; what is beyond is told."""
LEFT = frozenset({"resolves", "ext-schema", "moved"})
"""Kinds that belong to the journal in which they were said."""
OWN = frozenset({"withdrawal", "deprecation"})
"""Kinds that count only from the journal in which the model lives: others' do not begin to count by being adopted."""
RULE = "adopted"


@dataclass
class Gathered:
    """What one namespace of the target is to get, by digest of what it was there (profiles: by model).

    ``blobs`` are named by it: where from, and their size in bytes where that is known.

    ``evidence`` are bytes that stay as they were there, by digest: events and statements, each with its role.
    """

    said: dict[str, list[Said]] = field(default_factory=dict)
    profiles: dict[str, tuple[str, Said]] = field(default_factory=dict)
    records: dict[str, Version | Dataset | Activity] = field(default_factory=dict)
    blobs: dict[str, tuple[str, int | None]] = field(default_factory=dict)
    evidence: dict[str, tuple[str, bytes]] = field(default_factory=dict)


class Gathering:
    """Looks everything up at the source, for versions that go to one namespace."""

    def __init__(self, source: Registry, choices: Sequence[Choice], findings: Findings, *, depth: int) -> None:
        self._source = source
        self._choices = choices
        self._findings = findings
        self._depth = depth
        self._events: dict[tuple[str, int], tuple[bytes, Event, set[tuple[str, int, str]]]] = {}
        self._adopted = {digest: choice.record for choice in choices for digest in _records(choice)}
        self._models = {choice.entry.model: choice.model for choice in choices}
        self._files = {file.digest for choice in choices for file in choice.entry.version.files}
        self.found = Gathered()

    def all(self) -> Gathered:
        """Return what comes with the versions; one that was taken back there is left out of ``choices``."""
        journals = {head.namespace: head.journal for head in self._source.namespaces.list()}
        for choice in self._choices:
            dossier = self._source.versions.dossier(choice.origin)
            self._version(choice)
            self._origin(choice, journals[choice.namespace])
            for entry in dossier.statements:
                own = entry.namespace == choice.namespace or entry.statement.kind not in OWN
                if entry.about == "this" and own:
                    self._statement(entry, journals)
            if dossier.made_by and self._depth > 0:
                self._lineage(choice)
        return self.found

    def _version(self, choice: Choice) -> None:
        for file in choice.entry.version.files:
            if file.resolved:
                self.found.blobs[file.digest] = choice.namespace, file.size

    def _origin(self, choice: Choice, journal: str) -> None:
        """Say where it comes from: the event that entered it there, whose bytes are kept, and what it is called."""
        data, event = self._event(choice, journal)
        digest = digests.of(data)
        self.found.evidence[digest] = "event", data
        place = Evidence(how="extracted", where=f"{journal}:{event.seq}:{digest}", rule=RULE)
        subject = (Subject(record=choice.record),)
        source = f"herdbook:{journal}"
        origin = {"source": source, "commit": digest, "date": event.time, "author": event.principal.id}
        names = [choice.origin, *(f"{choice.entry.model}:{label}" for label in choice.entry.labels)]
        told: list[tuple[str, dict[str, object]]] = [("origin", dict(origin))]
        told += [("identity", {"id": {"scheme": "herdbook", "value": name}, "source": source}) for name in names]
        for kind, body in told:
            said = Said(type=f"herdbook/{kind}/1", subject=subject, body=body, evidence={"": place}, issued=event.time)
            self.found.said.setdefault(digest, []).append(said)

    def _event(self, choice: Choice, journal: str) -> tuple[bytes, Event]:
        """Return the event that entered a version, which must say so."""
        key = choice.namespace, choice.entry.seq
        if key not in self._events:
            lines = self._source.journal.lines(choice.namespace, after=choice.entry.seq - 1, limit=1)
            if not lines:
                raise _unsound(self._source, f"event {choice.entry.seq} of {choice.namespace!r} is not there")
            event = _read(self._source, lines[0])
            placed = {(op.model, op.ordinal, op.record) for op in event.ops if isinstance(op, VersionOp)}
            self._events[key] = lines[0], event, placed
        data, event, placed = self._events[key]
        entry = choice.entry
        said = (entry.model, entry.ordinal, entry.record) in placed
        if not said or event.journal != journal or event.seq != entry.seq:
            raise _unsound(self._source, f"event {entry.seq} of {choice.namespace!r} does not register {choice.origin}")
        return data, event

    def _statement(self, entry: StatementEntry, journals: Mapping[str, str]) -> None:
        """Say anew what is said there: the original stays, as it was, as evidence."""
        statement = entry.statement
        if statement.digest != entry.digest:
            raise _unsound(self._source, f"the statement {entry.digest} has other content")
        if statement.kind in LEFT or "registrations" in statement.body or entry.digest in self.found.said:
            return
        subjects = tuple(new for old in statement.subject if (new := self._subject(old)) is not None)
        if not subjects:
            return
        where = f"{entry.digest} in {journals.get(entry.namespace, entry.namespace)}:{entry.seq}"
        evidence = {**(statement.evidence or {}), "": Evidence(how="declared", where=where, rule=RULE)}
        said = Said(
            type=statement.type,
            subject=subjects,
            body=statement.body,
            unknown=statement.unknown,
            evidence=evidence,
            issued=statement.issued,
        )
        if statement.kind == "profile":
            self.found.profiles.setdefault(str(subjects[0].name), (entry.digest, said))
        else:
            self.found.said[entry.digest] = [said]
        self.found.evidence[entry.digest] = "statement", statement.canonical

    def _subject(self, old: Subject) -> Subject | None:
        if old.record is not None:
            record = self._adopted.get(old.record)
            return Subject(record=record) if record else None
        if old.file is not None:
            return old if old.file in self._files else None
        if old.name is not None and old.name in self._models:
            given = {"name": self._models[old.name], "labels": old.labels}
            return Subject.read({key: value for key, value in given.items() if value is not None})
        return None

    def _lineage(self, choice: Choice) -> None:
        """Take over what led to a version: activities, datasets, and the records of versions in between."""
        lineage = self._source.versions.trace(choice.record, direction="up", depth=2 * self._depth, limit=LIMIT)
        if lineage.cut:
            self._findings.note("lineage-cut", f"{lineage.cut} steps further back stay there", choice.origin)
        wanted = {node.id for node in lineage.nodes if node.kind in {"activity", "dataset"}}
        activities = [v for v in self._bodies(wanted, choice) if isinstance(v, Activity)]
        named = {part.record for each in activities for part in (*(each.inputs or ()), *(each.outputs or ()))}
        self._bodies({record for record in named if record} - self._adopted.keys(), choice)
        for activity in activities:
            lacking = {
                part.record
                for part in (*(activity.inputs or ()), *(activity.outputs or ()))
                if part.record and part.record not in self.found.records and part.record not in self._adopted
            }
            if lacking:
                del self.found.records[activity.digest]
                message = f"the {activity.kind} {activity.digest} names {min(lacking)}, which is not there"
                self._findings.warning("lineage-cut", message, choice.origin)

    def _bodies(self, wanted: Iterable[str], choice: Choice) -> list[Version | Dataset | Activity]:
        """Look records up, byte for byte; return those that can be read."""
        new = sorted(set(wanted) - self.found.records.keys())
        for start in range(0, len(new), TOGETHER):
            for digest, data in self._source.journal.bodies(new[start : start + TOGETHER]).items():
                self._record(digest, data, choice)
        return [self.found.records[digest] for digest in wanted if digest in self.found.records]

    def _record(self, digest: str, data: bytes, choice: Choice) -> None:
        try:
            body = needs.read_body(digest, data)
        except CorruptError as error:
            raise _unsound(self._source, error.message) from error
        value = bodies.of(body)
        if not isinstance(value, Version | Dataset | Activity):
            self._findings.warning("body-unknown", f"{digest} was written by a newer Herdbook", choice.origin)
            return
        self.found.records[digest] = value
        if not isinstance(value, Version):
            for sha256, size in needs.blobs_of(body).items():
                self.found.blobs.setdefault(sha256, (choice.namespace, size))


def taken_back(dossier: Dossier) -> bool:
    """Say whether a version was undone: withdrawn as a registration, not as a model."""
    name = f"{dossier.entry.model}@{dossier.entry.ordinal}"
    return any(name in body.get("registrations", ()) for body in dossier.said("withdrawal"))


def _records(choice: Choice) -> set[str]:
    return {choice.record, choice.entry.record, choice.entry.resolved_by or choice.record}


def _read(source: Registry, data: bytes) -> Event:
    try:
        return Event.read_json(data)
    except InvalidError as error:
        raise _unsound(source, f"an event cannot be read: {error.message}") from error


def _unsound(source: Registry, message: str) -> CorruptError:
    return CorruptError(
        f"what {source.url} gives is not sound: {message}",
        code="source-unsound",
        hint="Run `herdbook doctor` there; nothing was written here.",
    )
