"""A plan says what retraining takes, from the record alone, and what is in the way."""

from __future__ import annotations

import platform
import shutil
from pathlib import Path
from typing import Any

import pytest
from tests.retrain.trainings import MODEL, POINTS, Training, git, lose, say, trained

from herdbook.kernel.errors import InvalidError, MissingError
from herdbook.model.files import File
from herdbook.model.registrations import Registration
from herdbook.model.retrainings import RetrainingPlan
from herdbook.model.versions import Version
from herdbook.ports.places import Places
from herdbook.ports.registry import Registry
from herdbook.service.retraining import planning
from herdbook.service.retraining.environment import installed
from herdbook.service.retraining.planning import Edits

HERE: dict[str, Any] = {
    "kind": "packages",
    "python": platform.python_version(),
    "packages": installed(),
}


@pytest.fixture
def training(registry: Registry, tmp_path: Path) -> Training:
    """Return a training in the environment that plans here, whose working copy is gone."""
    made = trained(registry, tmp_path / "author", environment=HERE)
    made.forget()
    return made


@pytest.fixture
def planned(registry: Registry, open_places: Places) -> Any:
    """Return what plans the retraining of a reference."""

    def plan(reference: str = f"{MODEL}:v1", **edits: Any) -> RetrainingPlan:
        return planning.make(registry, reference, open_places, Edits(**edits)).plan

    return plan


def _states(plan: RetrainingPlan) -> dict[str, str]:
    return {need.what: need.state for need in plan.needs}


def test_a_stranger_finds_all_in_the_registry_when_the_authors_machine_is_gone(
    training: Training, planned: Any
) -> None:
    plan = planned()
    assert plan.ready, plan.lacking()
    assert _states(plan) == {"code": "verified", "environment": "verified", "input": "verified"}
    assert {need.where for need in plan.needs if need.what != "environment"} == {"registry"}
    assert plan.outputs == ("out/v1",)
    assert plan.command is not None
    placed = plan.placed[str(training.data / "points.csv")]
    assert placed == f"outside{training.data}/points.csv"
    assert plan.command.argv[:4] == (
        "python" + plan.command.argv[0].removeprefix("python"),
        "train.py",
        "--data",
        placed.rpartition("/")[0],
    )
    assert str(training.folder) not in " ".join(word for word in plan.command.argv if not word.startswith("outside/"))


def test_nobody_is_told_that_a_version_can_be_retrained_whose_making_nobody_told(
    registry: Registry, training: Training, planned: Any
) -> None:
    version = Version.of([File(path="other.bin", digest=training.put(b"bytes"), size=5)])
    registry.versions.record([Registration(model=MODEL, label="found", version=version)])
    with pytest.raises(MissingError, match="nobody said how") as caught:
        planned(f"{MODEL}:found")
    assert caught.value.code == "no-origin"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"code": None}, "its code is not known"),
        ({"command": None}, "its command is not known"),
        ({"inputs": [{"id": {"scheme": "cms-dbs", "value": "/A/B/C"}, "role": "train"}]}, "only its name is known"),
        ({"code": {"commit": "0" * 40, "repository": "/nowhere/code"}}, "is gone"),
        ({"code": {"commit": "0" * 40, "problems": ["unpushed"]}}, "it was never pushed"),
        ({"code": {"commit": "0" * 40, "problems": ["missing-submodule:fit"]}}, "a submodule was not there: fit"),
        ({"code": {"commit": "0" * 40, "dirty": True}}, "the change was not stored"),
        ({"environment": None}, "it is not known"),
        ({"environment": {"packages": {"numpy": "0.1"}}}, "not the same"),
        ({"environment": {"container": {"image": "docker://x", "digest": "sha256:1"}}}, "Apptainer"),
    ],
)
def test_what_is_missing_is_said_in_words(
    registry: Registry, tmp_path: Path, planned: Any, changed: dict[str, Any], said: str
) -> None:
    made = trained(registry, tmp_path / "author", **{"environment": HERE, **changed})
    made.forget()
    plan = planned()
    assert not plan.ready
    assert any(said in line for line in plan.lacking()), plan.lacking()


def test_a_bundle_without_the_commit_does_not_count(registry: Registry, tmp_path: Path, planned: Any) -> None:
    made = trained(registry, tmp_path / "author", code={"commit": "0" * 40})
    made.forget()
    assert "the stored bundle does not give it" in planned().lacking()[0]


def test_a_file_of_the_registry_that_went_away_is_missing(training: Training, planned: Any) -> None:
    lose(training.registry, training.told["inputs"][0]["blob"])
    assert _states(planned())["input"] == "missing"


def test_a_dataset_is_found_where_a_statement_says(registry: Registry, tmp_path: Path, planned: Any) -> None:
    made = trained(registry, tmp_path / "author", store_data=False, environment=HERE)
    assert _states(planned())["input"] == "missing"
    say(made, "location", {"uri": made.data.as_uri(), "state": "exists"}, made.dataset)
    plan = planned()
    assert plan.ready, plan.lacking()
    found = next(need for need in plan.needs if need.what == "input")
    assert (found.where, found.detail, found.brought) == (made.data.as_uri(), "read", 0)
    (made.data / "points.csv").write_text(POINTS.replace("0.25", "0.26", 1))
    other = next(need for need in planned().needs if need.what == "input")
    assert other.state == "different", "same name and size, other content"
    shutil.rmtree(made.data)
    assert _states(planned())["input"] == "missing"


def test_a_place_that_is_said_to_be_gone_is_not_asked(registry: Registry, tmp_path: Path, planned: Any) -> None:
    made = trained(registry, tmp_path / "author", store_data=False, environment=HERE)
    body = {"uri": made.data.as_uri(), "state": "gone", "asked": "2026-11-21T00:00:00Z"}
    say(made, "location", body, made.dataset)
    found = next(need for need in planned().needs if need.what == "input")
    assert (found.state, found.detail) == ("missing", "gone since 2026-11-21T00:00:00Z")


def test_a_clone_that_somebody_offers_serves_when_the_code_is_nowhere_else(
    registry: Registry, tmp_path: Path, planned: Any
) -> None:
    made = trained(registry, tmp_path / "author", inputs=None, environment=HERE)
    assert _states(planned())["code"] == "missing"
    plan = planned(repository=str(made.code))
    assert _states(plan)["code"] == "verified"
    assert plan.ready
    git(made.code, "checkout", "--quiet", "--orphan", "other")
    shutil.rmtree(made.code / ".git" / "objects")
    assert _states(planned(repository=str(made.code)))["code"] == "missing"


@pytest.mark.usefixtures("training")
def test_a_seed_that_the_command_does_not_take_cannot_be_set(planned: Any) -> None:
    with pytest.raises(InvalidError, match="no option 'seeds'") as caught:
        planned(seeds={"seeds": "8"})
    assert "data, out, seed" in caught.value.hint
    plan = planned(seeds={"seed": "8"})
    assert plan.command is not None
    assert plan.command.argv[-2:] == ("--seed", "8")
    assert plan.edited == ("seed seed",)
