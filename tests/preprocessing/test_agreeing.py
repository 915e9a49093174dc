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
