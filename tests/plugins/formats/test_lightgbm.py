"""LightGBM's text, true and lying."""

from __future__ import annotations

from typing import Any

import pytest
from tests.plugins.formats.tree_files import fixture, read, rules, taken

from herdbook.kernel.errors import CorruptError, InvalidError
from herdbook.plugins.formats import lightgbm

TEXT = fixture("lightgbm_binary.txt")


def test_parameters_categories_and_places_are_read() -> None:
    facts = read("m.txt", TEXT)
    assert facts.values["options"]["num_leaves"] == "4"
    assert facts.values["features"][3] == {"name": "charge", "min": -1, "max": 2, "categories": [-1, 0, 1, 2]}
    assert facts.values["features"][4] == {"name": "never_used"}
    assert TEXT.decode().splitlines()[int(facts.where["/features"].split()[1]) - 1].startswith("feature_infos=")
    assert rules(facts) == []


def test_windows_line_ends_change_nothing() -> None:
    ours = read("m.txt", TEXT.replace(b"\n", b"\r\n")).values
    theirs = read("m.txt", TEXT).values
    assert {key: each for key, each in ours.items() if key != "options"} == {
        key: each for key, each in theirs.items() if key != "options"
    }


def test_trees_are_counted_in_windows_of_any_size(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = read("m.txt", TEXT).values
    for size in (64, 100, 1000):
        monkeypatch.setattr(lightgbm, "_CHUNK", size)
        assert read("m.txt", TEXT).values == whole


def test_a_tree_that_was_cut_out_is_a_finding() -> None:
    begin, end = TEXT.index(b"Tree=1"), TEXT.index(b"Tree=2")
    facts = read("m.txt", TEXT[:begin] + TEXT[end:])
    assert (facts.values["trees"], rules(facts)) == (2, ["trees-differ"])


def test_a_file_that_ends_too_early_says_so() -> None:
    assert rules(read("m.txt", TEXT[: TEXT.index(b"Tree=2")])) == ["trees-differ", "lightgbm-cut"]
    with pytest.raises(CorruptError, match="head"):
        read("m.txt", TEXT[:200])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"num_class=1", b"num_class=one"),
        (b"max_feature_idx=4", b"max_feature_idx=7"),
        (b"max_feature_idx=4", b"max_feature_idx=" + b"4" * 50),
        (b"feature_infos=[", b"feature_infos=[x"),
    ],
)
def test_a_head_that_is_not_as_lightgbm_writes_it_is_refused(old: bytes, new: bytes) -> None:
    with pytest.raises(CorruptError):
        read("m.txt", TEXT.replace(old, new, 1))


@pytest.mark.parametrize(
    ("info", "found"), [(b"[-inf:inf]", {"min": "-Infinity", "max": "Infinity"}), (b"none", {}), (b"?", {})]
)
def test_ranges_that_say_nothing_are_left_out_or_said(info: bytes, found: dict[str, Any]) -> None:
    line = TEXT[TEXT.index(b"feature_infos=") :].split(b"\n", 1)[0]
    changed = TEXT.replace(line, b" ".join([b"feature_infos=" + info, *line.split()[1:]]))
    assert read("m.txt", changed).values["features"][0] == {"name": "jet_pt", **found}


def test_pandas_categories_are_read_and_broken_ones_passed_over() -> None:
    said = TEXT[: TEXT.index(b"pandas_categorical:")] + b'pandas_categorical:[["a", "b"]]\n'
    assert read("m.txt", said).values["pandas_categorical"] == [["a", "b"]]
    assert "pandas_categorical" not in read("m.txt", said.replace(b'["a"', b"[")).values


def test_other_text_is_not_taken() -> None:
    for data in (b"tree\n", b"tree of life\nversion=1\n", b"", b" " + TEXT):
        assert taken("m.txt", data) is None


def test_more_features_than_any_model_has_are_refused() -> None:
    with pytest.raises(InvalidError, match="features"):
        read("m.txt", TEXT.replace(b"feature_names=", b"feature_names=" + b"a " * 200_001, 1))
