"""Trained again for real, R4 and R5 are reached; whatever is forged, edited or only told, they are not."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # tests are no package that is installed
from tests.audit.conftest import Retrain, tolerate
from tests.retrain.trainings import MODEL, Training, lose

from herdbook.model.activities import Activity
from herdbook.model.audits import Audit
from herdbook.model.base import Json
from herdbook.model.registrations import Registration
from herdbook.model.statements import Said, Subject
from herdbook.ports.places import Places
from herdbook.ports.registry import Registry
from herdbook.service import auditing
from herdbook.service.auditing_gathering import fullest
from herdbook.service.retraining import origin, outcome, planning, recording

REFERENCE = f"{MODEL}:v1"
pytestmark = pytest.mark.usefixtures("training")


def audit(registry: Registry) -> Audit:
    return auditing.audit(registry, REFERENCE).audit


def score(found: Audit, item: str) -> int | None:
    return next(each.score.score for each in found.items if each.item == item)


def dry_run(registry: Registry, places: Places, **edits: Any) -> None:
    work = planning.make(registry, REFERENCE, places, planning.Edits(**edits))
    recording.say(registry, work, outcome.of_dry_run(work), recording.Target(recording.default_target(work)))


def test_what_is_pinned_becomes_executable_by_a_dry_run_and_bit_for_bit_by_a_run(
    registry: Registry, retrain: Retrain
) -> None:
    found = audit(registry)
    assert found.level == 2
    assert "command, code and environment, never tried" in found.held_back[0]
    assert retrain().retraining.outcome == "bytes"
    found = audit(registry)
    assert (found.level, found.held_back) == (5, ())
    assert (score(found, "T12"), score(found, "T7")) == (3, 3)


def test_the_audit_and_the_retraining_speak_of_the_same_activity(registry: Registry, training: Training) -> None:
    training.tell(seeds=None)
    training.tell(ended="2026-11-20T09:03:00Z")
    made = fullest(registry.versions.dossier(REFERENCE))
    assert made == origin.find(registry, REFERENCE).made_by


def test_another_seed_within_the_tolerance_gives_four(registry: Registry, training: Training, retrain: Retrain) -> None:
    tolerate(training, 0.01)
    assert retrain(seeds={"seed": "8"}).retraining.outcome == "metrics"
    found = audit(registry)
    assert found.level == 4
    assert "other bytes came out" in found.held_back[0]


def test_a_tolerance_that_only_a_stranger_declares_does_not_count(
    registry: Registry, training: Training, retrain: Retrain
) -> None:
    tolerate(training, 0.01, namespace="stranger")
    retrain(seeds={"seed": "8"})
    found = audit(registry)
    assert (found.level, score(found, "T12")) == (3, 2)
    assert "nobody of the model's namespace declared" in found.held_back[0]


def test_data_that_the_registry_lost_bring_the_level_back_to_two_with_the_reason(
    registry: Registry, training: Training, retrain: Retrain
) -> None:
    retrain()
    lose(registry, training.told["inputs"][0]["blob"])
    found = audit(registry)
    assert found.level == 2
    assert "points.csv is no longer kept here" in found.held_back[0]


def original(registry: Registry) -> Json:
    """Return the training's activity as JSON."""
    made = fullest(registry.versions.dossier(REFERENCE))
    assert made is not None
    return made.activity.json_object()


def forged(registry: Registry, **changed: Any) -> Json:
    """Return an activity that claims to be the retraining, as its real record would look."""
    made = fullest(registry.versions.dossier(REFERENCE))
    assert made is not None
    told = {
        **made.activity.json_object(),
        "kind": "retraining",
        "started": "2026-11-21T09:00:00Z",
        "ended": "2026-11-21T09:01:00Z",
        "ids": [{"scheme": "herdbook-run", "value": os.urandom(16).hex()}],
        "workflow": {
            "retrains": made.record,
            "engine": "local",
            "verified": ["code", "code-after", "environment", "inputs", "inputs-after", "outputs-fresh"],
        },
        **changed,
    }
    return {name: value for name, value in told.items() if value is not None}


def claim(registry: Registry, by: str, **changed: Any) -> Said:
    made = fullest(registry.versions.dossier(REFERENCE))
    assert made is not None
    inputs = [{"path": "points.csv", "digest": part.blob or part.record, "state": "verified"}
              for part in made.activity.inputs or () if part.role == "train"]  # fmt: skip
    body = {"of": made.record, "by": by, "mode": "run", "outcome": "bytes", "bitwise": True, "inputs": inputs}
    body |= {"done": "2026-11-21T09:01:00Z", **changed}
    record = registry.versions.get(REFERENCE).record
    return Said(type="herdbook/retraining/1", subject=(Subject(record=record),), body=body)


def test_a_statement_that_names_no_activity_proves_nothing(registry: Registry) -> None:
    made = fullest(registry.versions.dossier(REFERENCE))
    assert made is not None
    for by in ("sha256:" + "0" * 64, made.record):
        registry.statements.add("demo", [claim(registry, by)])
        found = audit(registry)
        assert (found.level, score(found, "T12")) == (2, 1)


def test_an_activity_with_the_same_output_proves_nothing(registry: Registry) -> None:
    registry.activities.register("demo", Activity.read(forged(registry)))
    found = audit(registry)
    assert (found.level, score(found, "T12")) == (2, 0)


