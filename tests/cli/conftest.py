"""The command in this process and as a process of its own, and a registry with a story to ask about."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pytest
from click.testing import CliRunner

from herdbook.apps.cli.main import cli

MODEL = "demo/tau/classifier"


@dataclass(frozen=True)
class Said:
    """What a run of the command said."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON object."""
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        """The JSON objects, one a line."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def problem(self) -> Any:
        """The JSON object of an error."""
        return json.loads(self.err.splitlines()[-1])


class Run(Protocol):
    """Runs the command in this process."""

    def __call__(self, *words: str, status: int | None = 0, stdin: str | bytes | None = None) -> Said: ...


def run_here(*words: str, status: int | None = 0, stdin: str | bytes | None = None) -> Said:
    """Run the command in this process, and expect an exit status."""
    result = CliRunner().invoke(cli, list(words), input=stdin, prog_name="herdbook")
    said = Said(result.exit_code, result.stdout, result.stderr)
    assert status is None or said.status == status, f"{words}\n{said.status}\n{said.out}\n{said.err}"
    return said


def run_process(*words: str, stdin: str | None = None, env: Mapping[str, str] | None = None) -> Said:
    """Run the command as a process of its own, without a terminal."""
    done = subprocess.run(
        [sys.executable, "-c", "from herdbook.apps.cli.main import run; run()", *words],
        input=stdin,
        stdin=subprocess.DEVNULL if stdin is None else None,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, **(env or {})},
    )
    return Said(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of an empty registry that the command uses."""
    folder = tmp_path / "registry"
    monkeypatch.setenv("HERDBOOK_REGISTRY", str(folder))
    run_here("init", "--namespace", "demo")
    return folder


@pytest.fixture
def herdbook(registry: Path) -> Run:
    """Return the command, run in this process on an empty registry."""
    assert registry.is_dir()
    return run_here


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Return a folder with a model's files and what an editor and git leave beside them."""
    folder = tmp_path / "model"
    (folder / ".git").mkdir(parents=True)
    (folder / ".git" / "HEAD").write_text("ref: refs/heads/main\n", "utf-8")
    (folder / "README.md").write_text("# A classifier of hadronic taus\n", "utf-8")
    (folder / "README.md~").write_text("# A clas\n", "utf-8")
    (folder / "weights.txt").write_text("0.25 0.75\n", "utf-8")
    (folder / "secret.log").write_text("no\n", "utf-8")
    (folder / ".herdbookignore").write_text("*.log\n", "utf-8")
    return folder


@pytest.fixture
def story(herdbook: Run, files: Path, tmp_path: Path) -> Run:
    """Return the command on a registry with a model of two versions, the second fine-tuned from the first."""
    activity = {
        "kind": "fine-tuning",
        "status": "finished",
        "started": "2026-11-20T09:00:00Z",
        "ended": "2026-11-20T09:00:41Z",
        "code": {"repository": "https://example.org/train.git", "commit": "0123456789" * 4},
        "parameters": [{"name": "eta", "text": "0.1"}],
        "metrics": [{"name": "auc", "split": "test", "value": 0.913, "stat": 0.002}],
        "ids": [{"scheme": "mlflow-run", "value": "run-7"}],
    }
    (tmp_path / "training.json").write_text(json.dumps(activity), "utf-8")
    first = ("--dataset", "local:toy", "--title", "Toy taus", "--licence", "Apache-2.0", "--step", "trigger")
    herdbook("register", f"{MODEL}:v1", str(files), *first)
    (files / "weights.txt").write_text("0.5 0.5\n", "utf-8")
    second = ("--parent", f"{MODEL}:v1", "--activity", str(tmp_path / "training.json"), "--dataset", "local:toy")
    herdbook("register", f"{MODEL}:v2", str(files), *second)
    herdbook("alias", "set", f"{MODEL}@production", ":v1", "--reason", "validated")
    return herdbook
