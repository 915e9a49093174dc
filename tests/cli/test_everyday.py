"""Registering, fetching, verifying, saying: what a person types in a day, and what the answers lead to."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from herdbook.stores.sql.migrations.upgrade import upgrade
from herdbook.stores.sql.sqlite import opening

from .conftest import MODEL, Run, run_here


def test_a_dry_run_shows_what_is_taken_and_why_the_rest_is_not_and_writes_nothing(herdbook: Run, files: Path) -> None:
    before = herdbook("journal", "checkpoint", "demo").out
    found = herdbook("register", f"{MODEL}:v1", str(files), "--dry-run")
    assert "weights.txt" in found.out
    assert "left out: matches .herdbookignore" in found.out
    assert "2 taken" in found.err
    assert herdbook("journal", "checkpoint", "demo").out == before
    taken = herdbook("register", f"{MODEL}:v1", str(files), "--dry-run", "--quiet").out
    assert taken == "README.md\nweights.txt\n"


def test_registering_twice_changes_nothing_and_says_so(herdbook: Run, files: Path) -> None:
    first = herdbook("register", f"{MODEL}:v1", str(files))
    assert first.out.startswith(f"registered  {MODEL}:v1  version 1  sha256:")
    assert f"hint: herdbook show {MODEL}:v1" in first.err
    head = herdbook("journal", "checkpoint", "demo").out
    assert herdbook("register", f"{MODEL}:v1", str(files)).out.startswith("unchanged")
    assert herdbook("journal", "checkpoint", "demo").out == head


def test_the_same_content_under_another_label_gets_that_label_too(herdbook: Run, files: Path) -> None:
    herdbook("register", f"{MODEL}:v1", str(files))
    assert herdbook("register", f"{MODEL}:v1-final", str(files)).out.startswith("labelled")
    assert sorted(herdbook("show", f"{MODEL}:v1", "--json").json["entry"]["labels"]) == ["v1", "v1-final"]
    assert len(herdbook("list", MODEL, "-q").out.splitlines()) == 1


def test_a_description_comes_from_a_file_and_options_win(herdbook: Run, files: Path, tmp_path: Path) -> None:
    told = tmp_path / "about.toml"
    told.write_text('title = "Of the file"\nsummary = "Long"\nlicence = "MIT"\n', "utf-8")
    herdbook("register", f"{MODEL}:v1", str(files), "--description", str(told), "--title", "Of the option")
    body = herdbook("statement", "list", f"{MODEL}:v1", "--kind", "description", "--json").json["statement"]["body"]
    assert body == {"title": "Of the option", "summary": "Long", "licence": "MIT"}


@pytest.mark.parametrize("from_stdin", [False, True])
def test_a_manifest_registers_many_versions_in_one_event(
    herdbook: Run, tmp_path: Path, from_stdin: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    lines = []
    for index in range(20):
        (tmp_path / f"bin{index}.txt").write_text(f"{index}\n", "utf-8")
        lines.append(json.dumps({"reference": f"demo/bins/bin{index}:v1", "path": f"bin{index}.txt"}))
    manifest = tmp_path / "manifest.jsonl"
    manifest.write_text("\n".join(lines) + "\n", "utf-8")
    before = len(herdbook("journal", "log", "demo", "--json").lines)
    words = ("-",) if from_stdin else (str(manifest),)
    found = herdbook("register", "--batch", *words, stdin=manifest.read_bytes() if from_stdin else None)
    assert "20 registered" in found.err
    assert len(herdbook("journal", "log", "demo", "--json").lines) == before + 1
    assert herdbook("search", "--count", "-q").out == "20\n"


def test_a_wrong_line_of_a_manifest_is_named_and_nothing_is_registered(herdbook: Run, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a\n", "utf-8")
    manifest = tmp_path / "manifest.jsonl"
    manifest.write_text('{"reference": "demo/b/a:v1", "path": "a.txt"}\n{"reference": "demo/b/a:v2"}\n', "utf-8")
    assert "line 2" in herdbook("register", "--batch", str(manifest), status=2).err
    assert herdbook("list", "-q").out == ""


def test_a_batch_takes_no_other_words(herdbook: Run) -> None:
    for words in (("demo/a/b:v1",), ("--title", "x"), ("--dry-run",)):
        assert "--batch" in herdbook("register", "--batch", "x", *words, status=2).err


def test_fetched_files_are_the_registered_ones_and_others_are_never_overwritten(story: Run, files: Path) -> None:
    out = files.parent / "out"
    story("fetch", f"{MODEL}:v2", str(out))
    assert (out / "weights.txt").read_bytes() == (files / "weights.txt").read_bytes()
    assert not (out / "secret.log").exists()
    story("fetch", f"{MODEL}:v2", str(out))
    assert "weights.txt" in story("fetch", f"{MODEL}:v1", str(out), status=4).err
    assert (out / "weights.txt").read_bytes() == (files / "weights.txt").read_bytes()


def test_a_bare_name_says_what_was_chosen(story: Run, tmp_path: Path) -> None:
    assert f"{MODEL}:v2" in story("fetch", MODEL, str(tmp_path / "out")).err
    assert "was taken for" in story("show", MODEL).out


def _damage(registry: Path) -> None:
    """Change a byte of every blob behind the registry's back."""
    for path in (registry / "blobs").rglob("*"):
        if path.is_file() and path.stat().st_size > 0:
            data = bytearray(path.read_bytes())
            data[0] ^= 1
            path.chmod(0o600)
            path.write_bytes(bytes(data))


