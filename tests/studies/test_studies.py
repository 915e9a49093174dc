"""Studies from a real Optuna storage and from tables, kept as activities that a model shows."""

from __future__ import annotations

import io
import json
from pathlib import Path

import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st

import herdbook
from herdbook.kernel.errors import InvalidError, MissingError
from herdbook.model.studies import Study
from herdbook.service import studies

optuna.logging.set_verbosity(optuna.logging.WARNING)


def _optimise(storage: str, name: str = "toy") -> optuna.Study:
    study = optuna.create_study(
        storage=storage, study_name=name, direction="minimize", sampler=optuna.samplers.RandomSampler(seed=1)
    )

    def objective(trial: optuna.Trial) -> float:
        rate = trial.suggest_float("learning_rate", 1e-5, 1e-1, log=True)
        depth = trial.suggest_int("depth", 2, 10)
        kind = trial.suggest_categorical("kind", ["a", "b"])
        if trial.number == 3:
            raise optuna.TrialPruned
        return float(rate * depth + (kind == "a"))

    study.optimize(objective, n_trials=12)
    return study


def test_a_study_of_optuna_comes_with_space_trials_and_choice(tmp_path: Path) -> None:
    storage = f"sqlite:///{tmp_path / 'optuna.db'}"
    real = _optimise(storage)
    value, trials = studies.of_optuna(studies.open_optuna(storage))
    assert (value.name, value.directions, value.trials, value.complete) == ("toy", ("minimise",), 12, 11)
    assert value.chosen == real.best_trial.number
    assert {item.name: item.kind for item in value.space} == {
        "depth": "int",
        "kind": "categorical",
        "learning_rate": "float",
    }
    assert next(item for item in value.space if item.name == "learning_rate").log
    assert [trial.state for trial in trials].count("pruned") == 1
    assert trials[value.chosen or 0].values == (real.best_value,)
    assert trials[0].started
    assert trials[0].started.endswith("Z")


def test_a_journal_file_is_a_storage_too_and_none_is_made_by_looking(tmp_path: Path) -> None:
    backend = optuna.storages.journal.JournalFileBackend(str(tmp_path / "study.log"))
    optuna.create_study(storage=optuna.storages.JournalStorage(backend), study_name="one").optimize(
        lambda trial: trial.suggest_float("x", 0, 1), n_trials=2
    )
    value, _ = studies.of_optuna(studies.open_optuna(str(tmp_path / "study.log")))
    assert value.trials == 2
    for absent in (str(tmp_path / "none.log"), f"sqlite:///{tmp_path / 'none.db'}"):
        with pytest.raises(MissingError):
            studies.open_optuna(absent)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["study.log"]


def test_of_several_studies_one_must_be_named(tmp_path: Path) -> None:
    storage = f"sqlite:///{tmp_path / 'optuna.db'}"
    for name in ("a", "b"):
        optuna.create_study(storage=storage, study_name=name)
    with pytest.raises(MissingError) as caught:
        studies.open_optuna(storage)
    assert "a, b" in caught.value.hint
    assert studies.of_optuna(studies.open_optuna(storage, "b"))[0].trials == 0


def test_a_plain_table_is_a_study() -> None:
    text = "number,eta,depth,auc\n7,0.1,3,0.91\n8,0.2,4,0.93\n9,0.3,5,\n"
    value, trials = studies.of_table(text, name="scan", objective="auc", direction="maximise")
    assert (value.chosen, value.chosen_by, value.complete) == (8, "best value", 2)
    assert trials[1].parameters == {"eta": 0.2, "depth": 4}
    lines = "".join(json.dumps({"parameter.eta": trial, "note": "x", "auc": trial}) + "\n" for trial in (0.5, 0.25))
    value, trials = studies.of_table(lines, name="scan", objective="auc", direction="minimise", chosen=0)
    assert (value.chosen, value.chosen_by) == (0, "said")
    assert trials[0].parameters == {"eta": 0.5}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no trial"),
        ("a,b\n1,2\n", "objective"),
        ("number,auc\n1,0.5\n1,0.6\n", "same number"),
        ("auc\n0.5,7\n", "more cells"),
        ('{"auc": 1}\n[1]\n', "line 2"),
        ("auc\nmany\n", "trial 0"),
        ("number,auc\nx,1\n", "trial 0"),
    ],
)
def test_a_table_that_is_none_says_what_is_wrong(text: str, words: str) -> None:
    with pytest.raises(InvalidError, match=words):
        studies.of_table(text, name="scan", objective="auc", direction="maximise")


@given(
    st.lists(
        st.tuples(st.integers(0, 10**6), st.floats(allow_nan=False, allow_infinity=False)),
        min_size=1,
        unique_by=lambda pair: pair[0],
    )
)
def test_the_best_of_a_table_is_chosen_and_the_table_comes_back(pairs: list[tuple[int, float]]) -> None:
    text = "number,x,loss\n" + "".join(f"{number},1,{loss!r}\n" for number, loss in pairs)
    value, trials = studies.of_table(text, name="scan", objective="loss", direction="minimise")
    assert dict(pairs)[value.chosen or 0] == min(loss for _, loss in pairs)
    assert {trial.number for trial in studies.read_table(studies.table(trials))} == {number for number, _ in pairs}


def test_a_version_shows_the_search_it_came_from_and_told_twice_it_is_one(tmp_path: Path) -> None:
    value, trials = studies.of_table("eta,loss\n0.1,3\n0.2,1\n", name="scan", objective="loss", direction="minimise")
    with herdbook.open(str(tmp_path / "registry")) as registry:
        model = tmp_path / "model.bin"
        model.write_bytes(b"weights")
        registry.versions.register("demo/tau/toy:v1", model)
        entry = studies.register(registry, "demo", value, trials, chosen_for="demo/tau/toy:v1")
        assert studies.register(registry, "demo", value, trials, chosen_for="demo/tau/toy:v1") == entry
        (made,) = registry.versions.dossier("demo/tau/toy:v1").made_by
        assert Study.read(made.activity.search).chosen == 1
        part = next(part for part in made.activity.outputs or () if part.role == "trials")
        with registry.files.blob("demo", str(part.blob)) as stream:
            assert [trial.values for trial in studies.read_table(stream.read())] == [(3.0,), (1.0,)]
        with pytest.raises(MissingError):
            studies.register(registry, "demo", value, trials, chosen_for="demo/tau/none:v1")
        assert registry.files.put(io.BytesIO(b"x")).size == 1
