"""ParticleNet with its preprocess.json, against outputs that the official runtime gave on the same inputs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

from herdbook.model.facts import Facts
from herdbook.model.preprocessing import PreprocessingSpec
from herdbook.service import preprocessing

Told = Callable[..., Facts]
MODEL = "models/onnx/particlenet_AK4/1/model.onnx"

pytestmark = pytest.mark.datapack


@pytest.fixture
def runs(datapack: Path) -> list[tuple[dict[str, Any], Any]]:
    """Return, for each golden run, the tensors by input, and the output."""
    folder = datapack / "expected/outputs"
    entry = json.loads((folder / "index.json").read_text())[MODEL]
    with np.load(folder / entry["file"]) as arrays:
        return [
            ({each["name"]: arrays[each["key"]] for each in run["inputs"]}, arrays[run["outputs"][0]["key"]])
            for run in entry["runs"]
        ]


@pytest.fixture
def spec(told: Told, datapack: Path) -> PreprocessingSpec:
    """Return the spec of ParticleNet; the golden runs have 50 vertices where the file allows 5: that is changed."""
    found = preprocessing.read(told(datapack / "models/onnx/particlenet_AK4/CHS_V00/preprocess.json")).spec
    longer = [
        each.model_copy(update={"sequence": each.sequence and each.sequence.model_copy(update={"max_length": 50})})
        for each in found.inputs
    ]
    return found.model_copy(update={"inputs": tuple(longer)})


def before(spec: PreprocessingSpec, tensors: dict[str, Any], infos: dict[str, Any]) -> dict[str, list[Any]]:
    """Return values that the sidecar's formula turns into the golden tensors."""
    raw = {}
    for given in spec.inputs:
        for index, feature in enumerate(given.features):
            info = infos[given.name]["var_infos"][feature.name]
            plane = tensors[given.name][:, index].astype(float)
            raw[f"{given.name}/{feature.name}"] = list(plane / info["norm_factor"] + info["median"])
    return raw


@pytest.fixture
def infos(datapack: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((datapack / "models/onnx/particlenet_AK4/CHS_V00/preprocess.json").read_text())
    return found


def test_preparing_what_was_unprepared_gives_the_golden_tensors(
    spec: PreprocessingSpec, runs: list[Any], infos: dict[str, Any]
) -> None:
    for tensors, _ in runs:
        found = preprocessing.apply(spec, before(spec, tensors, infos))
        assert found.keys() == tensors.keys()
        for name, tensor in tensors.items():
            assert found[name].shape == tensor.shape
            np.testing.assert_allclose(found[name], tensor, rtol=0, atol=1e-6)


def test_the_model_gives_its_golden_outputs_for_what_preprocessing_makes(
    spec: PreprocessingSpec, runs: list[Any], infos: dict[str, Any], datapack: Path
) -> None:
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(str(datapack / MODEL), options, providers=["CPUExecutionProvider"])
    for tensors, expected in runs:
        prepared = preprocessing.apply(spec, before(spec, tensors, infos))
        (found,) = session.run(None, prepared)
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_a_jet_without_a_vertex_goes_in_as_the_file_pads_it(told: Told, datapack: Path) -> None:
    found = preprocessing.read(told(datapack / "models/onnx/particlenet_AK4/CHS_V00/preprocess.json")).spec
    arrays = {
        f"{given.name}/{feature.name}": [np.full(60 if given.name.startswith("pf") else 0, 1.0)]
        for given in found.inputs
        for feature in given.features
    }
    prepared = preprocessing.apply(found, arrays, precision="float32")
    assert {name: tensor.shape for name, tensor in prepared.items()} == {
        "pf_points": (1, 2, 50),
        "pf_features": (1, 20, 50),
        "pf_mask": (1, 1, 50),
        "sv_points": (1, 2, 1),
        "sv_features": (1, 11, 1),
        "sv_mask": (1, 1, 1),
    }
    assert prepared["sv_features"].tolist() == [[[0]] * 11]
    assert prepared["pf_features"][0, 0, 0] == (np.float32(1) - np.float32(0.8)) * np.float32(0.7)
