"""`with herdbook.training(…)`: the same record, from inside."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

import herdbook
from herdbook.kernel.errors import HerdbookWarning
from herdbook.model.captures import Capture

from .workplace import Workplace


@pytest.fixture
def work(place: Workplace, monkeypatch: pytest.MonkeyPatch) -> Workplace:
    """Return the working folder, as the current one."""
    monkeypatch.chdir(place.folder)
    return place


def _names(capture: Capture) -> set[str]:
    return {Path(item.path).name for item in capture.inputs}


def test_a_block_is_a_run(work: Workplace) -> None:
    with herdbook.training(
        "demo/toy/py:v1", output="model.npy", inputs=["train=data"], parameters={"max_depth": 6, "eta": 0.3}
    ) as run:
        np.random.seed(11)  # noqa: NPY002 - what trainings do
        data = np.load("data/train.npz")
        for step in range(3):
            run.metric("loss", 1 / (step + 1), step=step)
        run.metric("auc", 0.9, split="test")
        run.parameter("batches", 4)
        run.seed("own", 2**70)
        np.save("model.npy", data["x"].mean(axis=0))
    assert "finished" in repr(run)
    capture = run.capture
    assert capture.status == "finished"
    assert {item.name: item.term for item in capture.parameters} == {
        "max_depth": "max_depth",
        "eta": "learning_rate",
        "batches": None,
    }
    assert {(item.name, item.split): item.value for item in capture.metrics} == {
        ("loss", None): 1 / 3,
        ("auc", "test"): 0.9,
    }
    assert ("own", str(2**70)) in {(seed.name, seed.text) for seed in capture.seeds}
    assert ("numpy", "11") in {(seed.name, seed.text) for seed in capture.seeds}
    [data_file] = [item for item in capture.inputs if item.role == "train"]
    assert data_file.confirmed
    assert data_file.sha256
    history = (run.folder / "files" / "history.ndjson").read_text("utf-8").splitlines()
    assert [json.loads(line)["step"] for line in history] == [0, 1, 2]
    assert capture.code is not None
    assert capture.code.commit == work.git("rev-parse", "HEAD")


def test_two_trainings_in_one_process_are_two(work: Workplace) -> None:
    work.write("data/a.txt", "a")
    work.write("data/b.txt", "b")
    runs = []
    for name in ("a", "b"):
        with herdbook.training(namespace="demo") as run:
            Path(f"data/{name}.txt").read_text("utf-8")
        runs.append(run)
    Path("data/train.npz").read_bytes()
    assert [_names(run.capture) for run in runs] == [{"a.txt"}, {"b.txt"}]
    assert runs[0].id != runs[1].id


def test_a_training_in_a_training_is_seen_by_both(work: Workplace) -> None:
    work.write("data/a.txt", "a")
    with herdbook.training(namespace="demo") as outer, herdbook.training(namespace="demo") as inner:
        Path("data/a.txt").read_text("utf-8")
    assert _names(inner.capture) == _names(outer.capture) == {"a.txt"}


@pytest.mark.parametrize("kind", [ValueError, KeyboardInterrupt])
def test_a_block_that_fails_keeps_what_was_captured_and_its_failure(work: Workplace, kind: type[BaseException]) -> None:
    assert work.folder.is_dir()
    with pytest.raises(kind), herdbook.training(namespace="demo") as run:  # noqa: PT012 - what is told first counts
        Path("data/train.npz").read_bytes()
        raise kind("no more")
    assert run.capture.status == "failed"
    assert run.capture.usage is not None
    assert run.capture.usage["exception"] == f"{kind.__name__}: no more"
    assert _names(run.capture) == {"train.npz"}


def test_the_block_can_push_and_a_push_that_fails_is_a_warning(work: Workplace) -> None:
    work.herdbook("init", "--namespace", "demo")
    with herdbook.training("demo/toy/py:v1", output="model.txt", push=True) as run:
        Path("model.txt").write_text("1 2", "utf-8")
    assert run.pushed is not None
    assert run.pushed.reference == "demo/toy/py:v1"
    with (
        pytest.warns(HerdbookWarning, match="was not pushed"),
        herdbook.training("demo/toy/py:v1", output="model.txt", push=True),
    ):
        Path("model.txt").write_text("another", "utf-8")


def test_nothing_of_a_training_stays_in_the_process(work: Workplace) -> None:
    assert work.folder.is_dir()
    before = (np.random.get_state(legacy=False), sys.path[:])  # noqa: NPY002 - the one that others share
    with herdbook.training(namespace="demo"):
        pass
    after = (np.random.get_state(legacy=False), sys.path[:])  # noqa: NPY002 - the one that others share
    np.testing.assert_equal(before, after)
