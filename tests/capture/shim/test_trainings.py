"""Real trainings without a line of Herdbook: what the shim tells of them, and that they are the same without it."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest
from tests.capture.shim.captured import TRAININGS, Done, frameworks, run


def trained(name: str, folder: Path, *arguments: str, shim: bool = True) -> Done:
    """Run a training in a folder that has its inputs."""
    python = frameworks("formats" if name == "with_tensorflow" else "frameworks")
    folder.mkdir()
    shutil.copy(TRAININGS / f"{name}.py", folder / "train.py")
    rows = [f"{index},{index % 7 - 3},{int(index % 5 > 1)}" for index in range(60)]
    (folder / "events.csv").write_text("\n".join(["pt,eta,label", *rows]) + "\n")
    for part in range(4):
        (folder / f"part-{part}.txt").write_text(str(part))
    done = run(["train.py", *arguments], folder, shim=shim, python=python, more={"OMP_NUM_THREADS": "1"})
    assert done.status == 0, done.errors
    return done


def digests(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir() if path.is_file()}


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("with_sklearn", ["--trees", "4"]),
        ("with_boosting", []),
        ("with_torch", ["fork"]),
        pytest.param("with_torch", ["spawn"], marks=pytest.mark.slow),
        pytest.param("with_keras", [], marks=pytest.mark.slow),
    ],
)
def test_a_training_prints_and_writes_the_same_bytes_with_and_without(
    name: str, arguments: list[str], tmp_path: Path
) -> None:
    seen = trained(name, tmp_path / "with", *arguments)
    plain = trained(name, tmp_path / "without", *arguments, shim=False)
    assert (seen.output, seen.errors) == (plain.output, plain.errors)
    assert seen.lines
    assert not plain.lines
    assert digests(tmp_path / "with") == digests(tmp_path / "without")


def test_scikit_learn_tells_the_outermost_fits_and_not_the_clones_of_a_search(tmp_path: Path) -> None:
    done = trained("with_sklearn", tmp_path / "job", "--trees", "4")
    assert done.parameters("argparse") == {"trees": "4", "input": "events.csv"}
    search = done.parameters("sklearn.GridSearchCV")
    assert search["estimator__n_estimators"] == "4"
    assert search["param_grid"] == '{"max_depth": [2, 3]}'
    assert done.parameters("sklearn.GridSearchCV.best")["max_depth"] in {"2", "3"}
    sources = {line["source"] for line in done.of("parameter")}
    assert {source.partition("[")[0] for source in sources} == {
        *("argparse", "sklearn.GridSearchCV", "sklearn.GridSearchCV.best"),
        *("sklearn.MLPClassifier", "sklearn.StandardScaler"),
    }
    seeds = {(line["name"], line["text"]) for line in done.of("seed")}
    assert seeds == {("numpy", "11"), ("sklearn.random_state", "7"), ("sklearn.random_state", "5")}
    assert {line["name"] for line in done.of("random-state")} >= {"numpy", "random"}
    history = done.of("metric", name="loss", source="sklearn.MLPClassifier")
    assert [line["step"] for line in history] == [0, 1, 2, 3, 4]
    assert done.of("metric", name="best_score", split="validation")
    assert done.opened() == {"events.csv"}
    assert done.of("open", mode="r", via="pandas")[0]["size"] == (tmp_path / "job" / "events.csv").stat().st_size
    assert done.opened("w") == {"model.pkl", "metrics.json"}
    assert {line["name"] for line in done.of("library")} >= {"numpy", "sklearn", "pandas", "scipy", "joblib"}
    assert done.end()["status"] == "finished"


def test_boosting_tells_parameters_history_and_files_that_are_opened_below_python(tmp_path: Path) -> None:
    done = trained("with_boosting", tmp_path / "job")
    assert done.parameters("xgboost.train") == {
        "eta": "0.3",
        "eval_metric": "logloss",
        "max_depth": "2",
        "num_boost_round": "4",
        "objective": "binary:logistic",
        "seed": "42",
    }
    estimator = done.parameters("xgboost.XGBClassifier")
    assert estimator["learning_rate"] == "0.2"
    assert "subsample" not in estimator  # left to the library
    history = done.of("metric", source="xgboost.train", split="validation")
    assert [(line["name"], line["step"]) for line in history] == [("logloss", step) for step in range(4)]
    assert history[0]["value"] > history[-1]["value"]
    of_estimator = done.of("metric", source="xgboost.train", split="validation_0")
    assert [line["step"] for line in of_estimator] == [0, 1, 2]
    assert done.parameters("lightgbm.train")["num_leaves"] == "4"
    seeds = {(line["name"], line["text"]) for line in done.of("seed")}
    assert seeds == {("numpy.default_rng", "3"), ("xgboost.seed", "42"), ("xgboost.seed", "9"), ("lightgbm.seed", "6")}
    assert done.opened("w") == {"events.npz", "booster.json", "estimator.json", "light.txt"}


@pytest.mark.parametrize("how", ["fork", pytest.param("spawn", marks=pytest.mark.slow)])
def test_pytorch_tells_optimiser_loader_seeds_and_what_its_workers_read(how: str, tmp_path: Path) -> None:
    done = trained("with_torch", tmp_path / "job", how)
    optimiser = done.parameters("torch.optim.AdamW")
    assert (optimiser["lr"], optimiser["betas"]) == ("0.01", "[0.9, 0.999]")
    loader = done.parameters("torch.DataLoader")
    assert (loader["batch_size"], loader["num_workers"]) == ("8", "2")
    assert loader["sampler"].endswith(".RandomSampler")
    seeds = {(line["name"], line["text"]) for line in done.of("seed")}
    assert seeds == {("random", "1"), ("numpy", "2"), ("torch", "3")}
    assert done.of("flag", name="torch.deterministic_algorithms", value="true")
    assert done.of("flag", name="OMP_NUM_THREADS", value="1")
    assert {line["name"] for line in done.of("random-state")} == {"numpy", "random", "torch"}
    assert done.opened() == {*(f"part-{part}.txt" for part in range(4)), "weights.pt"}
    assert not [line for line in done.main if line["what"] == "open" and "part-" in line["path"]]
    workers = [lines for lines in done.files if lines[0].get("start_method") == how]
    assert len(workers) == 4  # two epochs, two workers
    assert {lines[-1]["what"] for lines in workers} == {"end"}
    assert done.opened("w") == {"weights.pt"}
    assert done.of("open", mode="w", via="torch.save")
    assert done.of("open", mode="r", via="torch.load")
    torch = [line for line in done.main if line["what"] == "library" and line["name"] == "torch"]
    assert torch[0]["version"].startswith("2.")


@pytest.mark.slow
def test_keras_tells_its_history_epoch_by_epoch(tmp_path: Path) -> None:
    done = trained("with_keras", tmp_path / "job")
    history = done.of("metric", source="keras.fit", name="loss")
    assert {(line["split"], line["step"]) for line in history} == {
        *(("training", step) for step in range(2)),
        *(("validation", step) for step in range(2)),
    }
    assert done.parameters("keras.optimizers.Adam")["learning_rate"].startswith("0.0")
    assert done.parameters("keras.fit")["epochs"] == "2"
    assert ("numpy", "17") in {(line["name"], line["text"]) for line in done.of("seed")}
    assert "model.weights.h5" in done.opened("w")


@pytest.mark.slow
def test_tensorflow_tells_its_seeds_and_whether_it_can_be_repeated(tmp_path: Path) -> None:
    done = trained("with_tensorflow", tmp_path / "job")
    assert done.output == trained("with_tensorflow", tmp_path / "plain", shim=False).output  # its messages have times
    flags = {line["name"]: line["value"] for line in done.of("flag")}
    assert (flags["tensorflow.op_determinism"], flags["tensorflow.intra_op_threads"]) == ("true", "1")
    assert "tensorflow.tensor_float_32" in flags
    seeds = {(line["name"], line["text"]) for line in done.of("seed")}
    assert seeds >= {("numpy", "17"), ("tensorflow", "17")}
    assert done.parameters("keras.fit")["epochs"] == "2"
    assert [line["step"] for line in done.of("metric", source="keras.fit", name="loss")] == [0, 1]
