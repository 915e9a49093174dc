"""The command: what it says, how it ends, and that it works against a server as well."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.cli.conftest import run_here
from tests.retrain.trainings import MODEL, SCRIPT, Training, say, trained
from tests.servers.served import thread_server

from herdbook.model.retrainings import Retraining
from herdbook.ports.registry import Registry

SLOW = SCRIPT + "import time\ntime.sleep(2)\n"


@pytest.fixture
def made(registry: Registry, tmp_path: Path) -> Training:
    found = trained(registry, tmp_path / "author")
    found.forget()
    return found


def test_a_dry_run_says_what_it_takes_and_leaves_one_statement(made: Training, tiny_python: Path) -> None:
    said = run_here("retrain", f"{MODEL}:v1", "--dry-run", status=3)
    assert said.err.startswith("nothing to download\n")
    assert said.out.startswith("incomplete  demo/tiny/classifier:v1  something is missing\n")
    assert "tinyabsent,not1.0" in "".join(said.out.split()), "a long path folds its column"
    told = run_here("retrain", f"{MODEL}:v1", "--dry-run", "--python", str(tiny_python), "--json", status=3).json
    assert told["retraining"]["outcome"] == "incomplete", "an environment that was asked for is not verified by a look"
    assert told["plan"]["needs"][0]["what"] == "code"
    listed = run_here("statement", "list", f"{MODEL}:v1", "--kind", "retraining", "--json").lines
    assert [entry["digest"] for entry in listed] == [told["statement"]], "the later look supersedes the earlier"
    assert made.told


def test_a_run_is_registered_where_one_may_write(made: Training, tiny_python: Path, registry: Registry) -> None:
    registry.namespaces.create("mine")
    words = ("retrain", f"{MODEL}:v1", "--python", str(tiny_python), "--as", "mine/again:v1")
    said = run_here(*words)
    assert said.out.startswith("equal  demo/tiny/classifier:v1  the same bytes came out\n")
    assert "registered  mine/again:v1" in said.out
    again = registry.versions.dossier("mine/again:v1")
    kinds = sorted(each.activity.kind for each in again.made_by)
    assert kinds == ["retraining", "training"], "it is the same version, and both made it"
    told = registry.statements.about([again.entry.record])[again.entry.record]
    assert [(each.namespace, each.statement.kind) for each in told] == [("mine", "retraining")]
    body = Retraining.read(told[0].statement.body)
    assert (body.outcome, body.changed) == ("bytes", ())
    assert made.version is not None


def test_without_a_record_nothing_is_said(made: Training, tiny_python: Path, registry: Registry) -> None:
    before = registry.journal.checkpoint("demo")
    run_here("retrain", f"{MODEL}:v1", "--python", str(tiny_python), "--no-record")
    assert registry.journal.checkpoint("demo") == before
    assert made.version is not None


def test_the_folder_is_kept_when_asked(made: Training, tiny_python: Path, tmp_path: Path) -> None:
    words = ("--python", str(tiny_python), "--keep", "--into", str(tmp_path / "job"), "--json")
    told = run_here("retrain", f"{MODEL}:v1", *words).json
    assert told["folder"] == str(tmp_path / "job")
    assert json.loads((tmp_path / "job" / "result.json").read_text())["status"] == "finished"
    assert made.version is not None


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--limit", "wall=soon"), "wall=soon is no limit"),
        (("--limit", "pages=3"), "There is no limit 'pages'"),
        (("--seed", "8"), "is not NAME=VALUE"),
        (("--seed", "sed=8"), "no option 'sed'"),
        (("--engine", "punchcards"), "there is no engine 'punchcards'"),
    ],
)
def test_a_word_that_does_not_fit_is_refused(
    made: Training, tiny_python: Path, words: tuple[str, ...], said: str
) -> None:
    answer = run_here("retrain", f"{MODEL}:v1", "--python", str(tiny_python), *words, status=None)
    assert answer.status in {2, 3}
    assert said in answer.err
    assert made.version is not None


def test_a_limit_that_is_reached_is_told(registry: Registry, tmp_path: Path, tiny_python: Path) -> None:
    made = trained(registry, tmp_path / "author", script=SLOW)
    made.forget()
    words = ("--python", str(tiny_python), "--limit", "wall=1s", "--json")
    told = run_here("retrain", f"{MODEL}:v1", *words, status=6).json
    assert told["retraining"]["outcome"] == "failed"
    assert any("wall" in line for line in told["retraining"]["problems"]), told["retraining"]["problems"]


def test_it_is_the_same_against_a_server(
    made: Training, tiny_python: Path, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry.close()
    with thread_server(Path(registry.url)) as server:
        monkeypatch.setenv("HERDBOOK_REGISTRY", server.url)
        told = run_here("retrain", f"{MODEL}:v1", "--python", str(tiny_python), "--json").json
    assert (told["retraining"]["outcome"], told["retraining"]["changed"]) == ("bytes", [])
    assert told["download_bytes"] > 600
    assert made.version is not None


def test_the_downloads_are_counted_before_anything_starts(
    registry: Registry, tmp_path: Path, tiny_python: Path
) -> None:
    found = trained(registry, tmp_path / "author", store_data=False)
    say(found, "location", {"uri": found.data.as_uri(), "state": "exists"}, found.dataset)
    told = run_here("retrain", f"{MODEL}:v1", "--dry-run", "--python", str(tiny_python), "--json", status=3).json
    need = next(each for each in told["plan"]["needs"] if each["what"] == "input")
    assert (need["state"], need["uri"], need["brought"]) == ("verified", found.data.as_uri(), 0)
