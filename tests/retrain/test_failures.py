"""Where a retraining cannot go on it says why, and leaves nothing half done."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.retrain.conftest import Retrain
from tests.retrain.trainings import MODEL, SCRIPT, Training, git, say, trained
from tests.small_disk import small_disk

from herdbook.kernel.errors import ConflictError, UnavailableError
from herdbook.ports.places import Places
from herdbook.ports.registry import Registry
from herdbook.service.retraining import planning, preparing

__all__ = ["small_disk"]
SLOW = SCRIPT.replace("rows = ", "import time\npathlib.Path('begun').touch()\ntime.sleep(options.rate * 100)\nrows = ")
"""Waits for a second."""


def _plan(registry: Registry, places: Places, **edits: Any) -> planning.Work:
    return planning.make(registry, f"{MODEL}:v1", places, planning.Edits(**edits))


def _states(work: planning.Work) -> dict[str, str]:
    return {need.what: need.state for need in work.plan.needs}


def _nothing_was_said(registry: Registry, made: Training) -> None:
    assert made.version is not None
    told = registry.statements.about([made.version.digest]).get(made.version.digest, [])
    assert not [each for each in told if each.statement.kind == "retraining"]
    assert [each.activity.kind for each in registry.activities.list().items] == ["training"]


def test_without_git_the_plan_says_so(
    registry: Registry, training: Training, open_places: Places, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    work = _plan(registry, open_places)
    assert not work.plan.runnable
    assert "git is not installed" in work.plan.lacking()[0]
    assert training.told


def test_a_place_that_cannot_be_reached_is_neither_here_nor_gone(
    registry: Registry, tmp_path: Path, open_places: Places, tiny_python: Path
) -> None:
    made = trained(registry, tmp_path / "author", store_data=False)
    say(made, "location", {"uri": "https://127.0.0.1:9/points.csv", "state": "exists"}, made.dataset)
    work = _plan(registry, open_places, python=str(tiny_python))
    assert _states(work)["input"] == "unknown"
    assert not work.plan.runnable


def test_a_submodule_is_checked_out_from_its_own_repository(
    registry: Registry, tmp_path: Path, retrain: Retrain, open_places: Places
) -> None:
    part = tmp_path / "part"
    part.mkdir()
    (part / "steps.py").write_text("STEPS = 1500\n")
    git(part, "init", "--quiet")
    git(part, "add", ".")
    git(part, "commit", "--quiet", "-m", "Steps")
    made = trained(registry, tmp_path / "author")
    git(made.code, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(part), "part")
    (made.code / "train.py").write_text("from part.steps import STEPS\n" + SCRIPT.replace("2000", "STEPS"))
    git(made.code, "commit", "--quiet", "-a", "-m", "With a part")
    module = {"path": "part", "commit": git(part, "rev-parse", "HEAD"), "repository": str(part)}
    code = {"commit": git(made.code, "rev-parse", "HEAD"), "submodules": [module]}
    made.tell(code=code, ended="2026-11-20T10:00:00Z")
    done = retrain(repository=str(made.code))
    assert done.retraining.outcome == "differs", "500 steps less"
    assert done.retraining.changed == ()
    shutil.rmtree(part)
    assert _states(_plan(registry, open_places, repository=str(made.code)))["code"] == "missing"


def test_a_full_disk_is_told_before_anything_is_brought(
    registry: Registry, training: Training, retrain: Retrain, small_disk: Path
) -> None:
    with pytest.raises(UnavailableError) as caught:
        retrain(into=small_disk / "job")
    assert caught.value.code == "no-room"
    assert not (small_disk / "job").exists()
    _nothing_was_said(registry, training)


def test_a_folder_that_holds_something_else_is_left_alone(
    registry: Registry, training: Training, retrain: Retrain, tmp_path: Path
) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "work").write_text("years")
    with pytest.raises(ConflictError) as caught:
        retrain(into=tmp_path / "thesis")
    assert caught.value.code == "folder-in-use"
    assert (tmp_path / "thesis" / "work").read_text() == "years"
    _nothing_was_said(registry, training)


def _started(*words: str) -> subprocess.Popen[str]:
    argv = [sys.executable, "-c", "from herdbook.apps.cli.main import run; run()", "retrain", f"{MODEL}:v1", *words]
    return subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True)


def _until(what: Callable[[], bool], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.05)


def _runners(folder: Path) -> list[int]:
    """Return the processes that work in a job's folder."""
    mark = b"HERDBOOK_JOB=" + os.fsencode(folder.resolve())
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes(), (entry / "environ").read_bytes()
        except OSError:
            continue
        if mark in words[1].split(b"\0") or os.fsencode(folder.resolve()) in words[0].split(b"\0"):
            found.append(int(entry.name))
    return found


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL], ids=["interrupted", "killed"])
def test_a_second_run_works_after_the_first_was_stopped_in_the_middle(
    registry: Registry, tmp_path: Path, tiny_python: Path, how: signal.Signals
) -> None:
    made = trained(registry, tmp_path / "author", script=SLOW)
    registry.close()
    folder = tmp_path / "job"
    words = ("--python", str(tiny_python), "--into", str(folder))
    first = _started(*words, "--set", "seed=8")
    _until((folder / "work" / "begun").exists)
    first.send_signal(how)
    said, _ = first.communicate(timeout=60)
    assert first.returncode != 0, said
    if how is signal.SIGINT:
        assert not _runners(folder)
        assert not folder.exists()
    else:
        _until(lambda: not _runners(folder))
    second = _started(*words, "--json")
    answer, _ = second.communicate(timeout=120)
    assert second.returncode == 0, answer
    assert json.loads(answer.splitlines()[-1])["retraining"]["outcome"] == "bytes"
    assert not folder.exists()
    assert made.version is not None


def test_what_a_killed_run_left_in_the_cache_is_swept_and_what_was_kept_is_not(tmp_path: Path) -> None:
    left, kept, used = (tmp_path / name for name in ("left", "kept", "used"))
    with preparing.folder(kept, keep=True):
        pass
    left.mkdir()
    (left / preparing.MARK).touch()
    (left / "inputs").mkdir()
    with preparing.folder(used, keep=False):
        preparing.sweep(tmp_path)
        assert used.exists()
    assert not left.exists()
    assert kept.exists()
    with pytest.raises(ConflictError, match="was kept"), preparing.folder(kept, keep=False):
        pass
