"""What is drafted of the two data repositories, against what git alone says of them."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from tests.story.systems import System, differences, utc

from herdbook.model.drafts import Drafts, DraftSaid
from herdbook.service.mapping import messages, triton

pytestmark = pytest.mark.datapack


def test_training_ids_in_messages_are_found(system: System) -> None:
    found = [
        {"commit": commit.id, "date": commit.committed, "ids": [each.identifier.value for each in told]}
        for commit in system.history.commits
        if (told := messages.trainings(commit.message))
    ]
    expected = [
        {"commit": each["commit"], "date": utc(each["date"]), "ids": each["hex32"]}
        for each in system.expected["training_ids_in_messages"]
    ]
    assert differences(found, expected) == []


def test_messages_that_say_change_are_those_of_git_and_withdrawals_are_among_them(system: System) -> None:
    found = {commit.id: words for commit in system.history.commits if (words := messages.says_change(commit.message))}
    expected = {each["commit"]: each["words"] for each in system.expected["messages_that_say_change"]}
    assert differences(found, expected) == []
    for withdrawal in system.drafts.withdrawals:
        where = str(withdrawal.evidence["/reason"].where)
        assert where.removeprefix("commit:") in expected


def configurations(system: System) -> Iterator[tuple[str, str, str]]:
    """Yield (commit, path, digest) of every Triton configuration, where its text first stood at the path."""
    seen = set()
    for commit in system.history.commits:
        for path, blob in sorted(system.trees[commit.id].items()):
            if path.endswith("config.pbtxt") and (path, blob) not in seen:
                seen.add((path, blob))
                yield commit.id, path, blob.digest


def text(system: System, digest: str) -> str:
    with system.history.open(digest) as stream:
        return stream.read().decode()


def test_declared_md5s_stand_with_the_status_that_is_expected(system: System) -> None:
    found = []
    for version in system.drafts.versions:
        for said in version.said:
            for entry in said.body.get("declared", ()):
                config = next(file for file in version.files if file.path == "config.pbtxt")
                target = next(file for file in version.files if file.path == entry["file"])
                told = (config.source_path, config.digest, entry["md5"], target.digest, entry["status"])
                found.append((*told, version.commit, version.first, version.last, version.current))
    expected = [
        (
            each["config"],
            f"git-sha1:{each['config_git_id']}",
            each["declared_md5"],
            f"git-sha1:{each['file_git_id']}",
            each["status"],
            each["first_commit"],
            each["tags"][0],
            each["tags"][-1],
            each["in_head"],
        )
        for each in system.expected["triton_md5"]
    ]
    assert sorted(found) == sorted(expected)


def test_configurations_without_an_md5_declare_none(system: System) -> None:
    found = [
        {"path": path, "git_id": digest.removeprefix("git-sha1:")}
        for _, path, digest in configurations(system)
        if not triton.declared(text(system, digest))
    ]
    expected = system.expected["triton_configs_without_md5"]
    assert sorted(map(str, found)) == sorted(map(str, expected))


def identities(drafts: Drafts) -> Iterator[tuple[str, str, DraftSaid]]:
    """Yield (path in the source, digest of the bytes, statement) of every statement of identity."""
    top = drafts.source.name.partition("/")[2].replace("-", "/") + "/data/"
    for version in drafts.versions:
        files = {file.path: file for file in version.files}
        for said in version.said:
            if said.type == "herdbook/identity/1":
                yield said.body["id"]["value"].removeprefix(top), files[said.body["path"]].digest, said


def test_in_every_tag_the_identity_that_is_valid_names_exactly_the_bytes_there(system: System) -> None:
    drafts = system.drafts
    order = {name: number for number, name in enumerate(drafts.tags)}
    taken = {path for path, _, _ in identities(drafts)} - {"README.md"}  # it goes with models, where there are some
    found: dict[str, dict[str, str]] = {name: {} for name in drafts.tags}
    for path, digest, said in identities(drafts):
        first, last = order[said.body["first"]], order.get(said.body.get("last", ""), len(order))
        for name in drafts.tags[first:last] if path in taken else ():
            digests = found[name].setdefault(path, digest.removeprefix("git-sha1:"))
            assert f"git-sha1:{digests}" == digest
    trees = system.expected["tag_trees"]
    expected = {name: {path: id_ for path, id_ in tree.items() if path in taken} for name, tree in trees.items()}
    assert len(taken) > 10
    assert differences(found, expected) == []


def test_every_blob_has_one_fate_and_those_in_versions_are_taken_or_absent(system: System) -> None:
    drafts = system.drafts
    expected = {f"git-sha1:{each['git_id']}": each for each in system.expected["blobs"]}
    assert [each.digest for each in drafts.blobs if each.digest not in expected] == []
    assert len(drafts.blobs) == len({each.digest for each in drafts.blobs}) == len(expected)
    held = {file.digest for version in drafts.versions for file in version.files}
    for blob in drafts.blobs:
        told = expected[blob.digest]
        ends = tuple(dict.fromkeys(told["tags"][:1] + told["tags"][-1:]))
        assert (list(blob.paths), blob.size, blob.commit, blob.tags) == (
            told["paths"],
            told["size"],
            told["first_commit"],
            ends,
        )
        assert blob.fate == ("absent" if not told["present"] else "taken" if blob.digest in held else "skipped")
        assert (blob.digest in held) == bool(blob.versions)
        assert blob.reason or blob.fate == "taken"


def test_every_deeptau_network_of_every_tag_is_one_version(system: System) -> None:
    sets: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for name, tree in system.expected["tag_trees"].items():
        parts: dict[str, list[tuple[str, str]]] = {}
        for path, digest in tree.items():
            if path.startswith("DeepTauId/"):
                name_of_set = re.sub(r"_(core|inner|outer)\.pb$", "", path)
                parts.setdefault(name_of_set, []).append((path, f"git-sha1:{digest}"))
        for files in parts.values():
            sets.setdefault(tuple(sorted(files)), []).append(name)
    found = {
        tuple((file.source_path, file.digest) for file in version.files): (version.first, version.last)
        for version in system.drafts.versions
        if version.model == "cms/tau/deeptau" and version.first
    }
    assert found == {files: (tags[0], tags[-1]) for files, tags in sets.items()}
    assert len(found) == (6 if system.name.startswith("RecoTauTag") else 0)
