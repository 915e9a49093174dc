"""Adoption: versions of another registry are registered anew here, with the same digests and new ordinals.

Everything is looked up and all conflicts are told before anything is written; bytes come next, under leases; then one
batch for each namespace. What is here already is not written again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from herdbook.kernel.errors import ConflictError, InvalidError
from herdbook.kernel.names import namespace_of
from herdbook.model.activities import Activity, Part
from herdbook.model.datasets import Dataset
from herdbook.model.imports import Delivery
from herdbook.model.mirrors import Adopted, AdoptReport
from herdbook.model.registrations import Registration
from herdbook.model.statements import Said
from herdbook.model.versions import Version
from herdbook.ports.admin import Step
from herdbook.ports.registry import Registry
from herdbook.service import adopt_bytes, adopt_here, adopt_select
from herdbook.service.adopt_gather import Gathered, Gathering, taken_back
from herdbook.service.adopt_select import Choice, Wish
from herdbook.service.findings import Findings

DEPTH = 50
"""How many activities back lineage is taken over."""
EVIDENCE = 5000
"""Inputs of one activity that holds evidence; more go to a next one."""


@dataclass
class _Part:
    """What goes to one namespace of the target: only what is new there."""

    namespace: str
    choices: list[Choice]
    found: Gathered
    said: dict[str, list[Said]] = field(default_factory=dict)
    profiles: dict[str, tuple[str, Said]] = field(default_factory=dict)
    records: list[Version | Dataset | Activity] = field(default_factory=list)
    blobs: dict[str, tuple[str, int | None]] = field(default_factory=dict)

    @property
    def new(self) -> list[Choice]:
        """Versions that are not there, or lack a label."""
        return [choice for choice in self.choices if choice.here is None or choice.new_labels]

    @property
    def anything(self) -> bool:
        """Whether there is something to write."""
        return bool(self.new or self.said or self.records)


def adopt(
    source: Registry,
    target: Registry,
    wish: Wish,
    *,
    depth: int = DEPTH,
    dry_run: bool = False,
    step: Step | None = None,
) -> AdoptReport:
    """Adopt versions, or with ``dry_run`` say what would come.

    Args:
        source: where they are.
        target: where they are to be registered; may be a server, as the source may.
        wish: which, and under which names.
        depth: how many activities back lineage is taken over; 0: none.
        dry_run: whether nothing is to be written.
        step: told of progress.

    Raises:
        ConflictError: ``adopt-conflict`` with all conflicts; nothing was written.
        MissingError: when the source has no such version.
        CorruptError: ``source-unsound`` when what the source gives is not as its digest says; nothing was written.
    """
    if source.url == target.url:
        raise InvalidError(f"{source.url} cannot adopt from itself", code="same-registry", hint="Name two registries.")
    findings = Findings()
    choices = _not_taken_back(source, adopt_select.choose(source, wish), findings)
    there = adopt_select.compare(target, choices)
    if there.conflicts and not dry_run:
        raise _conflict(there.conflicts)
    parts = []
    for number, namespace in enumerate(namespaces := sorted({namespace_of(choice.model) for choice in choices}), 1):
        own = [choice for choice in choices if namespace_of(choice.model) == namespace]
        parts.append(_part(source, target, namespace, own, findings, depth))
        if step:
            step("looking it up", number, len(namespaces))
    work = _Adoption(source, target, findings, step)
    if not dry_run:
        for part in parts:
            work.write(part)
    return work.report(parts, there.conflicts, dry_run=dry_run)


def _not_taken_back(source: Registry, choices: list[Choice], findings: Findings) -> list[Choice]:
    """Leave out registrations that were undone there."""
    kept = []
    for choice in choices:
        if choice.entry.withdrawn and taken_back(source.versions.dossier(choice.origin)):
            findings.warning("undone", "its registration was taken back there: it is not adopted", choice.origin)
        else:
            kept.append(choice)
    return kept


def _conflict(conflicts: Sequence[str]) -> ConflictError:
    shown = "; ".join(conflicts[:5]) + (f"; and {len(conflicts) - 5} more" if len(conflicts) > 5 else "")
    return ConflictError(
        f"{shown}: nothing was adopted",
        code="adopt-conflict",
        hint="Adopt under another name (--as), into another namespace (--into), or with another label (--label).",
        conflicts=list(conflicts),
    )


def _part(
    source: Registry, target: Registry, namespace: str, choices: list[Choice], findings: Findings, depth: int
) -> _Part:
    found = Gathering(source, choices, findings, depth=depth).all()
    part = _Part(namespace, choices, found)
    here = adopt_here.look(target, namespace, found, {choice.model for choice in choices})
    part.said = {key: new for key, told in found.said.items() if (new := [s for s in told if not here.says(s)])}
    part.profiles = {model: told for model, told in found.profiles.items() if model not in here.profiled}
    part.records = [value for digest, value in found.records.items() if digest not in here.records]
    files = {file.digest for choice in part.new for file in choice.entry.version.files}
    files |= {blob for value in part.records if not isinstance(value, Version) for blob in _blobs(value)}
    wanted = {sha256: place for sha256, place in found.blobs.items() if sha256 in files}
    named = target.files.find(namespace, list(wanted)) if wanted else {}
    part.blobs = {sha256: place for sha256, place in wanted.items() if sha256 not in named}
    return part


def _blobs(value: Dataset | Activity) -> list[str]:
    return value.blobs() if isinstance(value, Activity) else [value.manifest] if value.manifest else []


class _Adoption:
    """One adoption at work."""

    def __init__(self, source: Registry, target: Registry, findings: Findings, step: Step | None) -> None:
        self._source = source
        self._target = target
        self._findings = findings
        self._step = step
        self._batches: list[str] = []
        self._bytes = 0
        self._absent: dict[str, str] = {}

    def write(self, part: _Part) -> None:
        """Bring bytes, then write one batch; then let bytes resolve what is named by weaker digests."""
        if part.anything:
            self._bring(part)
            delivery = self._delivery(part, self._evidence(part))
            entry = self._target.imports.record(part.namespace, delivery)
            if entry.batch:
                self._batches.append(entry.batch)
        if arrived := list(self._arrived(part)):
            self._target.files.supply(arrived)

    def _bring(self, part: _Part) -> None:
        done, total = 0, sum(size or 0 for _, size in part.blobs.values())

        def progress(count: int) -> None:
            nonlocal done
            done += count
            if self._step:
                self._step("bringing files", done, total)

        brought, absent = adopt_bytes.bring(self._source, self._target, part.blobs, progress=progress)
        self._bytes += brought
        self._absent |= absent
        for sha256, code in absent.items():
            self._findings.warning("blob-lacking", f"the source could not give {sha256} ({code})", part.namespace)

    def _arrived(self, part: _Part) -> Iterator[str]:
        """Bring bytes of files that a version names by a weaker digest, as far as they are there and not here."""
        waiting = [choice for choice in part.choices if not choice.entry.version.resolved]
        if waiting:
            adopt_select.compare(self._target, waiting)
        for choice in waiting:
            for file in choice.entry.version.files:
                if not file.resolved and choice.here is not None:
                    content = adopt_bytes.weak(self._source, self._target, choice, file)
                    if content is not None:
                        yield content.sha256

    def _evidence(self, part: _Part) -> list[Activity]:
        """Keep events and statements as they were there; what holds them is an activity."""
        wanted = part.said.keys() | {digest for digest, _ in part.profiles.values()}
        kept = {digest: part.found.evidence[digest] for digest in sorted(wanted)}
        adopt_bytes.put(self._target, (data for _, data in kept.values()))
        inputs = [Part(blob=digest, role=role) for digest, (role, _) in kept.items()]
        return [
            Activity(
                kind="adoption",
                status="finished",
                inputs=tuple(inputs[start : start + EVIDENCE]),
                agents=(self._target.principal.id,),
            )
            for start in range(0, len(inputs), EVIDENCE)
        ]

    def _delivery(self, part: _Part, evidence: Iterable[Activity]) -> Delivery:
        profiles = {model: said for model, (_, said) in part.profiles.items()}
        absent = self._absent.keys()
        registrations: list[Registration] = []
        labels: list[tuple[str, str, str]] = []
        for choice in part.new:
            profile = profiles.pop(choice.model, None)
            registrations.append(
                Registration(
                    model=choice.model,
                    label=choice.new_labels[0] if choice.new_labels else None,
                    version=choice.entry.version,
                    statements=(profile,) if profile else (),
                    absent=tuple({file.digest for file in choice.entry.version.files} & absent),
                )
            )
            labels.extend((choice.model, choice.record, label) for label in choice.new_labels[1:])
        values = [value for value in part.records if not self._lacks(value)]
        return Delivery(
            registrations=tuple(registrations),
            records=tuple(value for value in values if isinstance(value, Version)),
            datasets=tuple(value for value in values if isinstance(value, Dataset)),
            activities=(*(value for value in values if isinstance(value, Activity)), *evidence),
            statements=tuple(said for told in part.said.values() for said in told),
            labels=tuple(labels),
        )

    def _lacks(self, value: Version | Dataset | Activity) -> bool:
        """Say whether a record names bytes that nobody could bring; then it cannot be registered here."""
        lacking = set() if isinstance(value, Version) else self._absent.keys() & set(_blobs(value))
        if lacking:
            self._findings.warning("lineage-cut", f"{value.digest} stays there: {min(lacking)} could not be had")
        return bool(lacking)

    def report(self, parts: Sequence[_Part], conflicts: Sequence[str], *, dry_run: bool) -> AdoptReport:
        """Return what came, or would come."""
        written = not dry_run and any(part.anything for part in parts)
        choices = [choice for part in parts for choice in part.choices]
        if written:
            adopt_select.compare(self._target, choices)
        blobs = {sha256: size or 0 for part in parts for sha256, (_, size) in part.blobs.items()}
        records = [value for part in parts for value in part.records]
        return AdoptReport(
            source=self._source.url,
            target=self._target.url,
            dry_run=dry_run,
            versions=tuple(
                Adopted.read(
                    {"origin": choice.origin, "record": choice.record, "model": choice.model, "labels": choice.labels,
                     "outcome": choice.outcome} | ({"ordinal": choice.here.ordinal} if choice.here else {})
                )
                for choice in choices
            ),
            batches=tuple(self._batches),
            statements=sum(len(told) for part in parts for told in part.said.values())
            + sum(len(part.profiles) for part in parts),
            activities=sum(isinstance(value, Activity) for value in records),
            datasets=sum(isinstance(value, Dataset) for value in records),
            files=len(blobs) - len(self._absent),
            bytes=sum(blobs.values()) if dry_run else self._bytes,
            absent=tuple(sorted(self._absent)),
            conflicts=tuple(conflicts),
            findings=self._findings.all(),
        )  # fmt: skip
