"""What a registry has already of what a plan is about to make: versions by content, labels, profiles, bytes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from herdbook.kernel import digests
from herdbook.model.drafts import DraftVersion
from herdbook.model.files import Content
from herdbook.model.models import ModelEntry
from herdbook.model.statements import StatementEntry
from herdbook.model.versions import Entry, Version
from herdbook.ports.registry import Registry

SOURCE = "herdbook/source/1"
_PAGE = 1000
_FEW = 100
"""Up to so many models are looked at one by one; of more, the whole namespace is."""

Set = tuple[tuple[str, str], ...]
"""Paths and digests of a version, each digest the strongest that is known for its bytes."""


@dataclass
class Holdings:
    """What a namespace has: models by name, versions of the models asked for, contents by each of their digests."""

    models: dict[str, ModelEntry] = field(default_factory=dict)
    entries: dict[str, list[Entry]] = field(default_factory=dict)
    contents: dict[str, Content] = field(default_factory=dict)
    _sets: dict[str, dict[Set, Entry]] = field(default_factory=dict)
    _labels: dict[str, dict[str, tuple[str, Entry]]] = field(default_factory=dict)

    @classmethod
    def of(cls, registry: Registry, namespace: str, names: Iterable[str] | None, wanted: Iterable[str]) -> Holdings:
        """Look at models (all of a namespace, when no names are given) and at which of the wanted digests are here."""
        here = {model.name: model for model in _models(registry, namespace)}
        names = here.keys() if names is None else here.keys() & set(names)
        entries = _entries(registry, namespace, names) if names else {}
        found = cls(here, entries)
        unknown = {file.digest for listed in entries.values() for e in listed for file in e.version.files}
        weak = {digest for digest in unknown if not digests.is_sha256(digest)}
        found.learn(registry.files.find(namespace, sorted({*wanted, *weak})).values())
        return found

    def learn(self, contents: Iterable[Content]) -> None:
        """Take in contents that are here now."""
        for content in contents:
            self.contents |= {content.sha256: content, content.git_sha1: content}
        self._sets.clear()

    def set_of(self, files: Iterable[tuple[str, str]]) -> Set:
        """Return paths and digests as they are compared."""
        known = self.contents
        return tuple(sorted((path, known[item].sha256 if item in known else item) for path, item in files))

    def drafted(self, version: DraftVersion) -> Set:
        """Return the set of a draft."""
        return self.set_of((file.path, file.digest) for file in version.files)

    def registered(self, version: Version) -> Set:
        """Return the set of a version that is here."""
        return self.set_of((file.path, file.digest) for file in version.files)

    def find(self, model: str, wanted: Set) -> Entry | None:
        """Return the version of a model that has this set; of several the one with labels, then the oldest."""
        if model not in self._sets:
            found: dict[Set, Entry] = {}
            for entry in sorted(self.entries.get(model, ()), key=lambda item: (not item.labels, item.ordinal)):
                found.setdefault(self.registered(entry.version), entry)
            self._sets[model] = found
        return self._sets[model].get(wanted)

    def label(self, model: str, label: str) -> tuple[str, Entry] | None:
        """Return how a label is written at a model, and what it leads to; labels are compared without case."""
        if model not in self._labels:
            listed = [(name, entry) for entry in self.entries.get(model, ()) for name in entry.labels]
            self._labels[model] = {name.casefold(): (name, entry) for name, entry in listed}
        return self._labels[model].get(label.casefold())


def _models(registry: Registry, namespace: str) -> Iterable[ModelEntry]:
    cursor = None
    while True:
        page = registry.models.list(f"{namespace}/", cursor=cursor, limit=_PAGE)
        yield from page.items
        if (cursor := page.cursor) is None:
            return


def _entries(registry: Registry, namespace: str, names: Iterable[str]) -> dict[str, list[Entry]]:
    names = set(names)
    found: dict[str, list[Entry]] = {name: [] for name in names}
    if len(names) > _FEW:
        for entry in search(registry, f"namespace = {namespace}"):
            if entry.model in found:
                found[entry.model].append(entry)
        return found
    for name in names:
        cursor = None
        while True:
            page = registry.versions.list(name, cursor=cursor, limit=_PAGE)
            found[name] += page.items
            if (cursor := page.cursor) is None:
                break
    return found


def search(registry: Registry, query: str) -> Iterable[Entry]:
    """Yield all versions that match a query."""
    cursor = None
    while True:
        page = registry.versions.search(query, cursor=cursor, limit=_PAGE)
        yield from page.items
        if (cursor := page.cursor) is None:
            return


def named(registry: Registry, namespace: str, sha256s: Sequence[str]) -> set[str]:
    """Return those contents that a version of the namespace has: a lease alone does not count."""
    found: set[str] = set()
    for start in range(0, len(sha256s), _FEW):
        part = sha256s[start : start + _FEW]
        query = f"namespace = {namespace} AND file IN ({', '.join(part)})"
        found |= {file.digest for entry in search(registry, query) for file in entry.version.files}
    return found & set(sha256s)


def told_sources(registry: Registry, namespace: str, kind: str, name: str) -> list[StatementEntry]:
    """Return the current statements of imports of a source into a namespace, the newest first."""
    page = registry.statements.list(f"source:{name}", kind="source", limit=_PAGE)
    mine = [
        entry
        for entry in page.items
        if entry.namespace == namespace
        and entry.statement.type == SOURCE
        and (entry.statement.body.get("kind"), entry.statement.body.get("name")) == (kind, name)
    ]
    return sorted(mine, key=lambda entry: -entry.seq)


def from_source(namespace: str, source: str) -> str:
    """Return the query for the versions of a namespace that a source, or a package, is said to hold."""
    name = source.replace("\\", "\\\\").replace('"', '\\"')
    return f'namespace = {namespace} AND source = "{name}"'


def known_at(holdings: Holdings, chosen: Mapping[str, str], versions: Iterable[DraftVersion]) -> dict[str, Entry]:
    """Return, by key, the entries of drafts that are registered under the model that was chosen for them."""
    found = {}
    for version in versions:
        entry = holdings.find(chosen[version.key], holdings.drafted(version))
        if entry is not None:
            found[version.key] = entry
    return found
