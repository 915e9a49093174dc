"""Jobs on a real cluster of Dask."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from distributed import LocalCluster
from tests.jobs import asked

from herdbook.bootstrap.engines import runner
from herdbook.kernel.errors import InvalidError, UnavailableError
from herdbook.model.jobs import JobLimits, JobResult
from herdbook.plugins.engines.dask import Dask

LIMITS = JobLimits()


@pytest.fixture(scope="module")
def scheduler() -> Iterator[str]:
    with LocalCluster(
        host="127.0.0.1",
        dashboard_address=None,
        n_workers=1,
        threads_per_worker=2,
        processes=True,
        resources={"GPU": 1},
    ) as cluster:
        yield cluster.scheduler_address


def test_a_job_runs_on_a_worker_and_its_result_comes_back(scheduler: str, tmp_path: Path) -> None:
    folder = asked.trained(tmp_path / "job", {"train.py": asked.WRITE})
    engine = Dask()
    handle = engine.submit(folder, runner(folder), LIMITS, {"scheduler": scheduler, "resources": "GPU=1"})
    engine.wait(folder, handle, 120)
    result = JobResult.read_json((folder / "result.json").read_bytes())
    assert (result.status, "code" in result.verified) == ("finished", True)


def test_a_job_that_ends_without_a_result_is_lost(scheduler: str, tmp_path: Path) -> None:
    engine = Dask()
    handle = engine.submit(tmp_path, ["false"], LIMITS, {"scheduler": scheduler})
    with pytest.raises(UnavailableError) as told:
        engine.wait(tmp_path, handle, 60)
    assert told.value.code == "job-lost"


def test_a_cancelled_job_says_so_though_dask_cannot_stop_it(scheduler: str, tmp_path: Path) -> None:
    folder = asked.ask(tmp_path, command=asked.python("import time; time.sleep(300)"))
    engine = Dask()
    handle = engine.submit(folder, runner(folder), LIMITS, {"scheduler": scheduler})
    with pytest.raises(UnavailableError) as told:
        engine.wait(folder, handle, 0.1)
    assert told.value.code == "job-waits"
    until = time.monotonic() + 60
    while not (folder / "log.txt").exists() and time.monotonic() < until:
        time.sleep(0.05)
    engine.cancel(folder, handle)
    while not (folder / "result.json").exists() and time.monotonic() < until:
        time.sleep(0.05)
    assert JobResult.read_json((folder / "result.json").read_bytes()).status == "killed"


def test_a_scheduler_that_is_not_there_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("herdbook.plugins.engines.dask._CONNECT_S", 1.0)
    with pytest.raises(UnavailableError) as told:
        Dask().submit(tmp_path, ["true"], LIMITS, {"scheduler": "tcp://127.0.0.1:9"})
    assert told.value.code == "no-engine"
    for settings in ({}, {"scheduler": "x", "partition": "y"}, {"scheduler": "x", "resources": "GPU=many"}):
        with pytest.raises(InvalidError) as bad:
            Dask().submit(tmp_path, ["true"], LIMITS, settings)
        assert bad.value.code == "bad-engine-setting"
