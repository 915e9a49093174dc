"""Jobs on a real Slurm of one node."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
from tests.jobs import asked
from tests.servers.slurm import slurm

from herdbook.bootstrap.engines import runner
from herdbook.kernel.errors import InvalidError, UnavailableError
from herdbook.model.jobs import JobLimits, JobResult
from herdbook.plugins.engines.slurm import Slurm

__all__ = ["slurm"]
LIMITS = JobLimits(wall_s=60, memory_bytes=200 << 20, cpus=1)


@pytest.fixture
def engine(slurm: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> Slurm:
    for name, value in slurm.items():
        monkeypatch.setenv(name, value)
    return Slurm()


def waited(path: Path, seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not path.exists() and time.monotonic() < until:
        time.sleep(0.1)
    assert path.exists()


def test_a_job_runs_and_its_result_comes_back(engine: Slurm, tmp_path: Path) -> None:
    folder = asked.trained(tmp_path / "a job, 100%", {"train.py": "import os; print(os.environ); " + asked.WRITE})
    handle = engine.submit(folder, runner(folder), LIMITS, {"partition": "long", "comment": "a try"})
    said = subprocess.run(
        ["scontrol", "show", "job", "--oneliner", handle], capture_output=True, text=True, check=True
    ).stdout
    assert "TimeLimit=00:31:00" in said
    assert "MinMemoryNode=712M" in said or "mem=712M" in said
    engine.wait(folder, handle, 120)
    result = JobResult.read_json((folder / "result.json").read_bytes())
    assert result.status == "finished"
    assert "code" in result.verified
    assert "SLURM_JOB_ID" not in (folder / "log.txt").read_text()


def test_a_command_that_fails_gives_a_result_too(engine: Slurm, tmp_path: Path) -> None:
    folder = asked.ask(tmp_path, command={"argv": ["false"]})
    handle = engine.submit(folder, runner(folder), LIMITS, {})
    engine.wait(folder, handle, 120)
    assert JobResult.read_json((folder / "result.json").read_bytes()).status == "failed"


def test_a_cancelled_job_says_so(engine: Slurm, tmp_path: Path) -> None:
    folder = asked.ask(tmp_path, command=asked.python("import time; time.sleep(300)"))
    handle = engine.submit(folder, runner(folder), LIMITS, {})
    with pytest.raises(UnavailableError) as told:
        engine.wait(folder, handle, 0.1)
    assert told.value.code == "job-waits"
    waited(folder / "log.txt")
    engine.cancel(folder, handle)
    result = JobResult.read_json((folder / "result.json").read_bytes())
    assert (result.status, asked.codes(result)) == ("killed", {"cancelled"})


def test_a_job_that_slurm_ended_is_lost(engine: Slurm, tmp_path: Path) -> None:
    folder = asked.ask(tmp_path, command=asked.python("import time; time.sleep(300)"))
    handle = engine.submit(folder, runner(folder), LIMITS, {})
    waited(folder / "log.txt")
    subprocess.run(["scancel", "--batch", "--signal=KILL", handle], check=True)
    with pytest.raises(UnavailableError) as told:
        engine.wait(folder, handle, 120)
    assert told.value.code == "job-lost"


def test_what_slurm_refuses_or_must_not_be_told_is_said(engine: Slurm, tmp_path: Path) -> None:
    folder = asked.ask(tmp_path)
    with pytest.raises(UnavailableError, match="partition"):
        engine.submit(folder, runner(folder), LIMITS, {"partition": "none-such"})
    for name in ("output", "wrap", "-p", "x y"):
        with pytest.raises(InvalidError) as told:
            engine.submit(folder, runner(folder), LIMITS, {name: "x"})
        assert told.value.code == "bad-engine-setting"


def test_without_slurm_there_is_no_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UnavailableError) as told:
        Slurm().submit(tmp_path, ["true"], LIMITS, {})
    assert told.value.code == "no-engine"