def test_bytes_that_changed_end_verify_doctor_and_fetch_with_7(story: Run, registry: Path, tmp_path: Path) -> None:
    assert story("verify", f"{MODEL}:v1", f"{MODEL}:v2").out.startswith("ok  4 files")
    _damage(registry)
    found = story("verify", f"{MODEL}:v1", status=7)
    assert "CORRUPT" in found.out
    assert "ok" not in found.out
    assert "NOT SOUND" in story("doctor", status=7).out
    story("fetch", f"{MODEL}:v1", str(tmp_path / "out"), status=7)
    assert not list((tmp_path / "out").rglob("*.txt"))


def test_a_withdrawn_version_is_loud_everywhere(story: Run, tmp_path: Path) -> None:
    body = json.dumps({"reason": "wrong pile-up", "replacement": f"{MODEL}:v2"})
    story("statement", "add", f"{MODEL}:v1", "--kind", "withdrawal", "--body", body)
    shown = story("show", f"{MODEL}:v1").out
    assert shown.splitlines()[1].strip() == f"WITHDRAWN   wrong pile-up (use {MODEL}:v2)"
    assert shown.count("wrong pile-up") == 1
    assert "WITHDRAWN" in story("list", MODEL).out
    assert "WITHDRAWN" in story("trace", f"{MODEL}:v2").out
    assert "warning: " in story("fetch", f"{MODEL}:v1", str(tmp_path / "out")).err


def test_a_statement_can_be_about_anything_that_has_a_name(story: Run) -> None:
    note = ("--kind", "note", "--body", '{"text": "seen"}')
    entry = story("show", f"{MODEL}:v1", "--json").json
    dataset = story("dataset", "show", "local:toy", "--json").json["record"]
    activity = story("activity", "show", "mlflow-run:run-7", "--json").json["record"]
    first = story("statement", "add", f"{MODEL}:v1", *note, "--json").json
    about = {
        f"{MODEL}:v1": {"record": entry["entry"]["record"]},
        f"{MODEL}@production": {"record": entry["entry"]["record"]},
        MODEL: {"name": MODEL},
        "demo": {"namespace": "demo"},
        dataset: {"record": dataset},
        activity: {"record": activity},
        first["digest"]: {"statement": first["digest"]},
    }
    for words, subject in about.items():
        assert story("statement", "add", words, *note, "--json").json["statement"]["subject"] == [subject]
    assert "--in" in story("statement", "add", "doi:10.1/x", *note, status=2).err
    story("statement", "add", "doi:10.1/x", *note, "--in", "demo")
    story("statement", "add", "sha256:" + "0" * 64, *note, status=3)
    story("statement", "add", f"{MODEL}:v9", *note, status=3)


def test_an_alias_moves_only_from_where_it_was_expected(story: Run) -> None:
    production = f"{MODEL}@production"
    assert f"{MODEL}@1" in story("alias", "set", production, ":v2", "--expect", ":v2", status=4).err
    story("alias", "set", production, ":v2", "--expect", "@1", "--reason", "better")
    story("alias", "set", f"{MODEL}@staging", f"{MODEL}:v1", "--expect", "-")
    lines = story("history", MODEL).out.splitlines()
    assert any(line.split()[2:6] == ["alias", "production", "v1", "v2"] and "better" in line for line in lines)
    story("alias", "remove", production, "--expect", ":v2")
    assert story("alias", "list", MODEL, "-q").out == "staging\n"
    assert "removed" in story("alias", "history", production).out


def test_a_profile_keeps_what_is_not_given_and_forgets_what_is_unset(story: Run, tmp_path: Path) -> None:
    story("profile", "set", MODEL, "--title", "Taus", "--keyword", "a", "--keyword", "b")
    story("profile", "set", MODEL, "--task", "tagging", "--unset", "step")
    found = story("profile", "show", MODEL, "--json").json["profile"]
    assert found == {"title": "Taus", "task": "tagging", "keywords": ["a", "b"]}
    (tmp_path / "whole.json").write_text('{"title": "Anew"}', "utf-8")
    story("profile", "set", MODEL, "--from", str(tmp_path / "whole.json"), "--step", "trigger")
    assert story("profile", "show", MODEL, "--json").json["profile"] == {"title": "Anew", "step": "trigger"}
    story("profile", "set", "demo/later/model", "--title", "Not yet")


