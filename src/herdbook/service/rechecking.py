"""Looking again whether places still have what records name, and which levels fall because they do not.

Made for cron: what was asked lately is left alone, each answer is written before the next place is asked, and a place
that cannot be reached changes nothing. So it may be killed at any time, and run again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, timedelta
from typing import Literal

from herdbook.kernel import times
from herdbook.kernel.errors import HerdbookError
from herdbook.kernel.names import namespace_of
from herdbook.model.places import Location
from herdbook.model.rechecks import Dropped, Looked, RecheckReport
from herdbook.ports.places import Places
from herdbook.ports.registry import Registry
from herdbook.service import placing, resolving
from herdbook.service.auditing import Auditor
from herdbook.service.auditing_evidence import Evidence, Look, asked

What = Literal["dataset", "code", "container", "version"]


@dataclass(frozen=True)
class Target:
    """What is to be asked about: a dataset with all its places, or one place of code, a container or a version."""

    subject: str
    of: What
    namespace: str
    uri: str = ""
    looks: tuple[Look, ...] = ()

    def known(self, uri: str) -> Location | None:
        """Return what was said last of one of its places."""
        return next((look.location for look in self.looks if look.location.uri == uri), None)


@dataclass(frozen=True)
class Stood:
    """A version as it stood before: its level, and what it rests on."""

    reference: str
    record: str
    level: int
    subjects: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Settings:
    """How to look again.

    Attributes:
        older_than: leave alone what was asked within this time.
        limit: ask at most so many places; the places of one dataset are asked together.
        rate: ask at most so many a second; 0 for as many as there are.
        namespace: in whose journal to say what was found; empty for the model's own.
    """

    older_than: timedelta = timedelta(days=30)
    limit: int | None = None
    rate: float = 0.0
    namespace: str = ""


@dataclass
class Rechecker:
    """Asks the places of versions again; ``report`` grows while it does.

    Args:
        registry: where the versions are, and what was found is said.
        places: what asks them.
        settings: how.
        clock: gives the time, as records write it.
        sleep: waits so many seconds.
    """

    registry: Registry
    places: Places
    settings: Settings = field(default_factory=Settings)
    clock: Callable[[], str] = times.now
    sleep: Callable[[float], None] = time.sleep
    report: RecheckReport = field(default_factory=RecheckReport)
    _answers: dict[str, Location | None] = field(default_factory=dict)

    def run(self, references: Iterable[str]) -> Iterator[Looked]:
        """Ask, write, and yield each answer; afterwards ``report`` says which levels fell.

        Levels are taken before anything is written, so that versions that share a dataset all show as fallen.
        """
        auditor = Auditor(self.registry, clock=self.clock)
        stood: list[Stood] = []
        targets: dict[tuple[str, str], Target] = {}
        for reference in references:
            evidence = auditor.evidence(reference)
            audited = auditor.score(evidence)
            mine = {(each.subject, each.uri): each for each in targets_of(evidence)}
            targets |= mine
            subjects = frozenset(subject for subject, _ in mine)
            stood.append(Stood(audited.reference, audited.record, audited.audit.level, subjects))
        self._count(versions=len(stood))
        changed: set[str] = set()
        for target in targets.values():
            for looked in self._look(target):
                changed |= {looked.subject} if looked.wrote else set()
                yield looked
        self._fallen(stood, changed)

    def _count(self, **more: int) -> None:
        update = {name: getattr(self.report, name) + count for name, count in more.items()}
        self.report = self.report.model_copy(update=update)

    def _look(self, target: Target) -> Iterator[Looked]:
        if self._fresh(target):
            self._count(fresh=1)
        elif self.settings.limit is not None and self.report.asked >= self.settings.limit:
            self._count(left=1)
        else:
            yield from self._dataset(target) if target.of == "dataset" else self._place(target)

    def _fresh(self, target: Target) -> bool:
        now = times.read(self.clock()).replace(tzinfo=UTC)
        told = [look.location for look in target.looks if target.uri in {"", look.location.uri}]
        known = [each for each in told if each.state != "unknown"]
        return bool(known) and all(asked(each, now) < self.settings.older_than for each in known)

    def _wait(self) -> None:
        if self.settings.rate > 0 and self.report.asked:
            self.sleep(1.0 / self.settings.rate)
        self._count(asked=1)

    def _dataset(self, target: Target) -> Iterator[Looked]:
        """Ask all places of a dataset, its files held against its manifest where they can be listed."""
        namespace = self.settings.namespace or target.namespace
        self._wait()
        answers = resolving.recheck(self.registry, self.places, target.subject, namespace, self.clock)
        try:
            for number, answer in enumerate(answers):
                if number:
                    self._wait()
                yield self._told(target, answer.location, answer.said)
        except HerdbookError as error:
            last = Location(uri=target.uri or target.subject, state="unknown", asked=self.clock(), detail=error.message)
            yield self._told(target, last, None)

    def _place(self, target: Target) -> Iterator[Looked]:
        """Ask one place, once a run whatever it is asked for."""
        if target.uri not in self._answers:
            try:
                self.places(target.uri)
                self._wait()
                self._answers[target.uri] = placing.look(self.places, target.uri, self.clock)
            except HerdbookError:
                self._answers[target.uri] = None
        found = self._answers[target.uri]
        if found is None:
            self._count(unserved=1)
            return
        said = placing.say(self.registry, self.settings.namespace or target.namespace, target.subject, found)
        yield self._told(target, found, said.digest if said else None)

    def _told(self, target: Target, found: Location, wrote: str | None) -> Looked:
        before = target.known(found.uri)
        was = before.state if before else "unknown"
        fewer = found.state == "exists" and len(found.lacking or ()) > len((before and before.lacking) or ())
        looked = Looked(
            uri=found.uri,
            subject=target.subject,
            of=target.of,
            before=was,
            after=found.state,
            asked=found.asked or self.clock(),
            detail=found.detail or "",
            lost=(was == "exists" and found.state == "gone") or fewer,
            wrote=wrote,
        )
        self._count(written=int(wrote is not None), unreachable=int(found.state == "unknown"))
        if looked.lost:
            self.report = self.report.model_copy(update={"lost": (*self.report.lost, looked)})
        return looked

    def _fallen(self, stood: Iterable[Stood], changed: set[str]) -> None:
        """Audit again what rests on something that changed."""
        auditor = Auditor(self.registry, clock=self.clock)
        dropped = []
        for each in stood:
            if not each.subjects & changed:
                continue
            audit = auditor.audit(each.reference).audit
            if audit.level < each.level:
                told = {"reference": each.reference, "record": each.record, "before": each.level}
                dropped.append(Dropped.read({**told, "after": audit.level, "why": audit.held_back}))
        self.report = self.report.model_copy(update={"dropped": tuple(dropped)})


def targets_of(evidence: Evidence) -> Iterator[Target]:
    """Yield what a version rests on: what statements name, and what follows from records."""
    entry = evidence.dossier.entry
    namespace = namespace_of(entry.model)
    yield from _each(entry.record, "version", namespace, evidence.looks)
    for data in evidence.datasets:
        named = placing.uri_of(data.dataset.id) if data.dataset.id else None
        if data.looks or named:
            yield Target(data.record, "dataset", namespace, looks=data.looks)
    if evidence.training is None:
        return
    record, activity = evidence.training.record, evidence.training.activity
    code = [look for look in evidence.code_looks if look.location.uri.startswith("git+")]
    yield from _each(record, "code", namespace, code)
    yield from _each(record, "container", namespace, [look for look in evidence.code_looks if look not in code])
    known = {look.location.uri for look in evidence.code_looks}
    if activity.code and (commit := placing.code_uri(activity.code)) and commit not in known:
        yield Target(record, "code", namespace, commit)
    container = (activity.environment.container if activity.environment else None) or {}
    image, digest = container.get("image"), container.get("digest")
    if image and digest and (uri := f"docker://{str(image).partition('@')[0]}@{digest}") not in known:
        yield Target(record, "container", namespace, uri)


def _each(subject: str, of: What, namespace: str, looks: Sequence[Look]) -> Iterator[Target]:
    for look in looks:
        yield Target(subject, of, namespace, look.location.uri, (look,))
