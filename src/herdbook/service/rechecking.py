"""Looking again whether places still have what records name, and which levels fall because they do not.

Made for cron: what was asked lately is left alone, each answer is written before the next place is asked, and a place
that cannot be reached changes nothing. So it may be killed at any time, and run again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal

from herdbook.kernel import times
from herdbook.kernel.errors import HerdbookError, InvalidError
from herdbook.kernel.names import namespace_of
from herdbook.model.places import Location, Standing
from herdbook.model.rechecks import Dropped, Looked, RecheckReport
from herdbook.model.statements import Said, Subject
from herdbook.ports.places import Places
from herdbook.ports.registry import Registry
from herdbook.service.auditing import Auditor
from herdbook.service.auditing_evidence import Evidence, Look, asked

TYPE = "herdbook/location/1"
LACKING = 100
What = Literal["dataset", "code", "container", "version"]


@dataclass(frozen=True)
class Target:
    """A place to ask: what it should have, and what was said of it last."""

    uri: str
    subject: str
    of: What
    namespace: str
    look: Look | None = None


@dataclass
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
        limit: ask at most so many places.
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
    _answers: dict[str, Standing | None] = field(default_factory=dict)

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
            looked = self._look(target)
            if looked is not None:
                changed |= {looked.subject} if looked.wrote else set()
                yield looked
        self._fallen(stood, changed)

    def _count(self, **more: int) -> None:
        self.report = self.report.model_copy(
            update={name: getattr(self.report, name) + count for name, count in more.items()}
        )

    def _look(self, target: Target) -> Looked | None:
        now = times.read(self.clock()).replace(tzinfo=UTC)
        known = target.look.location if target.look else None
        if known is not None and known.state != "unknown" and asked(known, now) < self.settings.older_than:
            self._count(fresh=1)
            return None
        if self.settings.limit is not None and self.report.asked >= self.settings.limit:
            self._count(left=1)
            return None
        standing = self._ask(target.uri)
        if standing is None:
            self._count(unserved=1)
            return None
        if standing.state == "unknown":
            self._count(unreachable=1)
        looked = _looked(target, standing, times.write(now))
        wrote = self._write(target, standing, now) if standing.state != "unknown" else None
        looked = looked.model_copy(update={"wrote": wrote})
        if looked.lost:
            self.report = self.report.model_copy(update={"lost": (*self.report.lost, looked)})
        return looked

    def _ask(self, uri: str) -> Standing | None:
        """Return what a place answers, asked once a run; ``None`` when nothing here serves such places."""
        if uri in self._answers:
            return self._answers[uri]
        try:
            place = self.places(uri)
        except (HerdbookError, InvalidError):
            self._answers[uri] = None
            return None
        if self.settings.rate > 0 and self.report.asked:
            self.sleep(1.0 / self.settings.rate)
        self._count(asked=1)
        try:
            self._answers[uri] = place.look(uri)
        except HerdbookError as error:
            self._answers[uri] = Standing(state="unknown", detail=error.message)
        return self._answers[uri]

    def _write(self, target: Target, standing: Standing, now: datetime) -> str:
        location = Location(
            uri=target.uri,
            state=standing.state,
            asked=times.write(now),
            detail=standing.detail or None,
            closed=standing.closed,
            files=standing.files,
            size_bytes=standing.size_bytes,
            checked=standing.checked if standing.state == "exists" else None,
        )
        mine = target.look is not None and target.look.issuer == self.registry.principal.id
        said = Said(
            type=TYPE,
            subject=(Subject(record=target.subject),),
            body=_kept(location, target.look).json_object(),
            supersedes=(target.look.statement,) if target.look and mine else None,
        )
        entry = self.registry.statements.add(self.settings.namespace or target.namespace, [said])[0]
        self._count(written=1)
        return entry.digest

    def _fallen(self, stood: Iterable[Stood], changed: set[str]) -> None:
        """Audit again what rests on something that changed."""
        auditor = Auditor(self.registry, clock=self.clock)
        dropped = []
        for each in stood:
            if not each.subjects & changed:
                continue
            audited = auditor.audit(each.reference)
            if audited.audit.level < each.level:
                dropped.append(
                    Dropped(
                        reference=each.reference,
                        record=each.record,
                        before=each.level,
                        after=audited.audit.level,
                        why=audited.audit.held_back,
                    )
                )
        self.report = self.report.model_copy(update={"dropped": tuple(dropped)})


def _kept(location: Location, look: Look | None) -> Location:
    """Keep that an earlier look went further, as long as the place says the same of the whole."""
    before = look.location if look else None
    if before is None or before.state != location.state or before.checked != "checksum":
        return location
    same = (before.files, before.size_bytes) == (location.files, location.size_bytes)
    return location.model_copy(update={"checked": "checksum"}) if same and location.files is not None else location


def _looked(target: Target, standing: Standing, at: str) -> Looked:
    before = target.look.location if target.look else None
    was = before.state if before else "unknown"
    fewer = (
        before is not None
        and standing.state == was == "exists"
        and None not in (before.files, standing.files)
        and (standing.files or 0) < (before.files or 0)
    )
    return Looked(
        uri=target.uri,
        subject=target.subject,
        of=target.of,
        before=was,
        after=standing.state,
        asked=at,
        detail=standing.detail,
        lost=(was == "exists" and standing.state == "gone") or fewer,
    )


def targets_of(evidence: Evidence) -> Iterator[Target]:
    """Yield the places that a version rests on: those that statements name, and those that follow from records."""
    entry = evidence.dossier.entry
    namespace = namespace_of(entry.model)
    for look in evidence.looks:
        yield Target(look.location.uri, entry.record, "version", namespace, look)
    for data in evidence.datasets:
        known = {look.location.uri for look in data.looks}
        for look in data.looks:
            yield Target(look.location.uri, data.record, "dataset", namespace, look)
        name = data.dataset.id
        if name is not None and name.scheme == "rucio" and (uri := f"rucio:{name.value}") not in known:
            yield Target(uri, data.record, "dataset", namespace)
    yield from _of_training(evidence, namespace)


def _of_training(evidence: Evidence, namespace: str) -> Iterator[Target]:
    if evidence.training is None:
        return
    record, activity = evidence.training.record, evidence.training.activity
    known = {look.location.uri for look in evidence.code_looks}
    for look in evidence.code_looks:
        what: What = "code" if look.location.uri.startswith("git+") else "container"
        yield Target(look.location.uri, record, what, namespace, look)
    code = activity.code
    if code and code.commit and code.repository and "://" in code.repository:
        uri = f"git+{code.repository.removeprefix('git+')}@{code.commit}"
        if uri not in known:
            yield Target(uri, record, "code", namespace)
    container = (activity.environment.container if activity.environment else None) or {}
    image, digest = container.get("image"), container.get("digest")
    if image and digest and (uri := f"docker://{str(image).partition('@')[0]}@{digest}") not in known:
        yield Target(uri, record, "container", namespace)
