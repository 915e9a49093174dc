"""Repositories that lack something: partial and shallow clones, thin bundles, cut histories."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from herdbook.kernel.errors import MissingError
from herdbook.plugins.importers.git import GitSource
from herdbook.testing.repositories import Repository

Opener = Callable[..., GitSource]


def told(source: GitSource) -> set[tuple[str, str]]:
    return {(trouble.code, trouble.where) for trouble in source.history.troubles}


@pytest.mark.parametrize("packed", [False, True])
def test_content_that_a_partial_clone_lacks_has_no_size_and_is_not_fetched(
    repository: Repository, opened: Opener, packed: bool
) -> None:
    commit = repository.commit({"big": b"big", "small": b"small"})
    big = repository.put("blob", b"big")
    repository.drop(big)
    if packed:
        pack = repository.pack()
        pack.with_suffix(".promisor").write_bytes(b"")
    repository.write("config", b'[remote "origin"]\n\turl = ext::touch marker\n\tpromisor = true\n')
    source = opened(repository)
    assert len(source.history.changes(None, commit)) == 2
    assert source.history.size(f"git-sha1:{big}") is None
    with pytest.raises(MissingError) as caught:
        source.open(f"git-sha1:{big}")
    assert caught.value.code == "content-absent"
    assert told(source) == set()


def test_a_folder_that_is_absent_holds_nothing_and_is_told(repository: Repository, opened: Opener) -> None:
    first = repository.commit({"in/a": b"1", "b": b"1"})
    second = repository.commit({"in/a": b"1", "in/c": b"2", "b": b"2"})
    third = repository.commit({"in/a": b"1", "in/c": b"2", "in/d": b"3", "b": b"2"})
    lost = repository.edit(repository.empty, {"a": b"1", "c": b"2"})
    repository.drop(lost)
    source = opened(repository)
    assert [change.path for change in source.history.changes(first, second)] == ["b", "in/a"]
    assert [change.path for change in source.history.changes(second, third)] == ["in/a", "in/c", "in/d"]
    assert told(source) == {("tree-absent", lost)}


def test_a_commit_without_its_tree_does_not_end_the_import(repository: Repository, opened: Opener) -> None:
    first = repository.commit({"a": b"1"})
    second = repository.commit({"a": b"2"})
    repository.drop(repository.edit(repository.empty, {"a": b"1"}))
    source = opened(repository)
    assert source.history.changes(None, first) == []
    assert [change.path for change in source.history.changes(first, second)] == ["a"]


def test_an_absent_commit_cuts_the_history(repository: Repository, opened: Opener) -> None:
    first = repository.commit({"a": b"1"})
    second = repository.commit({"a": b"2"})
    third = repository.commit({"a": b"3"}, parents=[second, first])
    repository.drop(second)
    source = opened(repository)
    assert [(commit.id, commit.parents) for commit in source.history.commits] == [(first, ()), (third, (first,))]
    assert told(source) == {("commit-absent", second)}


def test_a_shallow_clone_begins_where_it_is_cut(repository: Repository, opened: Opener) -> None:
    repository.drop(repository.commit({"a": b"1"}))
    second = repository.commit({"a": b"2"})
    repository.write("shallow", second.encode() + b"\n")
    source = opened(repository)
    assert [(commit.id, commit.parents) for commit in source.history.commits] == [(second, ())]
    assert told(source) == {("shallow", "shallow")}


def test_grafts_replacements_and_alternates_are_told_and_not_followed(
    repository: Repository, opened: Opener, tmp_path: Path
) -> None:
    other = Repository(tmp_path / "other.git")
    secret = other.put("blob", b"secret")
    first = repository.commit({"a": b"1"})
    second = repository.commit({"a": b"2"})
    repository.write("info/grafts", f"{second}\n".encode())
    repository.ref(f"refs/replace/{second}", first)
    repository.write("objects/info/alternates", f"{other.folder / 'objects'}\n".encode())
    source = opened(repository)
    assert source.history.commits[1].parents == (first,)
    assert [name for name, _ in source.history.heads] == ["refs/heads/master"]
    assert source.history.size(f"git-sha1:{secret}") is None
    assert {code for code, _ in told(source)} == {"grafts", "replace-refs", "alternates"}


def test_a_bundle_that_stands_on_other_commits_tells_which(
    repository: Repository, opened: Opener, tmp_path: Path
) -> None:
    first = repository.commit({"a": b"1", "b": b"1"})
    second = repository.commit({"a": b"1", "b": b"2"})
    without = [first, repository.put("blob", b"1"), repository.edit(repository.empty, {"a": b"1", "b": b"1"})]
    source = opened(repository.bundle(tmp_path / "part.bundle", without=without, prerequisites=[first]))
    assert [(commit.id, commit.parents) for commit in source.history.commits] == [(second, ())]
    sizes = {
        change.path: change.new and source.history.size(change.new.digest)
        for change in source.history.changes(None, second)
    }
    assert sizes == {"a": None, "b": 1}
    assert told(source) == {("prerequisite", first), ("commit-absent", first)}


def test_a_pack_without_index_is_told(repository: Repository, opened: Opener) -> None:
    repository.commit({"a": b"1"})
    repository.pack().with_suffix(".idx").unlink()
    source = opened(repository)
    assert source.history.commits == []
    assert {code for code, _ in told(source)} == {"pack-without-index", "ref-absent"}
