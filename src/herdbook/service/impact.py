"""Impact: which models, versions and releases descend from a dataset, say, that turned out to be bad.

One statement of the catalogue follows activities from record to record. What is known by its id alone, and records that
others resolve, are added from here until nothing new comes.
"""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from functools import cached_property

from herdbook.kernel import digests
from herdbook.kernel.errors import InvalidError, MissingError
from herdbook.model.activities import Activity
from herdbook.model.lineage import Impact, ImpactedModel
from herdbook.model.rows import VersionRow
from herdbook.ports.catalogue import Reader
from herdbook.service import bodies, lineage, links, releases
from herdbook.service.entries import entries
from herdbook.service.paging import check_limit, position

Place = tuple[str, int]


@dataclass
class _Descent:
    """Everything that was reached so far, and what else is the same thing."""

    tx: Reader
    places: dict[Place, str] = field(default_factory=dict)
    """Records of versions, by model and ordinal."""
    datasets: set[str] = field(default_factory=set)
    records: set[str] = field(default_factory=set)

    @cached_property
    def alike(self) -> dict[str, set[str]]:
        """By record, those that it resolves or that resolve it."""
        found: dict[str, set[str]] = defaultdict(set)
        for new, olds in links.older(self.tx, self.tx.resolving()).items():
            for old in olds:
                found[new].add(old)
                found[old].add(new)
        return found

    @cached_property
    def named(self) -> dict[str, set[str]]:
        """By id, and by record that the id means, what was made with something that is known by that id alone."""
        found: dict[str, set[str]] = defaultdict(set)
        pairs = self.tx.taken_by_name()
        meant = links.named(self.tx, {name for name, _ in pairs})
        outputs: dict[str, set[str]] = defaultdict(set)
        for row in self.tx.edges(meant.values()):
            if row.direction == "out" and row.target_kind == "record":
                outputs[row.activity].add(row.target)
        for name, made in pairs:
            found[name].add(made)
            if name in meant:
                for record in outputs.get(meant[name], {meant[name]}):
                    found[record].add(made)
        return found

    def follow(self, starts: set[str]) -> None:
        """Follow from records, and names, to all that was made with them."""
        todo = starts
        while todo:
            todo = {same for record in todo for same in (record, *self.alike.get(record, ()))}
            new = set(todo)
            for record, model, ordinal, is_dataset in self.tx.descendants(todo):
                new.add(record)
                if model:
                    self.places[model, ordinal] = record
                elif is_dataset:
                    self.datasets.add(record)
            self.records |= new
            todo = (self._beside(self.named, new) | self._beside(self.alike, new)) - self.records

    def _beside(self, others: dict[str, set[str]], records: set[str]) -> set[str]:
        return {other for record in others.keys() & records for other in others[record]}

    def settle(self, origin: set[str]) -> None:
        """Look up what was reached by a name alone, and leave out where it began."""
        bare = self.records - set(self.places.values()) - self.datasets
        for row in self.tx.versions_with(record for record in bare if digests.is_sha256(record)):
            self.places[row.model, row.ordinal] = row.record
        gone = {same for record in origin for same in (record, *self.alike.get(record, ()))}
        for place in [place for place, record in self.places.items() if record in gone]:
            del self.places[place]
        self.datasets -= gone


def impact(tx: Reader, reference: str, *, cursor: str | None = None, limit: int = 50) -> Impact:
    """Return what descends from a version, a dataset or an activity, or from an id that no record here has.

    Raises:
        MissingError: when nothing here has that name.
        InvalidError: on a bad limit or cursor.
    """
    check_limit(limit)
    after = _place(cursor) if cursor else ("", 0)
    work = _Descent(tx)
    root, title, starts = _begin(tx, reference, work)
    work.follow(starts)
    work.settle({root})
    page = heapq.nsmallest(limit + 1, (place for place in work.places if place > after))
    return Impact(
        root=root,
        title=title,
        versions=len(work.places),
        datasets=len(work.datasets),
        models=tuple(_models(tx, work.places)),
        releases=tuple(releases.holding(tx, set(work.places.values()))),
        items=tuple(entries(tx, _rows(tx, page[:limit], work.places))),
        cursor="@".join(map(str, page[limit - 1])) if len(page) > limit else None,
    )


def _begin(tx: Reader, reference: str, work: _Descent) -> tuple[str, str, set[str]]:
    """Return the root, what it is called, and from where to follow."""
    try:
        root = lineage.root(tx, reference)
    except (InvalidError, MissingError):
        if reference not in work.named:
            raise
        return reference, reference, {reference}
    value = bodies.load(tx, [root]).get(root)
    title = lineage.nodes(tx, [root], {})[0].title
    if isinstance(value, Activity):
        return root, title, {part.record for part in value.outputs or () if part.record}
    return root, title, {root}


def _models(tx: Reader, places: dict[Place, str]) -> list[ImpactedModel]:
    counts = Counter(model for model, _ in places)
    rows = tx.aliases(counts)
    with_alias = {row.model for row in rows}
    records = {(model, record) for (model, _), record in places.items() if model in with_alias}
    aliases: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        if (row.model, row.to) in records:
            aliases[row.model].append(row.pointer.rpartition("@")[2])
    return [ImpactedModel(name=name, versions=counts[name], aliases=tuple(aliases[name])) for name in sorted(counts)]


def _rows(tx: Reader, page: list[Place], places: dict[Place, str]) -> list[VersionRow]:
    wanted = set(page)
    rows = tx.versions_with({places[place] for place in page})
    return sorted((row for row in rows if (row.model, row.ordinal) in wanted), key=lambda row: (row.model, row.ordinal))


def _place(cursor: str) -> Place:
    model, _, ordinal = cursor.rpartition("@")
    if not model:
        raise InvalidError(
            f"{cursor[:40]!r} is not a cursor of this listing",
            code="bad-cursor",
            hint="Take the cursor of the page before, or leave it out to begin.",
        )
    return model, position(ordinal)
