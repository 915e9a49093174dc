"""The toy is honest, and the same each time."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import pytest
from onnx.reference import ReferenceEvaluator

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # the examples are no package that is installed

from examples.toy_taus import events, network, onnx_file, quality, report

from herdbook.kernel import times
from herdbook.model.activities import Activity

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.examples.conftest import Toy


def _features(data: Path, split: str = "test") -> tuple[network.Array, network.Array]:
    table = np.load(data / f"{split}.npy", allow_pickle=False)
    columns = [table[column.name] for column in events.COLUMNS]
    return np.stack(columns, axis=1), table[events.TRUTH].astype(np.float32)


def _json(path: Path) -> Any:
    return json.loads(path.read_text())


def test_the_exported_graph_gives_what_the_trained_network_gives(toy: Toy) -> None:
    features, _ = _features(toy.data_a)
    model = onnx.load(toy.first / "model.onnx")
    with np.errstate(over="ignore"):  # the evaluator computes the branch of its sigmoid that it then drops
        (from_graph,) = ReferenceEvaluator(model).run(None, {"features": features})
    net, _metadata = onnx_file.load(toy.first / "model.onnx")
    assert from_graph.shape == (len(features), 1)
    np.testing.assert_allclose(from_graph[:, 0], net.probabilities(features), atol=2e-6)


def test_the_interface_and_the_story_stand_in_the_model_file(toy: Toy) -> None:
    model = onnx.load(toy.second / "model.onnx")
    (given,), (asked,) = model.graph.input, model.graph.output
    shapes = [[d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim] for value in (given, asked)]
    assert (given.name, asked.name) == ("features", "p_tau")
    assert shapes == [["batch", len(events.COLUMNS)], ["batch", 1]]
    assert "period B" in model.doc_string
    assert {prop.key for prop in model.metadata_props} == {"features", "labels", "period", "seed", "working_point_75"}


def test_the_same_options_give_the_same_bytes(toy: Toy, tmp_path: Path, run: Callable[..., str]) -> None:
    run("generate.py", "--out", tmp_path / "b", "--seed", 2, "--period", "B")
    again = ["--data", tmp_path / "b", "--seed", 8, "--init", toy.first / "model.onnx"]
    run("train.py", "--out", tmp_path / "v2", *again)
    for old, new in ((toy.data_b, tmp_path / "b"), (toy.second, tmp_path / "v2")):
        names = sorted(path.name for path in old.iterdir())
        assert names == sorted(path.name for path in new.iterdir())
        for name in set(names) - {"activity.json"}:
            assert (old / name).read_bytes() == (new / name).read_bytes(), name


def test_another_seed_gives_other_events_and_no_event_stands_in_two_splits(toy: Toy) -> None:
    every = np.concatenate(
        [_features(data, split)[0] for data in (toy.data_a, toy.data_b) for split in ("train", "test")]
    )
    assert len(np.unique(every, axis=0)) == len(every)
    one, other = (events.draw(100, events.PERIODS["A"], np.random.Generator(np.random.PCG64(seed))) for seed in (1, 2))
    assert not np.array_equal(one, other)


def test_the_result_is_good_and_not_too_good(toy: Toy) -> None:
    for folder in (toy.first, toy.second):
        for result in _json(folder / "metrics.json").values():
            assert 0.85 < result["auc"]["value"] < 0.99
            assert 0 < result["auc"]["stat"] < 0.01
    validation, test = (_json(toy.first / "metrics.json")[split]["auc"] for split in ("validation", "test"))
    assert abs(validation["value"] - test["value"]) < 4 * np.hypot(validation["stat"], test["stat"])


def test_no_single_feature_gives_the_answer_away(toy: Toy) -> None:
    features, truth = _features(toy.data_a)
    areas = [quality.area(features[truth == 1, i], features[truth == 0, i]) for i in range(features.shape[1])]
    assert max(max(area, 1 - area) for area in areas) < 0.9
    for name, area in zip((column.name for column in events.COLUMNS), areas, strict=True):
        if name in {"pt", "eta", "n_vertices"}:
            assert abs(area - 0.5) < 0.02, f"{name} tells a tau from a jet"


def test_fine_tuning_helps_on_the_shifted_period_beyond_the_uncertainty(toy: Toy) -> None:
    metrics = _json(toy.second / "metrics.json")
    after, before = metrics["test"]["auc"], metrics["test, before"]["auc"]
    assert after["value"] - before["value"] > 3 * np.hypot(after["stat"], before["stat"])
    net, _metadata = onnx_file.load(toy.first / "model.onnx")
    features, truth = _features(toy.data_b)
    assert quality.measure(net.probabilities(features), truth).auc == pytest.approx(before["value"])


def test_the_activity_is_a_record_as_soon_as_inputs_and_outputs_are_filled_in(toy: Toy) -> None:
    digest = "sha256:" + "0" * 64
    for folder, kind in ((toy.first, "training"), (toy.second, "fine-tuning")):
        body = _json(folder / "activity.json")
        record = Activity.read(body | {"outputs": [{"record": digest, "role": "model"}]})
        assert record.kind == kind
        assert record.digest
        assert times.read(body["started"]) <= times.read(body["ended"])
        assert any(word.endswith("train.py") for word in body["command"]["argv"])
        assert {"inputs", "outputs"}.isdisjoint(body)


def test_features_are_listed_in_the_order_of_the_graph(toy: Toy) -> None:
    listed = _json(toy.first / "features.json")
    net, metadata = onnx_file.load(toy.first / "model.onnx")
    assert [feature["name"] for feature in listed] == metadata["features"].split(",")
    np.testing.assert_allclose([feature["mean"] for feature in listed], net.mean)
    assert all(feature["training_range"][0] < feature["mean"] < feature["training_range"][1] for feature in listed)
    assert (toy.first / "labels.txt").read_text() == "jet\ntau\n"


def test_a_file_that_is_no_such_network_is_refused_in_a_sentence(
    toy: Toy, tmp_path: Path, run: Callable[..., str]
) -> None:
    (tmp_path / "x.onnx").write_bytes(b"not really a model\n")
    said = run(
        "train.py",
        "--data",
        toy.data_a,
        "--out",
        tmp_path / "o",
        "--seed",
        1,
        "--init",
        tmp_path / "x.onnx",
        fails=True,
    )
    assert "is not a network that train.py wrote" in said
    assert "Traceback" not in said
    assert not (tmp_path / "o").exists()


def test_the_area_counts_pairs_and_its_uncertainty_is_the_spread_of_repeated_samples() -> None:
    rng = np.random.Generator(np.random.PCG64(3))
    signal, noise = (rng.integers(low, low + 8, 60).astype(np.float32) for low in (2, 0))
    pairs = [(s > n) + 0.5 * (s == n) for s in signal for n in noise]
    assert quality.area(signal, noise) == pytest.approx(np.mean(pairs))
    draws = [quality.area(*(rng.normal(mean, 1, 200).astype(np.float32) for mean in (1.0, 0.0))) for _ in range(400)]
    assert quality.area_uncertainty(float(np.mean(draws)), 200, 200) == pytest.approx(np.std(draws), rel=0.2)


def test_a_rejection_without_a_single_jet_above_the_cut_is_infinite_not_an_error() -> None:
    scores = np.linspace(0, 1, 40, dtype=np.float32)
    result = quality.measure(scores, (scores > 0.5).astype(np.float32))
    assert result.rejection == float("inf")
    assert result.auc == 1
    assert "inf" in report.sentence(result)


def test_gradients_are_those_of_the_loss() -> None:
    rng = np.random.Generator(np.random.PCG64(5))
    features, truth = rng.normal(size=(64, 3)).astype(np.float32), rng.integers(0, 2, 64).astype(np.float32)
    net = network.fresh(features, (5,), rng)
    inputs = (features - net.mean) / net.scale
    slopes = network._gradients(net.parameters, inputs, truth)
    for parameter, slope in zip(net.parameters, slopes, strict=True):
        assert parameter.shape == slope.shape
        where = tuple(0 for _ in parameter.shape)
        values = []
        for step in (np.float32(1e-2), np.float32(-2e-2)):
            parameter[where] += step
            values.append(network.loss(net.logits(features), truth))
        parameter[where] += np.float32(1e-2)
        assert slope[where] == pytest.approx((values[0] - values[1]) / 2e-2, abs=2e-3)
