"""A training that runs code of a submodule can be had again only with the submodule's own commit and changes."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tests.capture.surroundings.trees import cloned, commit, git, tree

from herdbook.capture import git as reader


@pytest.fixture
def here(tmp_path: Path) -> Path:
    inner = tree(tmp_path / "inner", net__py="layers = 3\n")
    outer = tree(tmp_path / "outer")
    git(outer, "submodule", "add", "-q", inner.as_uri(), "lib/inner")
    commit(outer)
    return cloned(outer, tmp_path / "here", "--recurse-submodules")


def test_a_submodule_is_told_with_its_own_commit_and_remote(tmp_path: Path, here: Path) -> None:
    state = reader.read(here)
    head = git(here / "lib/inner", "rev-parse", "HEAD")
    expected = {"path": "lib/inner", "commit": head, "repository": (tmp_path / "inner").as_uri()}
    assert list(state.code.submodules or ()) == [expected]
    assert state.code.dirty is False
    assert state.code.problems is None


def test_changes_in_a_submodule_are_in_the_diff_and_apply_at_the_top(tmp_path: Path, here: Path) -> None:
    (here / "lib/inner/net.py").write_text("layers = 4\n")
    (here / "lib/inner/extra.py").write_text("e")
    (here / "train.py").write_text("print(2)\n")
    state = reader.read(here)
    assert state.diff is not None
    assert state.code.dirty is True
    assert [item["path"] for item in state.code.untracked or ()] == ["lib/inner/extra.py"]
    again = cloned(tmp_path / "outer", tmp_path / "again", "--recurse-submodules")
    (tmp_path / "diff").write_bytes(state.diff)
    git(again, "apply", str(tmp_path / "diff"))
    assert (again / "lib/inner/net.py").read_text() == "layers = 4\n"
    assert (again / "train.py").read_text() == "print(2)\n"


def test_a_submodule_at_another_commit_says_both_and_that_it_was_not_pushed(here: Path) -> None:
    recorded = git(here / "lib/inner", "rev-parse", "HEAD")
    (here / "lib/inner/net.py").write_text("layers = 5\n")
    moved = commit(here / "lib/inner")
    state = reader.read(here)
    told = (state.code.submodules or ())[0]
    assert (told["commit"], told["recorded"]) == (moved, recorded)
    assert state.code.dirty is True
    assert "unpushed-submodule:lib/inner" in (state.code.problems or ())
    assert state.diff is None, "its commit says it all"


def test_a_submodule_that_was_not_cloned_is_missing_and_its_address_told(tmp_path: Path) -> None:
    inner, outer = tree(tmp_path / "inner"), tree(tmp_path / "outer")
    git(outer, "submodule", "add", "-q", inner.as_uri(), "lib")
    commit(outer)
    state = reader.read(cloned(outer, tmp_path / "here"))
    assert state.code.problems == ("missing-submodule:lib",)
    assert (state.code.submodules or ())[0]["repository"] == inner.as_uri()


def test_a_submodule_replaced_by_a_link_to_somewhere_else_is_not_followed(tmp_path: Path, here: Path) -> None:
    elsewhere = tree(tmp_path / "elsewhere", private="p")
    (elsewhere / "private").write_text("changed in private")
    shutil.rmtree(here / "lib/inner")
    (here / "lib/inner").symlink_to(elsewhere)
    state = reader.read(here)
    assert "missing-submodule:lib/inner" in (state.code.problems or ())
    assert b"changed in private" not in (state.diff or b"")


def test_a_repository_inside_that_is_no_submodule_is_told(tmp_path: Path) -> None:
    here = tree(tmp_path / "here")
    tree(here / "nested")
    state = reader.read(here)
    assert "nested-repository:nested" in (state.code.problems or ())


def test_many_problems_of_one_kind_do_not_flood_a_record(tmp_path: Path) -> None:
    here = tree(tmp_path / "here")
    for number in range(30):
        git(here, "init", "-q", f"nested{number}")
        (here / f"nested{number}" / "f").write_text("x")
    told = [code for code in reader.read(here).code.problems or () if code.startswith("nested-repository")]
    assert 0 < len(told) <= 20
