"""Paths: every file name of a Linux folder has one, and no path leaves the folder or clashes on another system."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from herdbook.kernel import paths
from herdbook.kernel.errors import InvalidError


@given(st.binary(max_size=60))
@example(b"100%.txt")
@example(b"%FF\xff%")
@example("donn\u00e9es".encode() + b"\xc3")
def test_any_bytes_of_a_file_name_come_back_from_its_path(raw: bytes) -> None:
    path = paths.escape(raw)
    assert paths.unescape(path) == raw
    assert paths.escape(paths.unescape(path)) == path
    path.encode("utf-8")


@given(st.binary(min_size=1, max_size=30).filter(lambda raw: not set(raw) & {*range(32), 0x7F, ord("/")}))
def test_the_path_of_a_name_without_control_characters_is_one_a_record_holds(raw: bytes) -> None:
    path = paths.escape(raw)
    if raw in {b".", b".."} or any("\x80" <= char <= "\x9f" for char in path):
        with pytest.raises(InvalidError):
            paths.check(path)
    else:
        assert paths.check(path) == path


@given(st.text("ab/.%F4 ", max_size=12))
def test_a_path_that_is_taken_stays_inside_the_folder_and_has_one_spelling(path: str) -> None:
    try:
        paths.check(path)
    except InvalidError:
        return
    folder = Path("/folder")
    inside = Path(os.path.normpath(folder / os.fsdecode(paths.unescape(path))))
    assert folder in inside.parents
    assert paths.escape(paths.unescape(path)) == path


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/a",
        "a/",
        "a//b",
        ".",
        "./a",
        "a/./b",
        "..",
        "a/../b",
        "a/..",
        "a\x00b",
        "a\nb",
        "a\x7f",
        "a\x85",
        "50%",
        "a%2Fb",
        "%2E%2E/a",
        "a%00",
        "a%ff",
        "a%41",
        "%C3%A9",
        "\ud800",
        "%25\ud800",
        "a%FF\udc80",
    ],
)
def test_a_path_that_leaves_climbs_or_hides_is_refused(path: str) -> None:
    with pytest.raises(InvalidError) as refused:
        paths.check(path)
    assert refused.value.code == "bad-path"


@pytest.mark.parametrize("path", ["a", "1/model.onnx", "...", ".hidden", "a b", "100%25.txt", "a%FF", "e\u0301/\u00e9"])
def test_a_path_of_a_real_folder_is_taken_as_it_is(path: str) -> None:
    assert paths.check(path) == path


def test_paths_that_differ_are_taken_together() -> None:
    paths.check_together(["a/b", "a/c", "a.b", "ab", "a-/b", "b/a", "A/d"])


@pytest.mark.parametrize(
    "together",
    [
        ["a", "a"],
        ["model.onnx", "model.onnx"],
        ["README", "readme"],
        ["dir/\u00e9", "dir/e\u0301"],
        ["stra\u00dfe", "STRASSE"],
        ["\u00c9", "e\u0301"],
        ["a", "a/b"],
        ["a/b/c", "a/b"],
        ["a/b", "A"],
        ["e\u0301/x", "\u00c9"],
        ["a", "a-b", "a/b"],
    ],
)
def test_paths_that_some_file_system_cannot_hold_side_by_side_are_refused(together: list[str]) -> None:
    for order in (together, together[::-1]):
        with pytest.raises(InvalidError) as refused:
            paths.check_together(order)
        assert refused.value.code == "paths-collide"


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=8))
def test_every_unicode_form_of_a_path_folds_to_the_same(path: str) -> None:
    folded = paths.fold(path)
    assert paths.fold(unicodedata.normalize("NFD", path)) == folded
    assert paths.fold(unicodedata.normalize("NFC", path)) == folded
