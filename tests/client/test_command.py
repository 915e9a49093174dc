"""The command with ``-R http://…``: the same words, the same answers as with a folder; and what is not done there."""

from __future__ import annotations

import json
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.servers.served import Served

from herdbook.apps.cli.main import cli
from herdbook.testing.repositories import Repository

MODEL = "demo/tau/classifier"
_OWN = re.compile(r"\b[0-9a-f]{12,64}\b|\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?Z?)?")
"""What every registry makes up for itself: ids, digests, times."""


@dataclass(frozen=True)
class Said:
    """What a run of the command said."""

    status: int
    out: str
    err: str


def run(*words: str) -> Said:
    """Run the command in this process."""
    result = CliRunner().invoke(cli, list(words), prog_name="herdbook")
    return Said(result.exit_code, result.stdout, result.stderr)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "README.md").write_text("# A classifier\n", "utf-8")
    (folder / "weights.txt").write_text("0.25 0.75\n", "utf-8")
    return folder


def story(files: Path, tmp_path: Path) -> list[tuple[str, ...]]:
    """Return what is done in a day."""
    (tmp_path / "conversion.json").write_text('{"kind": "conversion", "status": "finished"}', "utf-8")
    made = Repository(tmp_path / "RecoTau-Files.git")
    made.tag("V1", made.commit({"data/net_v1.pb": b"1"}, "First"))
    source = (str(made.folder), "--namespace", "demo")
    issue = '{"title": "fails above 1 TeV", "severity": "low"}'
    return [
        ("namespace", "create", "demo"),
        ("register", f"{MODEL}:v1", str(files), "--dataset", "local:toys", "--step", "trigger", "--licence", "MIT"),
        ("register", f"{MODEL}:v1", str(files)),
        ("register", f"{MODEL}:v1-final", str(files)),
        ("register", f"{MODEL}:v1", str(files / "README.md")),
        ("register", f"{MODEL}:v 1", str(files)),
        ("show", f"{MODEL}:v1"),
        ("show", MODEL),
        ("show", "demo/tau/clasifier"),
        ("list",),
        ("list", MODEL),
        ("search", "taus OR classifier"),
        ("search", "--count"),
        ("search", "name = "),
        ("search", "--facet", "step"),
        ("trace", f"{MODEL}:v1"),
        ("alias", "set", f"{MODEL}@production", ":v1", "--reason", "validated"),
        ("alias", "set", f"{MODEL}@production", ":v1", "--expect", "-"),
        ("alias", "history", f"{MODEL}@production"),
        ("alias", "list", MODEL),
        ("history", f"{MODEL}:v1"),
        ("statement", "add", f"{MODEL}:v1", "--kind", "known-issue", "--body", issue),
        ("statement", "list", f"{MODEL}:v1"),
        ("dataset", "list"),
        ("dataset", "show", "local:toys"),
        ("activity", "register", "demo", str(tmp_path / "conversion.json")),
        ("activity", "list"),
        ("profile", "show", MODEL),
        ("profile", "set", MODEL, "--title", "Taus"),
        ("namespace", "list"),
        ("namespace", "usage"),
        ("journal", "log", "demo"),
        ("journal", "checkpoint", "demo"),
        ("verify", f"{MODEL}:v1"),
        ("fetch", f"{MODEL}:v1", str(tmp_path / "out")),
        ("fetch", f"{MODEL}@production", str(tmp_path / "out")),
        ("import", "git", *source),
        ("import", "git", *source, "--apply"),
        ("import", "git", *source, "--apply"),
        ("import", "status", *source),
        ("import", "verify", *source),
        ("import", "list"),
        ("identity", "of", "demo/RecoTau-Files/net:V1"),
        ("release", "list"),
        ("diff", f"{MODEL}:v1", f"{MODEL}:v1-final"),
        ("undo", f"{MODEL}:v1-final", "--reason", "a slip", "--yes"),
        ("whoami", "--name", "Ada Lovelace"),
        ("show", f"{MODEL}:v1"),
        ("whoami",),
        ("journal", "state", "demo"),
    ]


def test_every_command_of_the_facade_says_the_same_of_a_folder_and_of_a_server(
    served: Served, files: Path, tmp_path: Path
) -> None:
    here, there = str(tmp_path / "embedded"), served.url
    assert run("-R", here, "init").status == 0
    for words in story(files, tmp_path):
        answers = []
        for where in (here, there):
            shutil.rmtree(tmp_path / "out", ignore_errors=True)
            said = run("-R", where, *words)
            shown = [_OWN.sub("#", text).replace(where, "REGISTRY") for text in (said.out, said.err)]
            answers.append((said.status, *(re.sub(r"[ ─]+", " ", text) for text in shown)))
        assert answers[0] == answers[1], words


def test_states_are_equal_whichever_way_they_came(served: Served, files: Path, tmp_path: Path) -> None:
    for where in (str(tmp_path / "embedded"), served.url):
        run("-R", where, "register", f"{MODEL}:v1", str(files))
    log = [
        run("-R", where, "journal", "log", "demo", "--json").out for where in (str(tmp_path / "embedded"), served.url)
    ]
    ops = [[json.loads(line)["event"]["ops"] for line in text.splitlines() if "genesis" not in line] for text in log]
    assert ops[0] == ops[1] != []


@pytest.mark.parametrize(
    "words",
    [
        ("doctor",),
        ("doctor", "--migrate"),
        ("gc",),
        ("backup", "nowhere"),
        ("bundle", "export", "nowhere", "--namespace", "demo"),
        ("init",),
    ],
    ids=" ".join,
)
def test_what_an_owner_does_is_done_at_the_servers_machine(
    served: Served, words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    said = run("-R", served.url, *words)
    assert said.status == 5
    assert f"{served.url} is a server" in said.err
    assert "Log in there" in said.err


def test_a_server_may_be_the_registry_of_the_settings(served: Served, files: Path) -> None:
    assert run("config", "set", "registry", f"{served.url}/").status == 0
    assert run("register", f"{MODEL}:v1", str(files)).status == 0
    assert run("list", "-q").out == f"{MODEL}\n"
    assert run("config", "set", "registry", "http://ada:secret@example.org").status == 2


def test_a_server_that_is_away_is_named_with_a_way_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HERDBOOK_CACHE", str(tmp_path / "cache"))
    (Path(os.environ["XDG_CONFIG_HOME"]) / "herdbook").mkdir(parents=True)
    (Path(os.environ["XDG_CONFIG_HOME"]) / "herdbook" / "config.toml").write_text(
        "[client]\nretry_seconds = 3\n", "utf-8"
    )
    said = run("-R", "http://127.0.0.1:9", "list")
    assert said.status == 6
    assert said.err.startswith("warning: http://127.0.0.1:9 does not answer; it is tried for ")
    assert "http://127.0.0.1:9 does not answer" in said.err
    assert "hint: " in said.err
