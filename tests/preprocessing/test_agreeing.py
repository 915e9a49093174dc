"""A contract that is assembled from a sidecar prepares as the sidecar's own preprocessing does."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from herdbook.model.dossiers import FileView
from herdbook.model.facts import Facts
from herdbook.model.preprocessing import PreprocessingSpec
from herdbook.service import contracts, preprocessing

Told = Callable[..., Facts]
NUMBERS = ("name", "missing_value", "replace_non_finite", "offset", "scale", "divisor", "clip", "pad_value")
LENGTHS = ("min_length", "max_length", "pad_mode")


def done(spec: PreprocessingSpec) -> list[Any]:
    """Return what changes numbers, input by input."""
    return [
        (
            [tuple(getattr(feature, field) for field in NUMBERS) for feature in given.features],
            [getattr(given.sequence, field, None) for field in LENGTHS],
        )
        for given in spec.inputs
    ]


def both(facts: Facts, path: str) -> tuple[PreprocessingSpec, PreprocessingSpec]:
    view = FileView(path=path, digest="sha256:" + "0" * 64, facts=facts)
    return preprocessing.read(facts).spec, preprocessing.to_spec(contracts.assemble([view]).contract)


@pytest.mark.datapack
@pytest.mark.parametrize(
    "name",
    [
        "onnx/particlenet_AK4/CHS_V00/preprocess.json",
        "onnx/particlenet_AK4/CHS_V00/preprocess_noragged.json",
        "onnx/preprocess_only/preprocess.json",
        "lwtnn/DeepCSV_PhaseI.json",
        "lwtnn/test_NN_graph.json",
        "tf_graphdef/ele_pfid_exteta1/scaler.txt",
        "torch/JetClass_kin.yaml",
        "tmva/mu_BDTG.weights.xml",
    ],
)
def test_contract_and_preprocessing_of_a_real_file_do_the_same(told: Told, datapack: Path, name: str) -> None:
    ours, assembled = both(told(datapack / "models" / name), Path(name).name)
    assert done(assembled) == done(ours)


def test_contract_and_preprocessing_of_a_normalisation_do_the_same(told: Told) -> None:
    text = json.dumps({"n": {"mean": 2.0, "std": 3.0, "min": -5.0, "max": 5.0}, "pt": {"mean": 0.0, "std": 256.0}})
    ours, assembled = both(told(text, "NormalizationDict.json"), "NormalizationDict.json")
    assert done(assembled) == done(ours)


def test_features_of_a_salt_model_stand_at_the_input_whose_name_says_so() -> None:
    config = {
        "inputs": [{"name": "jet_var", "variables": [{"name": "pt", "offset": 0.0, "scale": 1.0}]}],
        "input_sequences": [
            {"name": "tracks_r22default_sd0sort", "variables": [{"name": "d0", "offset": 0.0, "scale": 1.0}]}
        ],
        "output_names": ["GN2_pb"],
    }
    graph = [
        {"name": "track_features", "dtype": "float32", "shape": ["n_tracks", 1]},
        {"name": "jet_features", "dtype": "float32", "shape": [1, 1]},
    ]
    values = {"gnn_config": config, "inputs": graph, "outputs": [{"name": "GN2_pb", "shape": [1]}]}
    facts = Facts(reader="onnx", reader_version="2", format="onnx", values=values)
    view = FileView(path="gn2.onnx", digest="sha256:" + "0" * 64, facts=facts)
    told_ = contracts.assemble([view]).contract.inputs
    assert told_ is not None
    assert [(each.name, each.features[0].name) for each in told_ if each.features] == [
        ("track_features", "d0"),
        ("jet_features", "pt"),
    ]
