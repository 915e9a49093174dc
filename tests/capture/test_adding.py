"""`herdbook activity add`: the same record, told afterwards from files that are there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from .workplace import Workplace

MODEL = "demo/toy/net:v1"


@pytest.fixture
def told(registered: Workplace) -> Workplace:
    """Return the working folder of a model that was registered without a word on how it was made."""
    registered.write("model.txt", "1 2 3")
    registered.herdbook("register", MODEL, "model.txt")
    return registered


def _shown(place: Workplace, record: str) -> Any:
    return place.herdbook("activity", "show", record, "--json").json["activity"]


def _add(place: Workplace, *words: str) -> str:
    return str(place.herdbook("activity", "add", "demo", *words, "--json").json["record"])


def test_files_become_an_activity_and_a_second_telling_is_the_first(told: Workplace) -> None:
    told.write("scores.json", json.dumps({"test": {"auc": 0.91}}))
    told.write("poetry.lock", "[[package]]\nname = 'numpy'\nversion = '2.0'\n")
    words = ("--output", MODEL, "--code", ".", "--config", "settings.json", "--lock", "poetry.lock")
    more = ("--metrics", "scores.json", "--parameter", "lr=0.1", "--seed", "numpy=3", "--input", "train=data")
    first = _add(told, *words, *more, "--command", "python train.py --lr 0.1", "--ended", "2026-11-20T09:00:00Z")
    again = _add(told, *words, *more, "--command", "python train.py --lr 0.1", "--ended", "2026-11-20T09:00:00Z")
    assert first == again
    made = _shown(told, first)
    assert made["status"] == "finished"
    assert made["code"]["commit"] == told.git("rev-parse", "HEAD")
    assert made["command"] == {"argv": ["python", "train.py", "--lr", "0.1"], "cwd": "."}
    assert {item["name"]: item["text"] for item in made["parameters"]} == {"lr": "0.1", "steps": "20"}
    assert made["metrics"] == [{"name": "auc", "value": 0.91, "split": "test"}]
    assert made["environment"]["blob"]
    assert {part["role"] for part in made["inputs"]} == {"train", "config"}
    assert told.herdbook("show", MODEL, "--json").json["made_by"][0]["record"] == first


def test_a_folder_of_mlflow_is_read(told: Workplace) -> None:
    told.write("run/params/max_depth", "6")
    told.write("run/metrics/auc", "1700000000000 0.5 0\n1700000001000 0.7 1\nnonsense\n")
    told.write("run/tags/mlflow.source.name", "train.py")
    told.write("run/meta.yaml", "run_id: 7f\nstatus: FINISHED\nstart_time: 1700000000000\nend_time: 1700000002000\n")
    made = _shown(told, _add(told, "--from", "run", "--output", MODEL))
    assert {"scheme": "mlflow-run", "value": "7f"} in made["ids"]
    assert made["started"] == "2023-11-14T22:13:20Z"
    assert made["parameters"] == [{"name": "max_depth", "text": "6", "term": "max_depth"}]
    assert made["metrics"] == [{"name": "auc", "value": 0.7}]
    assert made["history"].startswith("sha256:")


def test_the_json_of_an_activity_is_taken_and_added_to(told: Workplace) -> None:
    activity = {"kind": "conversion", "status": "finished", "ids": [{"scheme": "job", "value": "9"}]}
    told.write("conversion.json", json.dumps(activity))
    made = _shown(told, _add(told, "--from", "conversion.json", "--output", MODEL, "--setting", "opset=17"))
    assert made["kind"] == "conversion"
    assert {"scheme": "job", "value": "9"} in made["ids"]
    assert made["derivation"] == {"settings": {"opset": 17}}


def test_a_run_of_the_spool_is_told_of_a_version_that_was_registered_by_hand(told: Workplace) -> None:
    told.train()
    record = _add(told, "--from", "last", "--output", MODEL)
    made = _shown(told, record)
    assert [item["name"] for item in made["metrics"]] == ["accuracy"]
    assert [part["role"] for part in made["outputs"]] == ["model"]
    assert any(item["scheme"] == "herdbook-run" for item in made["ids"])


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--from", "nowhere"), "no-run"),
        (("--from", "data"), "bad-source"),
        (("--from", "train.py"), "bad-activity"),
        (("--parameter", "depth"), "bad-pair"),
        (("--window", "run"), "bad-window"),
        (("--metrics", "train.py"), "bad-metrics"),
        (("--input", "not-there.root"), "no-path"),
    ],
)
def test_what_cannot_be_is_refused_with_what_to_do(told: Workplace, words: tuple[str, ...], code: str) -> None:
    said = told.herdbook("activity", "add", "demo", "--output", MODEL, *words, "--json", status=None)
    assert said.status in {2, 3}
    problem = json.loads(said.err.splitlines()[-1])
    assert problem["code"] == code
    assert problem["hint"]
    assert said.out == ""
    assert Path(told.folder, "data").is_dir()
