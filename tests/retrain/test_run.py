"""A retraining runs for real, is compared, and is registered whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.retrain.conftest import Retrain
from tests.retrain.trainings import MODEL, Training, say, trained

from herdbook.model.retrainings import Retraining
from herdbook.ports.registry import Registry


def _said(registry: Registry, made: Training) -> list[Retraining]:
    assert made.version is not None
    told = registry.statements.about([made.version.digest])[made.version.digest]
    return [Retraining.read(each.statement.body) for each in told if each.statement.kind == "retraining"]


def test_the_same_bytes_come_out_of_the_registry_alone(
    registry: Registry, training: Training, retrain: Retrain
) -> None:
    done = retrain()
    assert (done.retraining.outcome, done.retraining.changed, done.retraining.bitwise) == ("bytes", (), True)
    assert _said(registry, training) == [done.retraining]
    assert done.reference == f"{MODEL}@1", "the same files are the same version"
    assert done.retraining.by is not None
    again = registry.activities.get(done.retraining.by).activity
    assert again.kind == "retraining"
    assert again.command is not None
    assert list(again.command.argv) == training.told["command"]["argv"], "as it was typed, wherever files lay"
    assert again.workflow is not None
    assert again.workflow["retrains"] == done.retraining.of
    roles = [(part.role, part.record) for part in again.inputs or () if part.role == "original"]
    assert training.version is not None
    assert roles == [("original", training.version.digest)]
    assert again.ids != registry.activities.get(done.retraining.of).activity.ids


def test_another_seed_is_within_a_tolerance_that_was_declared_before_or_differs(
    registry: Registry, training: Training, retrain: Retrain
) -> None:
    first = retrain(seeds={"seed": "8"})
    assert first.retraining.outcome == "differs"
    assert first.retraining.changed == ("seeds",)
    assert training.version is not None
    say(training, "tolerance", {"metrics": [{"name": "loss", "absolute": 0.01}]}, training.version.digest)
    second = retrain(seeds={"seed": "9"})
    assert second.retraining.outcome == "metrics"
    figure = next(each for each in second.retraining.compared if each["name"] == "metric loss")
    assert figure["within"]
    assert figure["original"] != figure["again"]
    assert second.retraining.by is not None
    again = registry.activities.get(second.retraining.by).activity
    assert [metric.name for metric in again.metrics or ()] == ["loss"]
    say(training, "tolerance", {"metrics": [{"name": "loss", "absolute": 0.0}]}, training.version.digest)
    assert retrain(seeds={"seed": "8"}).retraining.outcome == "differs"


def test_a_command_that_fails_is_told_with_its_last_words(registry: Registry, tmp_path: Path, retrain: Retrain) -> None:
    made = trained(registry, tmp_path / "author", command={"argv": ["python", "train.py", "--data", "x"], "cwd": "."})
    done = retrain()
    assert done.retraining.outcome == "failed"
    assert done.reference == ""
    assert any("required: --out" in line for line in done.retraining.problems)
    assert _said(registry, made)[-1].by is None
    assert [entry.activity.kind for entry in registry.activities.list().items] == ["training"]


def test_what_was_not_committed_is_there_again(registry: Registry, tmp_path: Path, retrain: Retrain) -> None:
    made = trained(registry, tmp_path / "author", dirty=True)
    assert made.told["code"]["diff"]
    made.forget()
    done = retrain()
    assert (done.retraining.outcome, done.retraining.changed) == ("bytes", ())


def test_a_golden_answer_is_compared_by_the_trainings_own_code(
    registry: Registry, training: Training, retrain: Retrain, tmp_path: Path
) -> None:
    np = pytest.importorskip("numpy")
    from herdbook.service.retraining import goldens

    model = training.model()
    x = np.array([0.1, 0.9])
    np.savez(tmp_path / "in.npz", x=x)
    np.savez(tmp_path / "out.npz", y=model["slope"] * x + model["offset"])
    argv = ["python", "apply.py", "{model}", "{inputs}", "{outputs}"]
    goldens.add(registry, f"{MODEL}:v1", tmp_path / "in.npz", tmp_path / "out.npz", argv=argv, path="model.json")
    assert training.version is not None
    say(training, "tolerance", {"atol": 0.05}, training.version.digest)
    done = retrain(seeds={"seed": "8"})
    assert done.retraining.outcome == "predictions", done.retraining.compared
    say(training, "tolerance", {"atol": 0.0}, training.version.digest)
    assert retrain(seeds={"seed": "8"}).retraining.outcome == "differs"
