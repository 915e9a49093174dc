"""The two data repositories of the data pack, read without git, against what git alone says of them."""

from __future__ import annotations

import hashlib
import zlib
from typing import Any

import pytest
from tests.story.systems import System, Tree, differences, paths, raw, utc

from herdbook.service.mapping import timeline

pytestmark = pytest.mark.datapack


def test_commits_come_in_the_order_that_git_gives_with_authors_dates_and_messages(system: System) -> None:
    found = [
        {
            "id": commit.id,
            "parents": list(commit.parents),
            "author": commit.author.name if commit.author else None,
            "author_date": commit.authored,
            "commit_date": commit.committed,
            "message": commit.message.rstrip("\n"),
        }
        for commit in system.history.commits
    ]
    dates = ("author_date", "commit_date")
    expected = [
        {key: utc(each[key]) if key in dates else each[key] for key in found[0]} for each in system.expected["commits"]
    ]
    assert differences(found, expected) == []


def test_head_references_and_tags_lead_where_git_says(system: System) -> None:
    history, expected = system.history, system.expected
    assert {"ref": history.heads[0][0], "commit": history.heads[0][1]} == expected["head"]
    refs = [*history.heads, *((f"refs/tags/{tag.name}", tag.commit) for tag in history.tags)]
    assert sorted(refs) == sorted((each["ref"], each["commit"]) for each in expected["refs"])
    by_id = {commit.id: commit for commit in history.commits}
    found = [
        {
            "name": tag.name,
            "commit": tag.commit,
            "date": by_id[tag.commit].committed,
            "annotated": tag.annotated,
            "paths": len(system.in_tags[tag.name]),
            "blobs": len({blob.digest for blob in system.in_tags[tag.name].values()}),
        }
        for tag in history.tags
    ]
    assert differences(found, [{**tag, "date": utc(tag["date"])} for tag in expected["tags"]]) == []


def test_every_tag_holds_the_paths_and_bytes_that_git_lists(system: System) -> None:
    found = {name: paths(tree) for name, tree in system.in_tags.items()}
    assert differences(found, system.expected["tag_trees"]) == []


def test_runs_of_tags_give_the_same_trees_as_git(system: System) -> None:
    found: dict[str, dict[str, str]] = {tag.name: {} for tag in system.history.tags}
    for path, runs in timeline.Timeline(system.history).runs().items():
        for run in runs:
            for tag in system.history.tags[run.first : run.last]:
                assert path not in found[tag.name]
                found[tag.name][path] = raw(run.blob)
    assert differences(found, system.expected["tag_trees"]) == []


def blobs(system: System) -> list[dict[str, Any]]:
    """Return every distinct blob as the data pack tells it, from trees."""
    found: dict[str, dict[str, Any]] = {}
    came: dict[str, dict[str, str]] = {}
    for commit in system.history.commits:
        for path, blob in system.trees[commit.id].items():
            entry = found.setdefault(raw(blob), {"symlink": blob.link, "first_commit": commit.id})
            entry["last_commit_containing"] = commit.id
            came.setdefault(raw(blob), {}).setdefault(path, commit.id)
    for digest, entry in found.items():
        size = system.history.size(f"git-sha1:{digest}")
        holds = {name: {raw(each) for each in tree.values()} for name, tree in system.in_tags.items()}
        tags = [name for name, held in holds.items() if digest in held]
        by_path = dict(sorted(came[digest].items()))
        entry.update(git_id=digest, size=size, present=size is not None, paths=list(by_path), tags=tags)
        entry.update(first_commit_by_path=by_path if len(by_path) > 1 else None)
        entry.update(in_head=digest in {raw(each) for each in system.trees[system.head].values()})
        entry.update(first_tag=tags[0] if tags else None, last_tag=tags[-1] if tags else None)
    return list(found.values())


def by_id(entries: list[dict[str, Any]], names: set[str]) -> dict[str, dict[str, Any]]:
    return {entry["git_id"]: {key: value for key, value in entry.items() if key in names} for entry in entries}


def test_every_blob_stands_where_and_when_git_says(system: System) -> None:
    found = blobs(system)
    assert differences(by_id(found, set(found[0])), by_id(system.expected["blobs"], set(found[0]))) == []
    reachable = {each["git_id"]: each["reachable_from_branch_or_tag"] for each in system.expected["blobs"]}
    assert all(reachable.values()), "the pack has references to neither branches nor tags: compare them, too"
    branches = [ref for ref, _ in system.history.heads if not ref.startswith("refs/heads/")]
    assert branches == []


