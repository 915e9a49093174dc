"""Preparation and labels that do not fit the model are told before somebody gets a wrong score."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from tests.checks.models import Axes, model

from herdbook.model.contracts import Contract
from herdbook.model.facts import Finding

Found = Callable[..., list[Finding]]
JET: dict[str, Axes] = {"pf_points": ["N", 2, "n"], "pf_features": ["N", 3, "n"]}
SCORES: dict[str, Axes] = {"softmax": ["N", 2]}


def weaver(**groups: list[str]) -> str:
    constants = {"median": 0, "norm_factor": 1, "replace_inf_value": 0, "lower_bound": -5, "upper_bound": 5, "pad": 0}
    told: dict[str, Any] = {"output_names": ["label_b", "label_c"], "input_names": list(groups)}
    for name, variables in groups.items():
        infos = dict.fromkeys(variables, constants)
        told[name] = {"var_names": variables, "var_infos": infos, "min_length": 8, "max_length": 50}
    return json.dumps(told)


FITTING = weaver(pf_points=["deta", "dphi"], pf_features=["pt", "deta", "dphi"])


def jet(sidecar: str, **files: str) -> dict[str, Any]:
    return {"1/model.onnx": model(JET, SCORES), "V00/preprocess.json": sidecar, **files}


@pytest.mark.parametrize(
    ("sidecar", "said"),
    [
        (weaver(pf_points=["deta", "dphi"]), "does not prepare 'pf_features'"),
        (weaver(pf_points=["a", "b"], pf_features=["a", "b", "c"], sv=["a"]), "prepares 'sv', which it has not"),
    ],
)
def test_a_sidecar_for_other_inputs_is_an_error(found: Found, sidecar: str, said: str) -> None:
    finding = found("preprocess-inputs", jet(sidecar))[0]
    assert said in finding.message
    assert (finding.severity, finding.path) == ("error", "V00/preprocess.json")


def test_a_sidecar_that_lists_the_inputs_in_another_order_prepares_the_same(found: Found) -> None:
    turned = weaver(pf_features=["pt", "deta", "dphi"], pf_points=["deta", "dphi"])
    assert not found("preprocess-inputs", jet(turned))


def test_a_sidecar_far_from_the_model_is_not_taken_for_its_own(found: Found) -> None:
    files = {"1/model.onnx": model(JET, SCORES), "other/model/V00/preprocess.json": weaver(pf_points=["deta"])}
    assert not found("preprocess-inputs", files)


def test_a_variable_too_few_is_an_error_and_as_many_as_the_input_takes_are_not(found: Found) -> None:
    short = weaver(pf_points=["deta", "dphi"], pf_features=["pt", "deta"])
    finding = found("preprocess-variables", jet(short))[0]
    assert finding.message == "pf_features has 2 variables; 1/model.onnx takes N × 3 × n"
    assert finding.where == "/input_groups/1"
    assert not found("preprocess-variables", jet(FITTING))


def test_variables_behind_the_objects_fill_an_input_too(found: Found) -> None:
    files = {"model.onnx": model({"pf": ["N", 50, 3]}, SCORES), "preprocess.json": weaver(pf=["pt", "eta", "phi"])}
    assert not found("preprocess-variables", files)
    files["preprocess.json"] = weaver(pf=["pt", "eta"])
    assert found("preprocess-variables", files)


def test_a_scaler_with_a_row_too_many_is_an_error(found: Found) -> None:
    rows = "".join(f"x{n} standard 0.5 1.5\n" for n in range(4))
    assert "4 variables" in found("preprocess-variables", {"model.onnx": model(), "scaler.txt": rows})[0].message
    assert not found("preprocess-variables", {"model.onnx": model(), "scaler.txt": "".join(rows.splitlines(True)[:3])})


def test_lwtnn_whose_first_layer_takes_another_number_is_an_error(found: Found) -> None:
    def network(inputs: int) -> str:
        features = [{"name": f"x{n}", "offset": 0.0, "scale": 1.0} for n in range(inputs)]
        dense = {"architecture": "dense", "activation": "sigmoid", "weights": [0.5] * 6, "bias": [0.0, 0.0]}
        return json.dumps({"inputs": features, "layers": [dense], "outputs": ["a", "b"], "miscellaneous": {}})

    assert "6 weights for 2 outputs" in found("preprocess-variables", {"nn.json": network(4)})[0].message
    assert not found("preprocess-variables", {"nn.json": network(3)})


def test_a_label_too_many_is_an_error_and_as_many_as_the_model_answers_are_not(found: Found) -> None:
    files = {"model.onnx": model(JET, SCORES), "labels.txt": "b\nc\nuds\n"}
    assert found("labels-differ", files)[0].message == "it has 3 labels; model.onnx answers 2 numbers"
    assert not found("labels-differ", {**files, "labels.txt": "b\nc\n"})


def test_labels_that_a_contract_declares_are_counted_too(found: Found) -> None:
    def declared(*labels: str) -> Contract:
        return Contract.read({"outputs": [{"name": "softmax", "labels": list(labels)}]})

    files = {"model.onnx": model(JET, SCORES)}
    assert "declared with 3 labels" in found("labels-differ", files, contract=declared("b", "c", "g"))[0].message
    assert not found("labels-differ", files, contract=declared("b", "c"))


def test_labels_in_another_order_are_told_and_a_prefix_is_not(found: Found) -> None:
    finding = found("label-names-differ", jet(FITTING, **{"labels.txt": "c\nb\n"}))[0]
    assert "label_b / c" in finding.message
    assert not found("label-names-differ", jet(FITTING, **{"labels.txt": "b\nc\n"}))


def test_sidecars_of_several_models_in_a_folder_are_each_its_own_models(found: Found) -> None:
    more = weaver(pf_points=["deta", "dphi"], pf_features=["pt", "deta", "dphi", "tau"])
    more = json.dumps({**json.loads(more), "output_names": ["b", "c", "tau"]})
    files = {
        "net.onnx": model(JET, SCORES),
        "net-with-tau.onnx": model({**JET, "pf_features": ["N", 4, "n"]}, {"softmax": ["N", 3]}),
        "preprocess.json": FITTING,
        "preprocess-with-tau.json": more,
    }
    for rule in ("labels-differ", "preprocess-variables"):
        assert not found(rule, files)
    files["preprocess-with-tau.json"] = json.dumps({**json.loads(more), "output_names": ["b"]})
    assert found("labels-differ", files)


def test_what_mxnet_compares_with_in_training_need_not_be_prepared(found: Found) -> None:
    symbol = {
        "nodes": [
            {"op": "null", "name": "pf_points", "inputs": []},
            {"op": "null", "name": "softmax_label", "inputs": []},
            {"op": "SoftmaxOutput", "name": "softmax", "inputs": [[0, 0, 0], [1, 0, 0]]},
        ],
        "arg_nodes": [0, 1],
        "heads": [[2, 0, 0]],
    }
    files = {"net-symbol.json": json.dumps(symbol), "preprocess.json": weaver(pf_points=["deta", "dphi"])}
    assert not found("preprocess-inputs", files)
    files["preprocess.json"] = weaver(sv_points=["deta", "dphi"])
    assert found("preprocess-inputs", files)
