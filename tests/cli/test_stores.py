"""Several blob stores, as their owner meets them at the prompt."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .conftest import MODEL, Run, run_process

PLACES = '[[blobs]]\nname = "here"\nurl = "file:blobs"\n[[blobs]]\nname = "archive"\nurl = "file:../archive"\n'


@pytest.fixture
def two(herdbook: Run, registry: Path, files: Path) -> Run:
    """A registry with two stores, of which the second was filled."""
    herdbook("register", f"{MODEL}:v1", str(files))
    (registry / "registry.toml").write_text(PLACES, "utf-8")
    herdbook("store", "copy", "here", "archive")
    return herdbook


def rot(folder: Path) -> None:
    for path in folder.glob("??/*"):
        path.chmod(0o600)
        path.write_bytes(b"x" * path.stat().st_size)


def test_without_a_file_there_is_one_store_and_it_is_verified(herdbook: Run, files: Path) -> None:
    herdbook("register", f"{MODEL}:v1", str(files))
    assert herdbook("store", "list", "-q").out == "blobs\n"
    assert herdbook("verify", "--all", "-q").out == "sound blobs\n"
    assert "never" not in herdbook("store", "list").out


def test_rot_is_found_named_and_mended_with_the_statuses_that_a_timer_looks_at(two: Run, registry: Path) -> None:
    rot(registry.parent / "archive")
    said = two("verify", "--all", status=7)
    assert "archive  NOT SOUND" in said.out
    assert "here     sound" in said.out
    assert "hint: not sound: archive; herdbook store repair" in said.err
    assert "corrupt" in two("store", "list").out
    assert "2 mended" in two("store", "repair").out
    two("verify", "--all")
    assert "corrupt" not in two("store", "list").out


def test_rot_in_all_stores_is_an_error_that_says_where_else_to_look(two: Run, registry: Path) -> None:
    rot(registry.parent / "archive")
    rot(registry / "blobs")
    two("store", "verify", status=7)
    assert "recover" in two("store", "repair", status=7).err


def test_reading_past_a_rotten_copy_warns_in_the_form_that_was_asked_for(
    two: Run, registry: Path, tmp_path: Path
) -> None:
    rot(registry / "blobs")
    said = two("fetch", f"{MODEL}:v1", str(tmp_path / "out"))
    assert "warning: blob store here was passed over" in said.err
    said = run_process("-R", str(registry), "fetch", f"{MODEL}:v1", str(tmp_path / "again"), "--json")
    assert said.status == 0
    assert {tuple(json.loads(line)) for line in said.err.splitlines()} == {("warning",)}


def test_words_that_do_not_go_together_are_refused(two: Run) -> None:
    for words in (
        ("verify",),
        ("verify", f"{MODEL}:v1", "--all"),
        ("verify", f"{MODEL}:v1", "--rate", "5"),
        ("verify", f"{MODEL}:v1", "--no-resume"),
        ("verify", "--all", "--rate", "0"),
        ("store", "verify", "here", "--all"),
        ("store", "copy", "here"),
        ("store", "copy", "here", "here"),
    ):
        assert two(*words, status=2).err
    said = two("store", "verify", "archiv", status=3)
    assert "here, archive" in said.err


def test_a_store_whose_disk_is_away_is_not_filled_unasked(two: Run, registry: Path) -> None:
    (registry.parent / "archive").rename(registry.parent / "elsewhere")
    said = two("store", "repair", status=6)
    assert "may not be mounted" in said.err
    assert "herdbook store copy here archive" in said.err
    assert not (registry.parent / "archive").exists()


def test_a_file_that_names_no_place_is_refused_by_every_command(two: Run, registry: Path) -> None:
    (registry / "registry.toml").write_text('[[blobs]]\nname = "x"\nurl = "ftp://x"\n', "utf-8")
    for words in (("store", "list"), ("list",), ("doctor",)):
        assert "registry.toml" in two(*words, status=2).err
