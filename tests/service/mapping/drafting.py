"""Repositories for these tests, and what is drafted of them by a few plain rules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from herdbook.model.drafts import DraftFile, Drafts, DraftSaid, DraftVersion
from herdbook.model.rules import Rules
from herdbook.plugins.importers.git import Git, GitSource
from herdbook.service.mapping import draft
from herdbook.testing.repositories import Content, Repository

NAME = "cms-data/Reco-Net"
RULES: dict[str, Any] = {
    "name": "plain",
    "source": ".*",
    "namespace": "cms",
    "identity": {"scheme": "cms-fileinpath", "value": "Reco/Net/data/{path}"},
    "fallback": False,
    "models": [
        {
            "id": "set",
            "paths": [r"nets/(?P<name>[a-z]+)_(?P<label>v\d+)_(?P<part>core|inner|outer)\.pb"],
            "model": "cms/nets/{name}",
            "label": "{label}",
            "member": "part",
            "role": "{part}",
            "expects": ["core", "inner"],
        },
        {
            "id": "served",
            "paths": [r"models/(?P<name>[a-z]+)/\d+/.*\.onnx"],
            "model": "cms/served/{name}",
            "folder": "models/{name}",
        },
        {
            "id": "foldered",
            "paths": [r"(?P<where>[A-Za-z]+)/(?P<label>V\d+)/[A-Za-z_]+\.onnx"],
            "model": "cms/foldered",
            "label": "{label}",
        },
    ],
    "sidecars": [
        {"id": "triton", "paths": [r"models/[a-z]+/config\.pbtxt"], "of": ["served"], "role": "config"},
        {"id": "preprocess", "paths": [r".*/preprocess\.json"], "of": ["*"], "role": "preprocessing"},
        {"id": "readme", "paths": [r"(?:.*/)?README\.md"], "of": ["*"], "role": "document"},
    ],
    "skip": [{"paths": [r".*\.csv"], "reason": "a table"}],
}


def rules(**changes: Any) -> Rules:
    """Return the plain rules with changes; other models come without the sidecars of these."""
    return Rules.read({**RULES, **({"sidecars": []} if "models" in changes else {}), **changes})


@contextmanager
def opened(repository: Repository) -> Iterator[GitSource]:
    source = Git().open(str(repository.folder), name=NAME)
    assert isinstance(source, GitSource)
    try:
        yield source
    finally:
        source.close()


def drafted(repository: Repository, by: Rules | None = None) -> Drafts:
    with opened(repository) as source:
        found = draft(source.history, source.state(), by or rules())
    assert sorted({blob.digest for blob in found.blobs}) == sorted(blob.digest for blob in found.blobs)
    return found


def history(folder: Path, *states: Mapping[str, Content], tags: bool = True) -> tuple[Repository, list[str]]:
    """Make a repository with one commit for each tree, tagged T1, T2 …"""
    repository = Repository(folder)
    commits = []
    for number, files in enumerate(states, 1):
        commits.append(repository.commit(files, f"State {number}"))
        if tags:
            repository.tag(f"T{number}", commits[-1])
    return repository, commits


def version(drafts: Drafts, label: str, model: str = "") -> DraftVersion:
    found = [each for each in drafts.versions if label in each.labels and model in each.model]
    assert len(found) == 1, [(each.model, each.labels) for each in drafts.versions]
    return found[0]


def files(found: DraftVersion) -> dict[str, str]:
    """Return path in the version → path in the source."""
    return {file.path: file.source_path for file in found.files}


def file(found: DraftVersion, path: str) -> DraftFile:
    return next(each for each in found.files if each.path == path)


def said(found: DraftVersion, kind: str) -> list[DraftSaid]:
    return [each for each in found.said if each.type == f"herdbook/{kind}/1"]


def ranges(drafts: Drafts) -> dict[str, list[tuple[str, str, str | None]]]:
    """Return path in the source → (label or key of the version, first tag, last tag) as identities say, in order."""
    order = {name: number for number, name in enumerate(drafts.tags)}
    found: dict[str, list[tuple[str, str, str | None]]] = {}
    for each in drafts.versions:
        for told in said(each, "identity"):
            path = told.body["id"]["value"].removeprefix("Reco/Net/data/")
            name = each.labels[0] if each.labels else each.key
            found.setdefault(path, []).append((name, told.body["first"], told.body.get("last")))
    return {path: sorted(runs, key=lambda run: order[run[1]]) for path, runs in sorted(found.items())}


def codes(drafts: Drafts) -> list[str]:
    return sorted({each.code for each in drafts.findings})


def summary(drafts: Drafts) -> dict[str, tuple[str, ...]]:
    """Return key → labels of every version."""
    return {each.key: each.labels for each in drafts.versions}