def test_a_dataset_of_files_keeps_their_digests_and_a_manifest_is_the_same(
    herdbook: Run, files: Path, tmp_path: Path
) -> None:
    record = herdbook("dataset", "register", "demo", "--file", str(files), "-q").out
    told = herdbook("inspect", str(files), "--json").lines
    manifest = tmp_path / "manifest.jsonl"
    keys = ("path", "size", "sha256", "md5", "adler32")
    manifest.write_text("\n".join(json.dumps({key: item[key] for key in keys}) for item in told), "utf-8")
    assert herdbook("dataset", "register", "demo", "--manifest", str(manifest), "-q").out == record
    herdbook("dataset", "register", "demo", "--manifest", str(manifest), "--file", str(files), status=2)
    herdbook("dataset", "register", "demo", status=2)


def test_a_person_gets_an_id_and_a_name_and_can_take_the_name_back(story: Run) -> None:
    first = story("whoami", "--json").json
    assert first["assurance"] == "os"
    assert "name" not in first
    story("whoami", "--name", "Ada", "--email", "ada@example.org")
    assert story("whoami", "--json").json["name"] == "Ada"
    assert "Ada" in story("history", MODEL).out
    story("whoami", "--forget", "--yes")
    assert "Ada" not in story("history", MODEL).out
    assert story("whoami", "--json").json == first
    story("whoami", "--forget", "--name", "x", status=2)


def test_whoami_needs_no_registry_and_makes_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HERDBOOK_REGISTRY", str(tmp_path / "none"))
    assert run_here("whoami", "-q").out.startswith("actor:")
    assert not (tmp_path / "none").exists()


def test_reading_makes_no_registry_and_says_how_to_make_one() -> None:
    assert "herdbook init" in run_here("list", status=3).err


def test_init_can_become_the_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run_here("init", "mine", "--namespace", "lab", "--default")
    assert "lab" in run_here("namespace", "list").out
    found = {item["name"]: item for item in run_here("config", "show", "--json").lines}
    assert found["registry"]["value"] == str(tmp_path / "mine")
    assert found["registry"]["origin"] == "file"
    run_here("init", "mine")
    assert "lab" in run_here("namespace", "list").out


def test_config_shows_what_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run_here("config", "set", "registry", "here")
    assert run_here("config", "show", "-q").out.startswith(f"registry={tmp_path / 'here'}\n")
    monkeypatch.setenv("HERDBOOK_REGISTRY", "/there")
    assert "HERDBOOK_REGISTRY wins" in run_here("config", "set", "registry", "here").err
    assert "environment HERDBOOK_REGISTRY" in run_here("config", "show").out
    assert "argument --registry" in run_here("config", "show", "-R", "/elsewhere").out
    monkeypatch.delenv("HERDBOOK_REGISTRY")
    run_here("config", "unset", "registry")
    assert "default" in run_here("config", "show").out.splitlines()[1]


def test_garbage_is_shown_first_and_removed_only_on_request(story: Run) -> None:
    assert "nothing to remove" in story("gc").out
    story("gc", "--apply", "--yes")
    assert story("verify", f"{MODEL}:v1", f"{MODEL}:v2").status == 0


def test_a_bundle_moves_a_namespace_to_another_registry(story: Run, tmp_path: Path) -> None:
    bundle, other = str(tmp_path / "bundle"), str(tmp_path / "other")
    story("bundle", "export", bundle)
    story("bundle", "verify", bundle)
    story("init", other)
    story("bundle", "import", bundle, "-R", other)
    state = story("journal", "state", "demo").out
    assert story("journal", "state", "demo", "-R", other).out == state
    assert story("show", f"{MODEL}:v2", "-R", other, "-q").out == f"{MODEL}:v2\n"


def test_a_bundle_is_verified_without_any_registry(story: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoint = story("journal", "checkpoint", "demo").out.strip()
    story("bundle", "export", str(tmp_path / "bundle"))
    monkeypatch.setenv("HERDBOOK_REGISTRY", str(tmp_path / "none"))
    assert "complete" in run_here("bundle", "verify", str(tmp_path / "bundle"), "--expect", checkpoint).out
    next((tmp_path / "bundle" / "bodies").rglob("*/*")).write_bytes(b"{}")
    assert "NOT SOUND" in run_here("bundle", "verify", str(tmp_path / "bundle"), status=7).out
    assert not (tmp_path / "none").exists()


def test_a_registry_of_an_older_herdbook_says_how_it_is_brought_up_to_date(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "old" / "catalogue.sqlite"
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("PRAGMA journal_mode=WAL")
        raw.execute(f"PRAGMA application_id={opening.APPLICATION_ID}")
    upgrade(path, 1.0, "0001")
    with closing(sqlite3.connect(path)) as raw:
        row = ("registry:" + "5a" * 16, "2026-11-20T09:00:00Z", "0.0.9")
        raw.execute("INSERT INTO registry VALUES (?, ?, ?)", row)
        raw.commit()
    monkeypatch.setenv("HERDBOOK_REGISTRY", str(path.parent))
    assert "herdbook doctor --migrate" in run_here("list", status=2).err
    found = run_here("doctor", "--migrate")
    assert "catalogue.sqlite.0001" in found.err
    assert found.out.startswith("sound")
    run_here("list")
