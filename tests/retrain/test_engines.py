"""A version is trained again, to the same bytes, by a real Slurm and by a real Dask cluster."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from distributed import LocalCluster
from tests.cli.conftest import run_here
from tests.retrain.trainings import MODEL, trained
from tests.servers.slurm import slurm

from herdbook.ports.registry import Registry

__all__ = ["slurm"]


@pytest.fixture
def words(registry: Registry, tmp_path: Path, tiny_python: Path) -> tuple[str, ...]:
    trained(registry, tmp_path / "author").forget()
    into = ("--into", str(tmp_path / "job"), "--python", str(tiny_python), "--limit", "wall=5m")
    return ("retrain", f"{MODEL}:v1", *into, "--json")


def test_slurm_trains_it_again(
    slurm: Mapping[str, str], words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in slurm.items():
        monkeypatch.setenv(name, value)
    told = run_here(*words, "--engine", "slurm").json["retraining"]
    assert (told["outcome"], told["engine"], told["bitwise"]) == ("bytes", "slurm", True)


def test_dask_trains_it_again(words: tuple[str, ...]) -> None:
    with LocalCluster(n_workers=1, threads_per_worker=1, host="127.0.0.1", dashboard_address=None) as cluster:
        scheduler = f"scheduler={cluster.scheduler_address}"
        told = run_here(*words, "--engine", "dask", "--setting", scheduler).json["retraining"]
    assert (told["outcome"], told["engine"], told["bitwise"]) == ("bytes", "dask", True)
