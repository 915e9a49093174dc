"""A job that is written for HTCondor, handed over by a person, and whose result is taken afterwards."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from tests.cli.conftest import run_here
from tests.retrain.trainings import MODEL, Training, trained

from herdbook.bootstrap.engines import runner
from herdbook.ports.registry import Registry


@pytest.fixture
def words(registry: Registry, tmp_path: Path, tiny_python: Path) -> tuple[str, ...]:
    made: Training = trained(registry, tmp_path / "author")
    made.forget()
    into = ("--engine", "htcondor", "--into", str(tmp_path / "job"))
    return ("retrain", f"{MODEL}:v1", "--python", str(tiny_python), *into)


def test_the_job_stays_and_its_result_is_taken_by_the_same_command(words: tuple[str, ...], tmp_path: Path) -> None:
    folder = tmp_path / "job"
    assert "condor_submit" in run_here(*words, status=6).err
    assert (folder / "job.sub").is_file()
    assert "no result.json" in run_here(*words, "--take", status=6).err
    assert "folder-in-use" in run_here(*words, "--json", status=4).err
    subprocess.run(runner(folder), check=True, capture_output=True)  # what the pool would do
    done = run_here(*words, "--take", "--json").json
    assert (done["retraining"]["outcome"], done["retraining"]["engine"]) == ("bytes", "htcondor")
    assert not folder.exists()


def test_a_job_that_somebody_changed_is_not_taken(words: tuple[str, ...], tmp_path: Path) -> None:
    run_here(*words, status=6)
    request = tmp_path / "job" / "request.json"
    told = json.loads(request.read_text("utf-8"))
    told["command"]["argv"].append("--easy")
    request.write_text(json.dumps(told), "utf-8")
    assert "other-job" in run_here(*words, "--take", "--json", status=4).err
    assert request.is_file(), "nothing is thrown away"


def test_where_no_job_was_kept_there_is_none_to_take(words: tuple[str, ...]) -> None:
    assert "no-job" in run_here(*words, "--take", "--json", status=3).err
