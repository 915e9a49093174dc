"""A runner that is killed leaves no result, or a whole one; its engine says that the job is lost."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest
from tests.jobs import asked

from herdbook.bootstrap.engines import engine, runner
from herdbook.kernel.errors import UnavailableError
from herdbook.model.jobs import JobLimits, JobResult

SLOW = "import os, time\nif not os.fork(): time.sleep(60)\n" + asked.WRITE + "; time.sleep(0.2)"


def ours(folder: Path) -> list[int]:
    """Return the processes that have a job's mark."""
    mark = b"HERDBOOK_JOB=" + os.fsencode(folder.resolve())
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if mark in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
    return found


def gone(folder: Path) -> bool:
    """Wait until nothing of a job runs."""
    until = time.monotonic() + 10
    while ours(folder) and time.monotonic() < until:
        time.sleep(0.02)
    return not ours(folder)


def test_killed_at_any_moment_there_is_no_result_or_a_whole_one(tmp_path: Path) -> None:
    folder = asked.trained(tmp_path / "job", {"train.py": SLOW}, inputs=[])
    begun = time.monotonic()
    asked.run(folder)
    whole = time.monotonic() - begun
    moments = random.Random(7)  # the same moments in each run of the test
    states = set()
    for _ in range(8):
        (folder / "result.json").unlink(missing_ok=True)
        process = subprocess.Popen(runner(folder), stderr=subprocess.DEVNULL)
        time.sleep(moments.uniform(0.2, 1.1) * whole)
        process.kill()
        process.wait()
        for pid in ours(folder):
            os.kill(pid, signal.SIGKILL)
        if (folder / "result.json").exists():
            states.add(JobResult.read_json((folder / "result.json").read_bytes()).status)
        assert gone(folder)
    assert states <= {"finished"}
    (folder / "result.json").unlink(missing_ok=True)
    assert asked.run(folder).status == "finished", "what killed runners left does not hinder the next"


def test_a_lost_runner_is_told_and_nothing_of_it_runs_on(tmp_path: Path) -> None:
    folder = asked.ask(tmp_path, command=asked.python("import os, time\nif not os.fork(): os.setsid()\ntime.sleep(60)"))
    local = engine("local")
    handle = local.submit(folder, runner(folder), JobLimits(), {})
    until = time.monotonic() + 60
    while len(ours(folder)) < 2 and time.monotonic() < until:
        time.sleep(0.02)
    os.kill(int(handle.partition("-")[0]), signal.SIGKILL)
    with pytest.raises(UnavailableError) as told:
        local.wait(folder, handle, 60)
    assert told.value.code == "job-lost"
    assert gone(folder)


def test_a_cancelled_job_says_so_in_its_result(tmp_path: Path) -> None:
    folder = asked.ask(tmp_path, command=asked.python("import time; time.sleep(60)"))
    local = engine("local")
    handle = local.submit(folder, runner(folder), JobLimits(), {})
    with pytest.raises(UnavailableError) as told:
        local.wait(folder, handle, 0.1)
    assert told.value.code == "job-waits"
    until = time.monotonic() + 60
    while not ours(folder) and time.monotonic() < until:
        time.sleep(0.02)
    local.cancel(folder, handle)
    local.cancel(folder, handle)
    result = JobResult.read_json((folder / "result.json").read_bytes())
    assert (result.status, asked.codes(result)) == ("killed", {"cancelled"})
    assert gone(folder)


def test_a_job_runs_once(tmp_path: Path) -> None:
    folder = asked.ask(tmp_path, command=asked.python("import time; time.sleep(3); " + asked.WRITE))
    first = subprocess.Popen(runner(folder), stderr=subprocess.DEVNULL)
    until = time.monotonic() + 60
    while not ours(folder) and time.monotonic() < until:
        time.sleep(0.02)
    second = subprocess.run(runner(folder), capture_output=True, text=True, check=False)
    assert second.returncode == 4
    assert "job-running" in second.stderr
    assert first.wait(60) == 0
    third = subprocess.run(runner(folder), capture_output=True, text=True, check=False)
    assert third.returncode == 4
    assert "job-done" in third.stderr


def test_a_request_that_is_none_is_refused_with_words(tmp_path: Path) -> None:
    (tmp_path / "request.json").write_text("{")
    result = asked.run(tmp_path)
    assert (result.status, asked.codes(result)) == ("refused", {"not-json"})
    done = subprocess.run(runner(tmp_path / "nowhere"), capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert "no-job" in done.stderr
