"""The two data repositories of the data pack, and what git alone says of them."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from herdbook.kernel import times
from herdbook.model.drafts import Drafts
from herdbook.model.histories import Blob
from herdbook.model.rules import Rules
from herdbook.plugins import importers
from herdbook.plugins.importers.git import Git
from herdbook.ports.importers import History
from herdbook.service.mapping import draft, rules_file

NAMES = {
    "RecoTauTag-TrainingFiles": "RecoTauTag-TrainingFiles.git.tar",
    "L1Trigger-Phase2L1ParticleFlow": "L1Trigger-Phase2L1ParticleFlow.bundle",
}
Tree = dict[str, Blob]


@dataclass
class System:
    """A repository, what is expected of it, and its trees, made from changes without any rule."""

    name: str
    history: History
    expected: dict[str, Any]
    drafted: Callable[[], Drafts]

    @cached_property
    def trees(self) -> dict[str, Tree]:
        """Commit → its whole tree."""
        found: dict[str, Tree] = {}
        for commit in self.history.commits:
            parent = commit.parents[0] if commit.parents else None
            found[commit.id] = tree = dict(found[parent]) if parent else {}
            for change in self.history.changes(parent, commit.id):
                assert tree.get(change.path) == change.old
                if change.new is None:
                    del tree[change.path]
                else:
                    tree[change.path] = change.new
        return found

    @cached_property
    def drafts(self) -> Drafts:
        return self.drafted()

    @property
    def head(self) -> str:
        return self.history.heads[0][1]

    @cached_property
    def in_tags(self) -> dict[str, Tree]:
        return {tag.name: self.trees[tag.commit] for tag in self.history.tags}


SHIPPED = Path(importers.__file__).parent / "rules"


def rules(name: str) -> Rules:
    """Return the ready-made rules of a system."""
    return rules_file.read(SHIPPED / f"cms-data-{name}.yaml")


@pytest.fixture(scope="module", params=NAMES)
def system(
    request: pytest.FixtureRequest, datapack: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[System]:
    name: str = request.param
    place = datapack / "systems" / NAMES[name]
    if place.suffix == ".tar":
        folder = tmp_path_factory.mktemp(name)
        with tarfile.open(place) as archive:
            archive.extractall(folder, filter="data")
        place = next(folder.glob("*.git"))
    expected = json.loads((datapack / "expected" / "systems" / f"{name}.json").read_bytes())
    source = Git().open(str(place), name=f"cms-data/{name}")
    history: History = source.history  # type: ignore[attr-defined]  # only a git source has one to look at
    yield System(name, history, expected, lambda: draft(history, source.state(), rules(name)))
    source.close()


def utc(text: str) -> str:
    return times.write(datetime.fromisoformat(text))


def raw(blob: Blob) -> str:
    return blob.digest.removeprefix("git-sha1:")


def paths(tree: Tree) -> dict[str, str]:
    return {path: raw(blob) for path, blob in sorted(tree.items())}


def differences(found: object, expected: object, at: str = "") -> list[str]:
    """Return every difference by its name; lists of objects are compared one by one."""
    if isinstance(found, dict) and isinstance(expected, dict):
        keys = [*expected, *(key for key in found if key not in expected)]
        return [text for key in keys for text in differences(found.get(key), expected.get(key), f"{at}/{key}")]
    if isinstance(found, list) and isinstance(expected, list) and len(found) == len(expected):
        pairs = enumerate(zip(found, expected, strict=True))
        return [text for index, (one, two) in pairs for text in differences(one, two, f"{at}/{index}")]
    return [] if found == expected else [f"{at}: found {found!r}, expected {expected!r}"]
