"""Two real repositories, beside what git itself says of them."""

from __future__ import annotations

import hashlib
import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from herdbook.model.histories import Change
from herdbook.plugins.importers.git import GitSource
from herdbook.plugins.importers.git_history import GitHistory

TAU, L1 = "RecoTauTag-TrainingFiles", "L1Trigger-Phase2L1ParticleFlow"
pytestmark = pytest.mark.datapack


@pytest.fixture(scope="module", params=[TAU, L1])
def system(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def expected(datapack: Path, system: str) -> Any:
    return json.loads((datapack / f"expected/systems/{system}.json").read_text())


@pytest.fixture
def source(datapack: Path, system: str, tmp_path: Path, opened: Callable[..., GitSource]) -> GitSource:
    place = datapack / "systems" / f"{system}.bundle"
    if place.exists():
        return opened(place)
    with tarfile.open(datapack / "systems" / f"{system}.git.tar") as archive:
        archive.extractall(tmp_path, filter="data")
    return opened(tmp_path / f"{system}.git")


def first_parent_changes(history: GitHistory) -> list[tuple[str, Change]]:
    return [
        (commit.id, change)
        for commit in history.commits
        for change in history.changes(commit.parents[0] if commit.parents else None, commit.id)
    ]


def test_commits_are_those_of_git_in_its_order(source: GitSource, expected: Any) -> None:
    told = [(each["id"], tuple(each["parents"]), each["author"]) for each in expected["commits"]]
    found = [(each.id, each.parents, each.author.name if each.author else None) for each in source.history.commits]
    assert found == told
    messages = {each["id"]: each["message"].rstrip("\n") for each in expected["commits"]}
    assert {each.id: each.message.rstrip("\n") for each in source.history.commits} == messages
    assert source.history.troubles == []


def test_tags_and_heads_lead_where_git_says(source: GitSource, expected: Any, system: str) -> None:
    told = [(each["name"], each["commit"], each["annotated"]) for each in expected["tags"]]
    assert [(tag.name, tag.commit, tag.annotated) for tag in source.history.tags] == told
    assert source.history.heads[0] == (expected["head"]["ref"], expected["head"]["commit"])
    refs = {each["ref"]: each["commit"] for each in expected["refs"]}
    found = dict(source.history.heads) | {f"refs/tags/{tag.name}": tag.commit for tag in source.history.tags}
    assert found == refs
    assert source.state().head == expected["head"]["commit"]
    assert source.name == system


def test_the_tree_of_each_tag_comes_out_of_the_changes_between_tags(source: GitSource, expected: Any) -> None:
    tree: dict[str, str] = {}
    before = None
    for tag in source.history.tags:
        for change in source.history.changes(before, tag.commit):
            assert (change.old.digest[9:] if change.old else None) == tree.pop(change.path, None)
            if change.new is not None:
                tree[change.path] = change.new.digest.removeprefix("git-sha1:")
        assert tree == expected["tag_trees"][tag.name]
        before = tag.commit


def test_every_blob_is_found_at_its_paths_with_its_bytes(source: GitSource, expected: Any) -> None:
    paths: dict[str, set[str]] = {}
    links: set[str] = set()
    for _, change in first_parent_changes(source.history):
        if change.new is not None:
            paths.setdefault(change.new.digest, set()).add(change.path)
            links |= {change.new.digest} if change.new.link else set()
    told = {f"git-sha1:{blob['git_id']}": blob for blob in expected["blobs"]}
    assert paths == {digest: set(blob["paths"]) for digest, blob in told.items()}
    assert links == {digest for digest, blob in told.items() if blob["symlink"]}
    for digest, blob in told.items():
        assert source.history.size(digest) == blob["size"]
        if blob["present"]:
            with source.open(digest) as stream:
                assert hashlib.sha256(stream.read()).hexdigest() == blob["sha256"]


def test_counts_and_histories_of_paths_are_those_of_git(source: GitSource, expected: Any) -> None:
    history, counts = source.history, expected["counts"]
    head = history.heads[0][1]
    blobs = {change.new.digest for _, change in first_parent_changes(history) if change.new is not None}
    there = history.changes(None, head)
    assert {
        "commits": len(history.commits),
        "merges": sum(len(commit.parents) > 1 for commit in history.commits),
        "tags": len(history.tags),
        "blobs": len(blobs),
        "blobs_content_missing": sum(history.size(digest) is None for digest in blobs),
        "paths_in_head": len(there),
        "blobs_in_head": len({change.new.digest for change in there if change.new is not None}),
        "paths_ever": len({change.path for _, change in first_parent_changes(history)}),
    }.items() <= counts.items()
    first: dict[str, dict[str, str]] = {}
    for commit, change in first_parent_changes(history):
        if change.new is not None:
            first.setdefault(change.path, {}).setdefault(change.new.digest[9:], commit)
    told = {
        path: {each["git_id"]: each["first_commit"] for each in found}
        for path, found in expected["path_versions"].items()
    }
    assert first == told
