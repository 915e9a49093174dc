"""Withdrawals are proposed where a message says so and the commit takes or changes what it speaks of."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.service.mapping.drafting import drafted, version

from herdbook.testing.repositories import Content, Repository

CORE, INNER = "nets/tau_v1_core.pb", "nets/tau_v1_inner.pb"
SET: dict[str, Content] = {CORE: b"c", INNER: b"i", "nets/preprocess.json": b"{}", "nets/README.md": b"#"}


def test_a_removed_set_is_withdrawn_without_replacement(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "r")
    first = repository.commit(SET)
    gone = repository.commit({CORE: None, INNER: None}, "Remove depreciated tau\n\nDetails.", onto=first)
    drafts = drafted(repository)
    (found,) = drafts.withdrawals
    assert (found.versions, found.replacement) == ((version(drafts, "v1").key,), None)
    assert found.reason == "Remove depreciated tau"
    assert {pointer: (told.how, told.where) for pointer, told in found.evidence.items()} == {
        "/reason": ("asserted", f"commit:{gone}")
    }


def test_a_changed_set_is_withdrawn_for_what_stands_there_since(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "r")
    first = repository.commit(SET)
    repository.commit({CORE: b"right"}, "fix: wrong order of inputs", onto=first)
    drafts = drafted(repository)
    (found,) = drafts.withdrawals
    assert found.replacement == version(drafts, "v1").key
    assert found.evidence["/replacement"].how == "inferred"


@pytest.mark.parametrize(
    ("message", "change", "count"),
    [
        ("Updated the network", {CORE: b"new"}, 0),
        ("Fix the scaling", {"nets/preprocess.json": b"[]"}, 1),
        ("Fix a typo", {"nets/README.md": b"##"}, 0),
        ("removed the README", {"nets/README.md": None}, 0),
        ("remove scaling", {"nets/preprocess.json": None}, 0),
        ("Fix the README", {"other.csv": b""}, 0),
        ("Remove the bugged inner network", {INNER: None}, 1),
        ("fix: add the outer network", {"nets/tau_v1_outer.pb": b"o"}, 0),
        ("Revert the network", {CORE: b"old"}, 1),
    ],
)
def test_words_and_changes_decide_together(
    tmp_path: Path, message: str, change: dict[str, Content | None], count: int
) -> None:
    repository = Repository(tmp_path / "r")
    repository.commit(change, message, onto=repository.commit(SET))
    assert len(drafted(repository).withdrawals) == count


def test_files_that_only_moved_are_not_withdrawn(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "r")
    repository.commit({"Jet/V00/net.onnx": b"n"})
    repository.commit({"Fat/V01/net.onnx": b"n"}, "Remove the folder Jet")
    repository.commit({"models/tau/1/net.onnx": b"n"}, "Remove the folder Fat")
    assert drafted(repository).withdrawals == ()


def test_a_merge_and_a_second_telling_propose_nothing_new(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "r")
    first = repository.commit(SET)
    side = repository.commit({CORE: None, INNER: None}, "Remove tau", onto=first, parents=[first], branch="side")
    again = repository.commit({CORE: None, INNER: None, "x.csv": b""}, "Remove tau again", onto=first)
    repository.commit({"x.csv": b""}, "Merge branch 'side' that removes tau", parents=[again, side])
    assert [each.reason for each in drafted(repository).withdrawals] == ["Remove tau"]