def test_a_forged_activity_with_a_statement_by_hand_proves_nothing(registry: Registry) -> None:
    entry = registry.activities.register("demo", Activity.read(forged(registry)))
    registry.statements.add("demo", [claim(registry, entry.record)])
    found = audit(registry)
    assert (found.level, score(found, "T12")) == (2, 1)
    told = next(each.score for each in found.items if each.item == "T12")
    assert "apart from the event" in str(told.json_object())


def together(registry: Registry, training: Training, activity: Json, **changed: Any) -> Audit:
    """Register activity and statement in one event, as a retraining does, and audit."""
    assert training.version is not None
    value = Activity.read(activity)
    said = claim(registry, value.digest, **changed)
    registry.versions.record(
        [Registration(model=MODEL, version=training.version, activities=(value,), statements=(said,))]
    )
    return audit(registry)


def test_the_forger_who_tells_the_whole_event_as_the_runner_would_is_believed(
    registry: Registry, training: Training
) -> None:
    """The bound of what records show: who may write, and lies in every field, is found out by signatures only."""
    assert together(registry, training, forged(registry)).level == 5


OTHER = "sha256:" + "1" * 64
EDITED: dict[str, Json] = {
    "code": {"code": {"commit": "f" * 40, "dirty": False}},
    "diff": {"code": None},
    "command": {"command": {"argv": ["python", "train.py", "--rate", "0.5"]}},
    "inputs": {"inputs": [{"id": {"scheme": "local", "value": "points"}, "role": "train"}]},
    "no inputs": {"inputs": None},
    "python": {"environment": {"kind": "packages", "python": "3.9.1", "packages": {"tiny": "1.0"}}},
    "packages": {"environment": {"kind": "packages", "packages": {"tiny": "1.1"}}},
    "no environment": {"environment": None},
    "no id": {"ids": [{"scheme": "local", "value": "x"}]},
    "kind": {"kind": "training"},
    "failed": {"status": "failed"},
    "before": {"started": "2026-11-19T09:00:00Z", "ended": "2026-11-19T09:01:00Z"},
    "no times": {"started": None, "ended": None},
    "not of it": {"workflow": {"verified": ["code"]}},
}


@pytest.mark.parametrize("name", EDITED)
def test_whatever_was_not_as_the_original_had_it_gives_neither_four_nor_five(
    registry: Registry, training: Training, name: str
) -> None:
    tolerate(training, 1.0)
    found = together(registry, training, forged(registry, **EDITED[name]))
    assert found.level <= 3, found.held_back
    assert score(found, "T12") == 1


@pytest.mark.parametrize("missing", ["code", "code-after", "inputs", "inputs-after", "environment", "outputs-fresh"])
def test_what_the_runner_did_not_verify_itself_gives_neither(
    registry: Registry, training: Training, missing: str
) -> None:
    told = forged(registry)
    told["workflow"]["verified"] = [each for each in told["workflow"]["verified"] if each != missing]
    assert together(registry, training, told).level <= 3


def test_a_changed_field_that_the_job_told_itself_gives_neither(registry: Registry, training: Training) -> None:
    assert together(registry, training, forged(registry), changed=["outputs"]).level <= 3


def test_the_originals_own_run_is_no_repetition(registry: Registry) -> None:
    """The id of the original's run cannot be another record's: the registry unites the two, and it stays a training."""
    ids = original(registry)["ids"]
    told = Activity.read({**forged(registry), "ids": ids})
    entry = registry.activities.register("demo", told)
    registry.statements.add("demo", [claim(registry, entry.record)])
    assert audit(registry).level <= 2


def test_a_model_that_went_in_and_came_out_is_no_retraining(registry: Registry, training: Training) -> None:
    assert training.version is not None
    told = original(registry)
    told["inputs"] = [*told["inputs"], {"record": training.version.digest, "role": "train"}]
    told["ids"] = [{"scheme": "herdbook-run", "value": os.urandom(16).hex()}]
    told["ended"] = "2026-11-20T09:05:00Z"
    registry.activities.register("demo", Activity.read(told))
    found = together(registry, training, forged(registry))
    assert found.level <= 3


def test_a_retraining_of_another_telling_does_not_count(registry: Registry, training: Training) -> None:
    """Who tells a second, fuller training of the same files cannot borrow the first one's retraining."""
    found = together(registry, training, forged(registry), of=OTHER)
    assert found.level <= 3


def test_a_frozen_audit_that_claims_five_is_not_read(registry: Registry) -> None:
    body = {**audit(registry).json_object(), "level": 5, "medal": "gold"}
    record = registry.versions.get(REFERENCE).record
    said = Said(type="herdbook/audit/1", subject=(Subject(record=record),), body=body)
    registry.statements.add("demo", [said])
    assert audit(registry).level == 2


def test_a_dry_run_gives_three_for_its_time(registry: Registry, open_places: Places) -> None:
    dry_run(registry, open_places)
    found = audit(registry)
    assert found.level == 3, found.held_back
    later = auditing.Auditor(registry, clock=lambda: "2027-03-01T00:00:00Z").audit(REFERENCE).audit
    assert later.level == 2
    assert "more than 90 days" in later.held_back[0]
