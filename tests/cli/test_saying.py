"""What a statement is about, as a person writes it: digests of files, datasets by their id, labels, prefixes."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from .conftest import MODEL, Run

NOTE = ("--kind", "note", "--body", '{"text": "seen"}')
MD5 = "md5:9e107d9d372bb6826bd81d3542a419d6"


def _subject(story: Run, *words: str) -> Any:
    [subject] = story("statement", "add", *words, *NOTE, "--json").json["statement"]["subject"]
    return subject


@pytest.mark.parametrize("digest", [MD5, "git-sha1:" + "7" * 40, "adler32:00620062"])
def test_the_weaker_digest_of_a_file_is_a_file_not_a_foreign_identity(story: Run, digest: str) -> None:
    assert _subject(story, digest, "--in", "demo") == {"file": digest}
    assert "--in" in story("statement", "add", digest, *NOTE, status=2).err
    assert len(story("statement", "list", digest, "--json").lines) == 1


def test_a_digest_that_is_cut_short_is_no_foreign_identity_either(story: Run) -> None:
    assert "not a digest" in story("statement", "add", MD5[:-1], *NOTE, "--in", "demo", status=2).err


def test_the_sha256_of_a_versions_file_is_that_file_also_by_its_first_digits(story: Run, files: Path) -> None:
    digest = "sha256:" + hashlib.sha256((files / "weights.txt").read_bytes()).hexdigest()
    for words in (digest, digest[:19], digest[7:19]):
        assert _subject(story, words) == {"file": digest}
        assert len(story("statement", "list", words, "--json").lines) == 1
    assert "seen" in story("show", f"{MODEL}:v2").out
    assert "seen" not in story("show", f"{MODEL}:v1").out


def test_a_dataset_by_its_id_is_the_record_so_that_its_page_shows_what_was_said(story: Run) -> None:
    record = story("dataset", "show", "local:toy", "-q").out.strip()
    assert _subject(story, "local:toy", "--in", "demo") == {"record": record}
    assert _subject(story, "local:toy") == {"record": record}
    assert "seen" in story("dataset", "show", "local:toy").out
    assert _subject(story, "local:other", "--in", "demo") == {"id": {"scheme": "local", "value": "other"}}


def test_an_id_that_fits_several_datasets_is_never_one_of_them_silently(story: Run, files: Path) -> None:
    story("dataset", "register", "demo", "local:toy", "--file", str(files))
    found = story("statement", "add", "local:toy", "--in", "demo", *NOTE, status=4)
    assert found.err.count("sha256:") == 2


def test_what_is_known_in_two_namespaces_asks_in_which_to_speak(story: Run) -> None:
    story("namespace", "create", "lab")
    story("dataset", "register", "lab", "local:toy")
    assert "--in" in story("statement", "add", "local:toy", *NOTE, status=2).err


def test_a_label_narrows_what_is_said_of_a_model(story: Run) -> None:
    wanted = {"name": MODEL, "labels": ["v1"]}
    issue = ("--kind", "known-issue", "--body", '{"title": "fails above 1 TeV"}')
    [subject] = story("statement", "add", MODEL, "--label", "v1", *issue, "--json").json["statement"]["subject"]
    assert subject == wanted
    assert "fails above" in story("show", f"{MODEL}:v1").out
    assert "fails above" not in story("show", f"{MODEL}:v2").out
    story("statement", "add", MODEL, "--label", "v9", *NOTE, status=3)
    assert "--label" in story("statement", "add", f"{MODEL}:v1", "--label", "v1", *NOTE, status=2).err
    assert "--label" in story("statement", "add", "demo", "--label", "v1", *NOTE, status=2).err


def test_what_is_not_known_and_where_a_value_came_from_are_said_with_it(story: Run) -> None:
    body = ("--kind", "description", "--body", '{"licence": "MIT", "title": "a=b"}')
    given = ("--unknown", "/contact", "--evidence", "/licence=declared:LICENSE#L1", "--evidence", "/title=asserted")
    said = story("statement", "add", f"{MODEL}:v1", *body, *given, "--json").json["statement"]
    assert said["unknown"] == ["/contact"]
    assert said["evidence"] == {
        "/licence": {"how": "declared", "where": "LICENSE#L1"},
        "/title": {"how": "asserted"},
    }
    assert "POINTER=HOW:WHERE" in story("statement", "add", f"{MODEL}:v1", *body, "--evidence", "x", status=2).err
    story("statement", "add", f"{MODEL}:v1", *body, "--evidence", "/title=guessed:x", status=2)


def test_nothing_said_about_what_is_here_is_an_empty_list(story: Run, files: Path) -> None:
    digest = hashlib.sha256((files / "weights.txt").read_bytes()).hexdigest()
    md5 = hashlib.md5((files / "weights.txt").read_bytes(), usedforsecurity=False).hexdigest()
    story("namespace", "create", "lab")
    for words in ("lab", f"{MODEL}:v2", "local:toy", "mlflow-run:run-7", f"sha256:{digest}", digest[:12], f"md5:{md5}"):
        found = story("statement", "list", words)
        assert (found.out, found.err) == ("", "Nothing was said about it.\n"), words


@pytest.mark.parametrize(
    "words", ["doi:10.1/x", "lab", MD5, "sha256:" + "0" * 64, "0" * 12, "demo/no/such", f"{MODEL}:v9", 'a:"\\']
)
def test_asking_what_is_said_about_what_is_not_here_ends_with_3(story: Run, words: str) -> None:
    found = story("statement", "list", words, "--json", status=3)
    assert found.out == ""
    assert found.problem["hint"]


def test_the_first_digits_that_tables_print_serve_wherever_a_digest_does(story: Run) -> None:
    version = story("list", MODEL, "--json").lines[0]["record"]
    dataset = story("dataset", "list", "--json").json["record"]
    activity = story("activity", "list", "--kind", "fine-tuning", "--json").json["record"]
    statement = story("statement", "list", f"{MODEL}:v1", "--kind", "description", "--json").json["digest"]
    commands = {
        ("show",): version,
        ("trace",): version,
        ("trace", "--down"): dataset,
        ("dataset", "show"): dataset,
        ("activity", "show"): activity,
        ("statement", "show"): statement,
        ("statement", "list"): dataset,
    }
    for words, digest in commands.items():
        whole = story(*words, digest, "--json").out
        for short in (digest[:19], digest[7:19]):
            assert story(*words, short, "--json").out == whole, words
    assert dataset[7:19] in story("dataset", "list").out
    body = json.dumps({"title": "Anew"})
    assert story("statement", "supersede", statement[7:19], "--body", body, "--json").json["digest"] != statement
    shown = story("statement", "list", f"{MODEL}:v1", "--kind", "description").out.split()[-1]
    story("statement", "withdraw", shown, "--reason", "a slip")
