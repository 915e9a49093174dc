"""Drift: how a source and a registry stand to each other after an import. Nothing is written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from herdbook.kernel.errors import CorruptError, MissingError
from herdbook.model.drafts import Drafts, DraftSaid, DraftVersion, SourceState
from herdbook.model.identifiers import Identifier
from herdbook.model.imports import Drift, Status
from herdbook.model.plans import Plan
from herdbook.model.rules import Rules
from herdbook.model.statements import StatementEntry
from herdbook.model.versions import Entry
from herdbook.ports.blobs import Progress
from herdbook.ports.importers import Source
from herdbook.ports.registry import Registry
from herdbook.service import import_bytes, plan_items, plans
from herdbook.service.import_holdings import Holdings, told_sources
from herdbook.service.importing import told_rules

_IDENTITY = "herdbook/identity/1"
_LIMIT = 1000


def status(
    registry: Registry, source: Source, rules: Rules, namespace: str = "", *, plan: Plan | None = None
) -> Status:
    """Return whether a source moved since it was imported, and what is new, changed or gone in it.

    ``plan``, the one it was imported by, tells names and what was left out; without it versions are found by content
    under any name. A source that did not move is not read.
    """
    work = _Comparing(registry, source, rules, namespace, plan)
    same = not work.moved and told_rules(work.told)[0] == plans.stamp(rules)
    if same and not import_bytes.offers(registry, source, work.namespace):
        return work.status([], checked=0)
    drifts = [*work.versions(), *work.gone()]
    return work.status(drifts, checked=len(work.drafts.versions))


def verify(
    registry: Registry,
    source: Source,
    rules: Rules,
    namespace: str = "",
    *,
    plan: Plan | None = None,
    progress: Progress | None = None,
) -> Status:
    """Compare everything once more: bytes where both sides have them, labels, and identities with their tags."""
    work = _Comparing(registry, source, rules, namespace, plan)
    drifts = [*work.versions(), *work.gone(), *work.identities(), *work.bytes(progress)]
    return work.status(drifts, checked=work.checked)


class _Comparing:
    """One comparison: the drafts of the source as it is now beside what the namespace has."""

    def __init__(self, registry: Registry, source: Source, rules: Rules, namespace: str, plan: Plan | None) -> None:
        self.registry = registry
        self.source = source
        self.rules = rules
        self.namespace = namespace or rules.namespace
        self.plan = plan
        self.state: SourceState = source.state()
        found = told_sources(registry, self.namespace, self.state.kind, self.state.name)
        self.told: StatementEntry | None = found[0] if found else None
        self.imported = str(self.told.statement.body.get("state", "")) if self.told else ""
        self.moved = self.imported != self.state.state
        self.checked = 0
        self._found: tuple[Drafts, Holdings, dict[str, list[Entry]]] | None = None

    def status(self, drifts: Iterable[Drift], *, checked: int) -> Status:
        """Return the answer; an alarm stands first."""
        listed = tuple(sorted(drifts, key=lambda drift: (not drift.alarm, drift.model, drift.reference)))
        return Status(
            source=self.state,
            namespace=self.namespace,
            moved=self.moved,
            imported=self.imported,
            checked=checked,
            drifts=listed,
        )

    @property
    def drafts(self) -> Drafts:
        """What the source tells now."""
        return self._look()[0]

    def _look(self) -> tuple[Drafts, Holdings, dict[str, list[Entry]]]:
        """Return drafts, what the namespace has, and by the key of a draft the versions that have its content."""
        if self._found is None:
            drafts = self.source.drafts(self.rules)
            wanted = {file.digest for version in drafts.versions for file in version.files}
            holdings = Holdings.of(self.registry, self.namespace, None, wanted)
            by_set: dict[object, list[Entry]] = {}
            for entries in holdings.entries.values():
                for entry in entries:
                    by_set.setdefault(holdings.registered(entry.version), []).append(entry)
            found = {version.key: by_set.get(holdings.drafted(version), []) for version in drafts.versions}
            self._found = drafts, holdings, found
        return self._found

    def _chosen(self) -> Iterator[tuple[DraftVersion, str, tuple[str, ...], list[Entry]]]:
        """Yield drafts that a plan does not leave out: with the model and labels they go under, and who has them."""
        drafts, _, found = self._look()
        decided = plan_items.chosen(self.plan) if self.plan else {}
        for version in drafts.versions:
            choice = decided.get(version.key)
            if choice is None:
                yield version, self._model(version, found[version.key]), version.labels, found[version.key]
            elif not choice.skip:
                mine = [entry for entry in found[version.key] if entry.model == choice.model]
                yield version, choice.model, choice.labels, mine

    def _model(self, version: DraftVersion, entries: list[Entry]) -> str:
        names = [entry.model for entry in entries]
        return names[0] if names and version.model not in names else version.model

    def versions(self) -> Iterator[Drift]:
        """Yield what is new or changed in the source, and labels that do not stand as there."""
        for version, model, labels, entries in self._chosen():
            mine = next((entry for entry in entries if entry.model == model), None)
            if mine is None:
                yield self._new(version, model, labels)
                continue
            if not mine.version.resolved and all(file.present for file in version.files):
                yield self._drift(mine, "unresolved", "the source has bytes that nobody brought")
            yield from self._labels(mine, labels)

    def _new(self, version: DraftVersion, model: str, labels: tuple[str, ...]) -> Drift:
        holdings = self._look()[1]
        where = f" ({version.first or version.commit})" if version.first or version.commit else ""
        for label in labels:
            held = holdings.label(model, label)
            if held is not None:
                return self._drift(held[1], "changed", f"the source has other files under {label!r} now{where}")
        reference = f"{model}:{labels[0]}" if labels else ""
        return Drift(
            model=model, reference=reference, what="new", message=f"not registered{where}", master=self._master(model)
        )

    def _labels(self, mine: Entry, labels: tuple[str, ...]) -> Iterator[Drift]:
        holdings = self._look()[1]
        for label in labels:
            held = holdings.label(mine.model, label)
            if held is None:
                yield self._drift(mine, "label", f"the source calls it {label!r}; that label is not set here")
            elif held[1].record != mine.record:
                told = f"the source calls it {label!r}, which is {held[1].model}@{held[1].ordinal} here"
                yield self._drift(mine, "label", told)

    def gone(self) -> Iterator[Drift]:
        """Yield versions that imports of this source brought and that it no longer has."""
        _, holdings, found = self._look()
        there = {entry.record for entries in found.values() for entry in entries}
        for name, ordinal in sorted(self._brought()):
            for entry in holdings.entries.get(name, ()):
                if entry.ordinal == ordinal and entry.record not in there and not entry.withdrawn:
                    yield self._drift(entry, "gone", "the source no longer has these files")

    def _brought(self) -> set[tuple[str, int]]:
        """Return models and ordinals that batches with a statement of this source entered."""
        page = self.registry.statements.list(f"source:{self.state.name}", kind="source", every=True, limit=_LIMIT)
        mine = {entry.seq for entry in page.items if entry.namespace == self.namespace}
        found: set[tuple[str, int]] = set()
        for batch in self.registry.imports.list(self.namespace) if mine else ():
            if batch.withdrawn or not any(batch.first <= seq <= batch.last for seq in mine):
                continue
            for seq in range(batch.first - 1, batch.last):  # one by one: an event may be large
                for item in self.registry.journal.events(self.namespace, after=seq, limit=1).items:
                    found |= {(op.model, op.ordinal) for op in item.event.ops if op.op == "version"}
        return found

    def identities(self) -> Iterator[Drift]:
        """Yield foreign identities whose ranges of tags differ."""
        for version, model, _, entries in self._chosen():
            mine = next((entry for entry in entries if entry.model == model), None)
            said = [told for told in version.said if told.type == _IDENTITY]
            if mine is None or not said:
                continue
            sources = {told.body.get("source") for told in said}
            here = {
                (told.id, told.path, told.first, told.last)
                for told in self.registry.identities.of(mine.reference)
                if told.source in sources
            }
            there = {_range(told) for told in said}
            for told in sorted(there - here, key=str):
                yield self._drift(mine, "identity", f"the source calls it {_words(told)}; that is not known here")
            for told in sorted(here - there, key=str):
                yield self._drift(mine, "identity", f"here it is {_words(told)}; the source does not say so now")

    def bytes(self, progress: Progress | None) -> Iterator[Drift]:
        """Yield files whose bytes differ from the source's, or cannot be read; each content is compared once."""
        done: dict[tuple[str, str], Drift | None] = {}
        for version, model, _, entries in self._chosen():
            mine = next((entry for entry in entries if entry.model == model), None)
            for file in version.files if mine else ():
                assert mine is not None
                here = mine.version.file(file.path)
                if here is None or not here.resolved or not file.present:
                    continue
                pair = (here.digest, file.digest)
                if pair not in done:
                    self.checked += 1
                    done[pair] = self._file(mine, file.path, file.digest, progress)
                if (drift := done[pair]) is not None:
                    yield self._drift(mine, drift.what, drift.message)

    def _file(self, entry: Entry, path: str, digest: str, progress: Progress | None) -> Drift | None:
        try:
            with self.registry.files.open(entry.reference, path) as ours, self.source.open(digest) as theirs:
                if import_bytes.same(ours, theirs, progress=progress):
                    return None
        except CorruptError as error:
            return self._drift(entry, "corrupt", f"{path}: {error.message}")
        except MissingError as error:
            return self._drift(entry, "missing", f"{path}: {error.message}")
        return self._drift(entry, "corrupt", f"{path}: the bytes here are not those of {digest} in the source")

    def _drift(self, entry: Entry, what: str, message: str) -> Drift:
        return Drift.read(
            {
                "model": entry.model,
                "reference": entry.reference,
                "what": what,
                "message": message,
                "master": self._master(entry.model),
            }
        )

    def _master(self, model: str) -> str | None:
        entry = self._look()[1].models.get(model)
        return entry.profile.master if entry and entry.profile else None


Range = tuple[str, str | None, str | None, str | None]


def _range(told: DraftSaid) -> Range:
    body = told.body
    return str(Identifier.read(body["id"])), body.get("path"), body.get("first"), body.get("last")


def _words(told: Range) -> str:
    name, _, first, last = told
    return f"{name} from {first} on" + (f", until before {last}" if last else "") if first else name