def test_bytes_have_the_sizes_and_digests_that_are_expected(system: System) -> None:
    found = []
    for entry in system.expected["blobs"]:
        told = {"git_id": entry["git_id"], "size": None, "sha256": None, "md5": None, "adler32": None}
        if system.history.size(f"git-sha1:{entry['git_id']}") is not None:
            with system.history.open(f"git-sha1:{entry['git_id']}") as stream:
                data = stream.read()
            told.update(size=len(data), sha256=hashlib.sha256(data).hexdigest(), md5=hashlib.md5(data).hexdigest())
            told.update(adler32=f"{zlib.adler32(data):08x}")
        found.append(told)
    assert differences(by_id(found, set(found[0])), by_id(system.expected["blobs"], set(found[0]))) == []


def test_every_path_held_the_bytes_that_git_says_in_order(system: System) -> None:
    found: dict[str, list[dict[str, str]]] = {}
    for commit in system.history.commits:
        for path, blob in sorted(system.trees[commit.id].items()):
            told = found.setdefault(path, [])
            if raw(blob) not in [each["git_id"] for each in told]:
                told.append({"git_id": raw(blob), "first_commit": commit.id})
    assert differences(dict(sorted(found.items())), system.expected["path_versions"]) == []


def test_exact_renames_are_those_of_git(system: System) -> None:
    found = [
        {"commit": each.commit, "old": each.old, "new": each.new, "git_id": each.digest.removeprefix("git-sha1:")}
        for each in timeline.renames(system.history)
    ]
    assert sorted(map(str, found)) == sorted(map(str, system.expected["renames"]))


def test_identical_bytes_at_several_paths_are_all_found(system: System) -> None:
    found: dict[str, dict[str, Any]] = {}
    for entry in blobs(system):
        if len(entry["paths"]) > 1:
            told: dict[str, Any] = {"paths": entry["paths"], "size": entry["size"], "git_id": entry["git_id"]}
            found[entry["git_id"]] = {**told, "at_the_same_time": together(system, entry["git_id"], entry["paths"])}
    assert differences(found, {each["git_id"]: each for each in system.expected["identical_bytes"]}) == []


def together(system: System, digest: str, candidates: list[str]) -> list[dict[str, Any]]:
    def at(tree: Tree) -> tuple[str, ...]:
        return tuple(path for path in candidates if path in tree and raw(tree[path]) == digest)

    first: dict[tuple[str, ...], str] = {}
    for commit in system.history.commits:
        if len(stood := at(system.trees[commit.id])) > 1:
            first.setdefault(stood, commit.id)
    return [
        {
            "paths": list(stood),
            "first_commit": commit,
            "tags": [name for name, tree in system.in_tags.items() if at(tree) == stood],
            "in_head": at(system.trees[system.head]) == stood,
        }
        for stood, commit in first.items()
    ]


def test_there_are_neither_links_nor_submodules(system: System) -> None:
    links = [path for tree in system.trees.values() for path, blob in tree.items() if blob.link]
    assert links == system.expected["symlinks"] == []
    assert [each for each in system.history.troubles if "submodule" in each.code] == system.expected["gitlinks"] == []


def test_the_counts_are_those_of_git(system: System) -> None:
    told = blobs(system)
    commits = system.history.commits
    found = {
        "commits": len(commits),
        "merges": sum(len(commit.parents) > 1 for commit in commits),
        "refs": len(system.history.heads) + len(system.history.tags),
        "tags": len(system.history.tags),
        "commits_reachable_from_branches_or_tags": len(commits),
        "blobs_only_in_pull_request_refs": 0,
        "commits_reachable_from_head": len(ancestors(system)),
        "blobs": len(told),
        "blobs_content_missing": sum(not each["present"] for each in told),
        "blobs_in_no_tag": sum(not each["tags"] for each in told),
        "blobs_in_head": sum(each["in_head"] for each in told),
        "paths_ever": len({path for each in told for path in each["paths"]}),
        "paths_in_head": len(system.trees[system.head]),
        "symlinks": sum(each["symlink"] for each in told),
        "renames_exact": len(timeline.renames(system.history)),
        "identical_bytes_at_several_paths": sum(len(each["paths"]) > 1 for each in told),
    }
    assert differences(found, system.expected["counts"]) == []


def ancestors(system: System) -> set[str]:
    parents = {commit.id: commit.parents for commit in system.history.commits}
    found: set[str] = set()
    waiting = [system.head]
    while waiting:
        commit = waiting.pop()
        if commit not in found:
            found.add(commit)
            waiting.extend(parents[commit])
    return found
