"""The versions of an import: their records, and the labels that they can have."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from herdbook.model.drafts import Drafts, DraftVersion, Finding
from herdbook.model.files import File
from herdbook.model.plans import Plan
from herdbook.model.versions import Entry, Version
from herdbook.service import plan_items
from herdbook.service.import_holdings import Holdings, Set

_LONGEST = 128


@dataclass
class Made:
    """One version that a plan makes: of one draft, or of several that are the same set of one model."""

    model: str
    version: Version
    entry: Entry | None
    labels: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)

    @property
    def record(self) -> str:
        """The record's digest."""
        return self.version.digest

    @property
    def reference(self) -> str:
        """What to call it, before it has an ordinal."""
        if self.labels:
            return f"{self.model}:{self.labels[0]}"
        return self.entry.reference if self.entry else f"{self.model}@{self.record}"


@dataclass
class Making:
    """What a plan makes of drafts, with what the registry has."""

    made: dict[str, Made] = field(default_factory=dict)
    """By the key of the draft."""
    skipped: dict[str, str] = field(default_factory=dict)
    """By the key of the draft, why the plan leaves it out."""
    findings: list[Finding] = field(default_factory=list)

    def __iter__(self) -> Iterator[Made]:
        return iter({id(item): item for item in self.made.values()}.values())


def make(drafts: Drafts, plan: Plan, holdings: Holdings) -> Making:
    """Return the versions of a plan; a label that is there with other content is dropped, and told."""
    decided = plan_items.chosen(plan)
    making = Making()
    sets: dict[tuple[str, Set], Made] = {}
    taken: dict[tuple[str, str], Made] = {}
    for draft in drafts.versions:
        model, labels, skip = decided[draft.key]
        if skip:
            making.skipped[draft.key] = skip
            continue
        files = holdings.drafted(draft)
        made = sets.get((model, files))
        if made is None:
            entry = holdings.find(model, files)
            made = sets[model, files] = Made(model, _version(draft, holdings, entry), entry)
            if entry is not None and entry.withdrawn and not entry.labels:
                told = f"{entry.reference} was undone here; it is registered again"
                making.findings.append(Finding(code="was-undone", message=told, where=draft.key))
        made.keys.append(draft.key)
        making.made[draft.key] = made
        _label(making, holdings, made, labels, draft.key, taken)
    for made in making:
        _lead(made)
    return making


def _version(draft: DraftVersion, holdings: Holdings, entry: Entry | None) -> Version:
    """Return the record; the registry's own where ours cannot resolve it: it lacks bytes, or a label to do it under."""
    version = Version.of(
        File(path=file.path, digest=content.sha256, size=content.size)
        if (content := holdings.contents.get(file.digest)) is not None
        else File(path=file.path, digest=file.digest, size=file.size)
        for file in draft.files
    )
    if entry is None or entry.version.digest not in {entry.record, entry.resolved_by}:
        return version
    if version.resolved and (entry.labels or entry.version.resolved):
        return version
    return entry.version


def _label(
    making: Making,
    holdings: Holdings,
    made: Made,
    labels: tuple[str, ...],
    key: str,
    taken: dict[tuple[str, str], Made],
) -> None:
    free = []
    for label in labels:
        holder = holdings.label(made.model, label)
        other = taken.get((made.model, label.casefold()))
        if (holder is None or holder[1] is made.entry) and other in (None, made):
            free.append(holder[0] if holder else label)
            continue
        told = f"the label {label!r} of {made.model} leads to {holder[1].reference if holder else 'another'} here"
        making.findings.append(Finding(code="label-held", message=f"{told}, which has other content", where=key))
    if labels and not free and not made.labels and not (made.entry and made.entry.labels):
        spare = f"{labels[0][: _LONGEST - 12]}_g{key[:10]}"
        if holdings.label(made.model, spare) is None:
            free.append(spare)
    for label in free:
        taken[made.model, label.casefold()] = made
        if label.casefold() not in {known.casefold() for known in made.labels}:
            made.labels.append(label)


def _lead(made: Made) -> None:
    """Put first the label under which an unresolved version stands: registering its bytes there resolves it."""
    if made.entry is None or made.record in {made.entry.record, made.entry.resolved_by} or not made.entry.labels:
        return
    held = made.entry.labels[0]
    made.labels = [held, *(label for label in made.labels if label != held)]
