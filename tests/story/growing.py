"""Importing repositories that tests make: through the façade, and what is then compared."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from herdbook.kernel import canonical
from herdbook.model.imports import Report
from herdbook.model.plans import Plan
from herdbook.model.rules import Rules
from herdbook.model.versions import Entry
from herdbook.plugins.importers.git import Git, GitSource
from herdbook.ports.registry import Registry
from herdbook.service import importing, plans
from herdbook.testing.repositories import Repository

NAME = "toy/Nets"
PACKAGE = "Reco/Nets"
RULES: dict[str, Any] = {
    "name": "toy",
    "source": ".*",
    "namespace": "toy",
    "package": PACKAGE,
    "identity": {"scheme": "cms-fileinpath", "value": PACKAGE + "/data/{path}"},
    "fallback": False,
    "models": [
        {
            "id": "net",
            "paths": [r"nets/(?P<name>[a-z]+)_(?P<label>v\d+)(?:_(?P<part>core|inner))?\.pb"],
            "model": "toy/nets/{name}",
            "label": "{label}",
        },
        {"id": "served", "paths": [r"served/(?P<name>[a-z]+)/.*\.onnx"], "model": "toy/served/{name}",
         "folder": "served/{name}"},
    ],
    "sidecars": [{"id": "readme", "paths": [r".*/README\.md"], "of": ["served"], "role": "document"}],
    "messages": [{"pattern": r"training (?P<id>[0-9a-f]{32})", "scheme": "mlflow-run"}],
    "skip": [{"paths": [r".*\.csv"], "reason": "a table"}],
}  # fmt: skip
Where = Repository | Path


def rules(**changes: Any) -> Rules:
    return Rules.read({**RULES, **changes})


def rules_file(folder: Path, **changes: Any) -> Path:
    """Write the rules; JSON is YAML."""
    path = folder / "rules.yaml"
    path.write_text(json.dumps({**RULES, **changes}), "utf-8")
    return path


@contextmanager
def opened(where: Where, name: str = NAME) -> Iterator[GitSource]:
    source = Git().open(str(where.folder if isinstance(where, Repository) else where), name=name)
    assert isinstance(source, GitSource)
    try:
        yield source
    finally:
        source.close()


def bring(
    registry: Registry, where: Where, by: Rules | None = None, *, plan: Plan | None = None, name: str = NAME
) -> Report:
    """Import as the command does: nothing is read when nothing moved."""
    by = by or rules()
    with opened(where, name) as source:
        found = importing.unchanged(registry, source, by, plan)
        if found is None:
            drafts = source.drafts(by)
            found = importing.apply(registry, source, drafts, plan or plans.make(drafts))
            assert found.sound
        return found


def planned(where: Where, by: Rules | None = None, *, name: str = NAME) -> Plan:
    with opened(where, name) as source:
        return plans.make(source.drafts(by or rules()))


def entries(registry: Registry, prefix: str = "") -> list[Entry]:
    """Return all versions of all models whose names begin so."""
    names = [model.name for model in registry.models.list(prefix, limit=1000).items]
    return [entry for name in names for entry in registry.versions.list(name, limit=1000).items]


def sets(registry: Registry) -> dict[tuple[str, tuple[tuple[str, str], ...]], tuple[str, ...]]:
    """Return (model, paths and digests) → labels of all versions that stand."""
    return {
        (entry.model, tuple((file.path, file.digest) for file in entry.version.files)): tuple(sorted(entry.labels))
        for entry in entries(registry)
        if not entry.withdrawn
    }


def events(registry: Registry) -> dict[str, int]:
    """Return how many events each namespace's journal has."""
    return {point.namespace: point.seq for point in registry.namespaces.list()}


def bodies(registry: Registry, *namespaces: str) -> list[bytes]:
    """Return the bodies of all records and statements that journals enter."""
    digests = [
        op.digest
        for name in namespaces or events(registry)
        for seq in range(events(registry)[name])
        for item in registry.journal.events(name, after=seq, limit=1).items
        for op in item.event.ops
        if op.op in {"record", "statement"}
    ]
    found: dict[str, bytes] = {}
    for start in range(0, len(digests), 500):
        found |= registry.journal.bodies(digests[start : start + 500])
    return [found[digest] for digest in digests]


def told(registry: Registry, *namespaces: str) -> Counter[str]:
    """Return what all bodies say, each person by name and not by an id that is drawn; issuers and times left out."""
    people = {person.id: f"actor {person.name}" for person in registry.people.list()}
    found: Counter[str] = Counter()
    for raw in bodies(registry, *namespaces):
        body: Any = canonical.loads(raw)
        if str(body.get("schema", "")).startswith("herdbook/statement/"):
            left = {"issuer", "issued", "supersedes"}  # who runs the test, when, and digests of what they said
            body = {name: value for name, value in body.items() if name not in left}
        text = canonical.dumps(body).decode()
        for actor, name in people.items():
            text = text.replace(actor, name)
        found[text] += 1
    return found


Tree = Mapping[str, bytes]


def trees(where: Where) -> dict[str, dict[str, str]]:
    """Return tag → the whole tree (path → digest), read without any rule."""
    with opened(where) as source:
        history = source.history
        return {
            tag.name: {change.path: change.new.digest for change in history.changes(None, tag.commit) if change.new}
            for tag in history.tags
        }


def identifier(path: str) -> str:
    return f"cms-fileinpath:{PACKAGE}/data/{path}"


def leads(registry: Registry, path: str, tag: str) -> set[tuple[str, str | None]]:
    """Return (record, path in the version) that a path led to in a tag."""
    from herdbook.kernel.errors import MissingError

    try:
        found = registry.identities.find(identifier(path), tag=tag)
    except MissingError:
        return set()
    return {(each.record, each.path) for each in found}


def content(registry: Registry, path: str, tag: str) -> set[str]:
    """Return git's digests of what a path led to in a tag."""
    from herdbook.kernel.errors import MissingError

    try:
        found = registry.identities.find(identifier(path), tag=tag)
    except MissingError:
        return set()
    digests = [each.digest for each in found]
    assert all(digests), found
    known = registry.files.find("toy", [str(digest) for digest in digests])
    return {known[str(digest)].git_sha1 if digest in known else str(digest) for digest in digests}
