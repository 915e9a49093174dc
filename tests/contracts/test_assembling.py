"""What files tell of an interface, put together: known with its evidence, unknown, or a finding; never chosen."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # tests are no package that is installed
from tests.contracts.expected import folder, view

from herdbook.model.dossiers import FileView
from herdbook.model.members import select
from herdbook.service.contracts import Assembled, assemble
from herdbook.service.contracts import members as sets

GRAPH = {
    "inputs": [{"name": "x", "dtype": "float32", "shape": ["N", 2]}],
    "outputs": [{"name": "y", "dtype": "float32", "shape": ["N", 3]}],
}


def onnx(path: str = "model.onnx", **changed: Any) -> FileView:
    return view(path, "onnx", **{**GRAPH, **changed})


def variables(path: str, *names: str, **constants: float) -> FileView:
    infos = {name: {"median": 1, "norm_factor": 2, **constants} for name in names}
    return view(path, "weaver-preprocess", input_groups=[{"name": "x", "var_names": list(names), "var_infos": infos}])


def rules(found: Assembled) -> list[str]:
    return [each.rule for each in found.findings]


def test_two_files_that_differ_are_named_and_neither_is_chosen() -> None:
    server = view(
        "config.pbtxt", "triton-config", max_batch_size=8, inputs=[{"name": "x", "dtype": "float64", "shape": [2]}]
    )
    found = assemble([onnx(), server])
    assert found.contract.inputs is not None
    assert found.contract.inputs[0].dtype is None
    assert found.contract.inputs[0].shape == ("N", 2)
    assert "/inputs/0/dtype" in found.unknown
    [finding] = found.findings
    assert finding.rule == "contract-conflict"
    assert all(word in finding.message for word in ("float32", "float64", "model.onnx", "config.pbtxt"))


def test_what_files_agree_on_is_said_once_with_all_places() -> None:
    server = view(
        "config.pbtxt", "triton-config", max_batch_size=8, inputs=[{"name": "x", "dtype": "float32", "shape": [-1]}]
    )
    found = assemble([onnx(), server])
    assert not found.findings
    told = found.evidence_of("/inputs/0/dtype")
    assert told is not None
    assert "model.onnx" in str(told.where)
    assert "config.pbtxt" in str(told.where)
    assert found.contract.inputs is not None
    assert (found.contract.inputs[0].shape, found.contract.inputs[0].batch_axis) == (("N", 2), 0)


def test_sidecars_that_differ_in_one_number_give_all_the_others() -> None:
    """One directory of CMS has preprocess.json, preprocess_noragged.json and preprocess_PT.json."""
    found = assemble([onnx(), variables("a.json", "pt", "eta"), variables("b.json", "pt", "eta", median=5)])
    assert rules(found) == ["sidecar-ambiguous"]
    assert "a.json, b.json" in found.findings[0].message
    assert found.contract.inputs is not None
    features = found.contract.inputs[0].features
    assert features is not None
    assert [(each.name, each.offset, each.scale) for each in features] == [("pt", None, 2), ("eta", None, 2)]
    assert "/inputs/0/features/0/offset" in found.unknown


def test_features_in_another_order_are_no_features() -> None:
    listed = view("features.txt", "feature-list", features=[{"name": "eta"}, {"name": "pt"}])
    found = assemble([onnx(), variables("a.json", "pt", "eta"), listed])
    assert rules(found) == ["contract-conflict"]
    assert found.contract.inputs is not None
    assert found.contract.inputs[0].features is None
    assert "/inputs/0/features" in found.unknown


def test_a_sidecar_that_does_not_fit_is_not_put_on() -> None:
    listed = view("features.txt", "feature-list", features=[{"name": name} for name in "abc"])
    labels = view("labels.txt", "labels", classes=["a", "b"])
    found = assemble([onnx(), listed, labels, variables("a.json", "pt")])
    assert sorted(rules(found)) == ["contract-conflict", "sidecar-unpaired", "sidecar-unpaired"]
    assert found.contract.inputs is not None
    assert found.contract.inputs[0].features is None


def test_a_sidecar_that_fits_two_models_is_given_to_neither() -> None:
    other = onnx("other.onnx", outputs=[{"name": "z", "dtype": "float32", "shape": ["N", 1]}])
    found = assemble([onnx(), other, variables("a.json", "pt", "eta")])
    assert rules(found) == ["sidecar-ambiguous"]
    assert "fits 2 models" in found.findings[0].message
    assert found.contract.members is not None
    assert [each.files for each in found.contract.members] == [("model.onnx",), ("other.onnx",)]
    assert found.contract.members[0].when == ()
    assert "/members/0/when" in found.unknown


def test_a_sidecar_in_the_folder_of_one_of_two_models_is_that_models() -> None:
    """Electrons of CMS: ``exteta1/scaler.txt`` and ``exteta2/scaler.txt``, each beside its own network."""
    other = onnx("b/model.onnx", outputs=[{"name": "z", "dtype": "float32", "shape": ["N", 1]}])
    found = assemble([onnx("a/model.onnx"), other, variables("b/a.json", "pt", "eta")])
    assert rules(found) == []
    told = {each.name: each.inputs or found.contract.inputs for each in found.contract.members or ()}
    assert [bool(inputs and inputs[0].features) for inputs in told.values()] == [False, True]


def test_a_server_s_configuration_means_the_model_below_it() -> None:
    models = [onnx("a/1/model.onnx"), onnx("b/1/model.onnx", outputs=[{"name": "z", "shape": ["N", 1]}])]
    server = view("a/config.pbtxt", "triton-config", max_batch_size=4, inputs=[{"name": "x", "shape": [2]}])
    found = assemble([*models, server])
    assert not found.findings
    assert found.contract.members is not None
    batch = [each.inputs[0].batch_axis for each in found.contract.members if each.inputs]
    assert batch == [0, None]


def test_a_server_s_configuration_of_torchscript_is_paired_by_its_place_and_not_by_names() -> None:
    server = view("a/config.pbtxt", "triton-config", inputs=[{"name": "x__0", "shape": [2]}])
    assert not rules(assemble([view("a/1/model.pt", "torchscript", inputs=[{"name": "points"}]), server]))
    assert "sidecar-unpaired" in rules(assemble([onnx("a/1/model.onnx"), server]))


def test_a_dictionary_gives_constants_by_name_and_its_order_is_only_inferred() -> None:
    constants = [
        {"name": "eta", "mean": 0.0, "std": 2.0},
        {"name": "pt", "mean": 30.0, "std": 10.0, "min": -5, "max": 5},
    ]
    told = view("norm.json", "normalisation-dict", features=constants)
    alone = assemble([onnx(), told])
    assert alone.contract.inputs is not None
    assert alone.contract.inputs[0].features is not None
    assert alone.evidence["/inputs/0/features"].how == "inferred"
    listed = view("features.txt", "feature-list", features=[{"name": "pt"}, {"name": "eta"}])
    found = assemble([onnx(), told, listed])
    assert found.contract.inputs is not None
    features = found.contract.inputs[0].features
    assert features is not None
    assert [(each.name, each.offset, each.divisor) for each in features] == [("pt", -30.0, 10.0), ("eta", 0.0, 2.0)]
    assert "/inputs/0/features" not in found.evidence


def test_a_unit_is_taken_only_as_it_is_written_in_ucum() -> None:
    features = [
        {"name": "pt", "unit": "GeV", "min": 5.0, "max": 90.0, "type": "F"},
        {"name": "mass", "unit": "GeV/c^2"},
        {"name": "e", "unit": ""},
    ]
    found = assemble([view("w.xml", "tmva-xml", features=features, num_features=3)])
    assert found.contract.inputs is not None
    told = found.contract.inputs[0].features
    assert told is not None
    assert [each.unit for each in told] == ["GeV", None, None]
    assert told[0].training_range is not None
    assert (told[0].training_range.lower, told[0].dtype) == (5.0, "float32")
    assert rules(found) == ["preprocessing-unit"]
    assert {"/inputs/0/features/1/unit", "/inputs/0/features/2/unit"} <= set(found.unknown)


def test_values_that_no_contract_can_hold_are_left_out_and_named() -> None:
    odd = {"name": "x", "var_names": ["pt", ""], "min_length": -3, "var_infos": {"pt": {"median": 1}}}
    found = assemble([view("p.json", "weaver-preprocess", input_groups=[odd])])
    assert {"preprocessing-bad-feature", "preprocessing-bad-lengths"} <= set(rules(found))
    assert found.contract.inputs is not None
    assert found.contract.inputs[0].features is None, "a variable that is left out moves all behind it"
    assert not assemble([view("g.onnx", "onnx", inputs=[{"name": "x"}, {"name": "x"}])]).findings


def test_nothing_told_is_nothing_known() -> None:
    assert assemble([]).contract.json_object() == {}
    assert assemble([FileView(path="a", digest="sha256:" + "0" * 64)]).contract.json_object() == {}


def test_every_value_has_its_evidence() -> None:
    found = assemble([onnx(), variables("a.json", "pt", "eta")])

    def walk(value: Any, pointer: str) -> None:
        told = found.evidence_of(pointer)
        assert told is not None or not pointer.count("/") > 1, pointer
        items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        for key, each in items:
            walk(each, f"{pointer}/{key}")

    walk(found.contract.json_object(), "")
    assert str(found.evidence_of("/inputs/0/features/1/offset")).count("a.json /input_groups/0/var_infos/eta")


@pytest.mark.datapack
def test_particlenet_has_nine_tenths_of_its_preparation_from_preprocess_json() -> None:
    found = assemble(folder("models/onnx/particlenet_AK4/", "1/model.onnx", "preprocess.json"))
    assert not found.findings
    asked, known = 0, 0
    for number, tensor in enumerate(found.contract.inputs or ()):
        assert tensor.features, tensor.name
        for place, feature in enumerate(tensor.features):
            values = (feature.name, feature.offset, feature.scale, feature.clip, feature.pad_value)
            told = found.evidence_of(f"/inputs/{number}/features/{place}/offset")
            asked += len(values)
            known += sum(each is not None for each in values) if told and "preprocess.json" in str(told.where) else 0
    assert asked == 37 * 5
    assert known / asked >= 0.9
    assert {"/inputs/1/features/0/unit", "/inputs/1/sequence/sort_key"} <= set(found.unknown)


@pytest.mark.datapack
def test_the_two_preprocess_files_of_particlenet_differ_in_their_least_lengths_alone() -> None:
    found = assemble(folder("models/onnx/particlenet_AK4/"))
    assert rules(found) == ["sidecar-ambiguous"]
    assert "/inputs/0/sequence/min_length" in found.findings[0].message
    assert found.contract.outputs is not None
    assert found.contract.outputs[0].labels == ("b", "bb", "c", "cc", "uds", "g", "undef", "pu")


@pytest.mark.datapack
def test_the_pair_of_the_agc_is_proposed_by_its_names_and_not_asserted() -> None:
    found = assemble(folder("models/xgboost/agc_ttbar/"))
    assert found.contract.members is not None
    assert [each.name for each in found.contract.members] == ["even", "odd"]
    assert found.evidence["/members/0/when"].how == "inferred"
    assert found.contract.inputs is not None
    assert found.contract.inputs[0].shape == ("?", 20)


@pytest.mark.datapack
def test_the_three_parts_of_a_deeptau_keep_their_own_interfaces() -> None:
    system = "RecoTauTag-TrainingFiles/"
    parts = folder(
        system,
        "77ba24b2be/DeepTauId/deepTau_2018v2p5_core.pb",
        "a16cc25f23/DeepTauId/deepTau_2018v2p5_inner.pb",
        "b0a6f0d1e0/DeepTauId/deepTau_2018v2p5_outer.pb",
    )
    found = assemble([each.model_copy(update={"path": each.path.partition("/")[2]}) for each in parts])
    assert found.contract.inputs is None
    assert found.contract.members is not None
    assert [(each.name, each.when[0].among) for each in found.contract.members] == [
        ("core", ("core",)),
        ("inner", ("inner",)),
        ("outer", ("outer",)),
    ]
    inner = found.contract.members[1].inputs
    assert inner is not None
    assert {each.name for each in inner} == {"input_inner_egamma", "input_inner_muon", "input_inner_hadrons"}
    assert select(found.contract.members, {"part": "outer"}).files == ("DeepTauId/deepTau_2018v2p5_outer.pb",)
    assert not sets.findings(found.contract.members)


def test_calls_grow_with_features_and_not_faster() -> None:
    calls = 0

    def counted(count: int) -> int:
        nonlocal calls
        calls = 0

        def trace(*_: object) -> None:
            nonlocal calls
            calls += 1

        names = [f"v{number}" for number in range(count)]
        files = [onnx(inputs=[{"name": "x", "shape": ["N", count]}]), variables("a.json", *names)]
        assemble(files)
        sys.setprofile(trace)
        try:
            assemble(files)
        finally:
            sys.setprofile(None)
        return calls

    assert counted(800) < 8.4 * counted(100)


def test_a_model_without_names_joins_no_two_that_have_different_ones() -> None:
    """One folder of the L1 correlator has a conifer file without names between two that have their own."""
    trees = {"num_features": 2, "trees": 3}
    found = assemble(
        [
            view("a.json", "conifer-json", **trees),
            view("b.json", "conifer-json", **trees, features=[{"name": "pt"}, {"name": "eta"}]),
            view("c.json", "conifer-json", **trees, features=[{"name": "f_0"}, {"name": "f_1"}]),
        ]
    )
    assert "contract-conflict" not in rules(found)


def test_configurations_of_two_servers_without_their_models_are_no_conflict() -> None:
    def config(path: str, axis: int) -> FileView:
        return view(path, "triton-config", inputs=[{"name": "x", "dtype": "float32", "shape": [axis]}])

    found = assemble([config("a/config.pbtxt", 47), config("b/config.pbtxt", 43)])
    assert rules(found) == ["sidecar-unpaired", "sidecar-unpaired"]
    assert found.contract.inputs is None


@pytest.mark.parametrize(
    ("maker", "meaning"),
    [
        ("ai.onnx.Softmax", "probability"),
        ("Sigmoid", "probability"),
        ("ai.onnx.ArgMax", "labels"),
        ("mxnet.LinearRegressionOutput", "regression"),
        ("softmax", "probability"),
        ("ai.onnx.Gemm", None),
        ("linear", None),
        (None, None),
    ],
)
def test_what_an_output_means_is_inferred_from_its_last_operator(maker: str | None, meaning: str | None) -> None:
    found = assemble([onnx(made_by=[maker])])
    assert found.contract.outputs is not None
    assert found.contract.outputs[0].meaning == meaning
    assert ("/outputs/0/meaning" in found.unknown) is (meaning is None)
    evidence = found.evidence_of("/outputs/0/meaning")
    if meaning is not None:
        assert evidence is not None
        assert evidence.how == "inferred"
        assert str(maker) in str(evidence.rule)


def test_trees_and_plain_networks_say_what_their_score_is() -> None:
    regression = assemble([view("w.xml", "tmva-xml", features=[{"name": "pt"}], analysis_type="Regression")])
    network = assemble([view("nn.json", "lwtnn-json", features=[{"name": "pt"}], made_by=["softmax"])])
    told = [each.contract.outputs[0].meaning for each in (regression, network) if each.contract.outputs]
    assert told == ["regression", "probability"]
