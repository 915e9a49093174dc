"""One model in two files that say different things, a sidecar that fits nothing, and an order that moved."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from tests.checks.models import model

from herdbook.model.contracts import Contract
from herdbook.model.facts import Finding
from herdbook.ports.checks import Subject

Found = Callable[..., list[Finding]]
FLOAT = 1


def field(number: int, content: bytes | str | int) -> bytes:
    """Return a field of a protobuf message: a number, or bytes with their length."""
    if isinstance(content, int):
        return _varint(number << 3) + _varint(content & (1 << 64) - 1)
    data = content.encode() if isinstance(content, str) else content
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _varint(value: int) -> bytes:
    if value < 128:
        return bytes([value])
    return bytes([value & 127 | 128]) + _varint(value >> 7)


def shape(*axes: int) -> bytes:
    """Return a TensorShapeProto."""
    return b"".join(field(2, field(1, axis)) for axis in axes)


def graph(operator: str, *axes: int) -> bytes:
    """Return a GraphDef: a placeholder ``x`` and one node ``y``."""
    attributes = field(5, field(1, "dtype") + field(2, field(6, FLOAT)))
    attributes += field(5, field(1, "shape") + field(2, field(7, shape(*axes))))
    takes = field(5, field(1, "T") + field(2, field(6, FLOAT)))
    nodes = field(1, field(1, "x") + field(2, "Placeholder") + attributes)
    nodes += field(1, field(1, "y") + field(2, operator) + field(3, "x") + takes)
    return nodes + field(4, field(1, 716))


def text(operator: str) -> str:
    """Return the same graph as text."""
    value = "dim { size: -1 } dim { size: 3 }"
    return (
        'node { name: "x" op: "Placeholder" attr { key: "dtype" value { type: DT_FLOAT } } '
        f'attr {{ key: "shape" value {{ shape {{ {value} }} }} }} }}\n'
        f'node {{ name: "y" op: "{operator}" input: "x" attr {{ key: "T" value {{ type: DT_FLOAT }} }} }}\n'
        "versions { producer: 716 }\n"
    )


def saved(*axes: int) -> bytes:
    """Return a SavedModel whose signature gives ``x`` these axes; its graph has ? × 3."""
    tensor = field(1, "x:0") + field(2, FLOAT) + field(3, shape(*axes))
    signature = field(1, field(1, "x") + field(2, tensor)) + field(3, "tensorflow/serving/predict")
    meta = field(1, field(4, "serve")) + field(2, graph("Relu", -1, 3))
    meta += field(5, field(1, "serving_default") + field(2, signature))
    return field(1, 1) + field(2, meta)


def test_a_graph_and_its_text_that_differ_are_an_error_and_equal_ones_are_not(found: Found) -> None:
    files = {"dnn.pb": graph("Relu", -1, 3), "dnn.pb.txt": text("Tanh")}
    assert "operators differ from those of dnn.pb.txt" in found("twins-differ", files)[0].message
    assert not found("twins-differ", {**files, "dnn.pb.txt": text("Relu")})


def test_two_graphs_of_other_names_are_two_models(found: Found) -> None:
    assert not found("twins-differ", {"dnn.pb": graph("Relu", -1, 3), "other.pb.txt": text("Tanh")})


def test_a_signature_that_contradicts_its_graph_is_an_error_and_an_open_axis_is_none(found: Found) -> None:
    finding = found("signature-differs", {"saved_model.pb": saved(-1, 4)})[0]
    assert finding.message == "the signature 'serving_default' gives 'x' ? × 4, the graph ? × 3"
    assert not found("signature-differs", {"saved_model.pb": saved(8, 3)})


def test_the_same_inputs_in_another_order_are_an_error_and_a_new_one_at_the_end_is_not(found: Found) -> None:
    old = {"model.onnx": model({"a": ["N", 3], "b": ["N", 3]})}
    turned = {"renamed.onnx": model({"b": ["N", 3], "a": ["N", 3]})}
    finding = found("order-changed", turned, before=old)[0]
    assert finding.message == "inputs stand as 'b', 'a'; in the version before as 'a', 'b'"
    more = {"model.onnx": model({"a": ["N", 3], "b": ["N", 3], "c": ["N", 3]})}
    assert not found("order-changed", more, before=old)
    assert not found("order-changed", turned)


def test_features_in_another_order_are_an_error(found: Found) -> None:
    def sidecar(*variables: str) -> dict[str, Any]:
        told = {"output_names": ["y"], "input_names": ["features"]}
        group = {"features": {"var_names": list(variables), "var_infos": {}, "var_length": 1}}
        return {"model.onnx": model(outputs={"score": ["batch", 1]}), "preprocess.json": json.dumps({**told, **group})}

    old = sidecar("pt", "eta", "phi")
    found_ = found("order-changed", sidecar("eta", "pt", "phi"), before=old)
    assert ["from 'eta' on, where 'pt' was" in each.message for each in found_] == [True]
    assert not found("order-changed", old, before=old)


@pytest.mark.parametrize(
    ("rule", "fits"),
    [
        ("contract-conflict", False),
        ("contract-bad-value", False),
        ("sidecar-unpaired", False),
        ("unit-not-ucum", False),
    ],
)
def test_what_assembling_a_contract_finds_is_told_with_the_rules_severity(
    found: Found, subject: Callable[..., Any], rule: str, fits: bool
) -> None:
    said = Finding(rule=rule, severity="note", message="as assembling says", where="/inputs/0", path="a.json")
    told = found(rule, subject({"model.onnx": model()}, conflicts=(said,)))
    assert [(each.message, each.where, each.path) for each in told] == [("as assembling says", "/inputs/0", "a.json")]
    assert told[0].severity != "note"
    assert bool(found(rule, subject({"model.onnx": model()}))) == fits


def test_two_sidecars_of_different_kinds_that_differ_are_a_conflict(found: Found) -> None:
    files = {
        "1/model.onnx": model({"x": ["N", 3]}, {"y": ["N", 2]}),
        "config.pbtxt": 'name: "m" max_batch_size: 1 input [{ name: "x" data_type: TYPE_INT64 dims: [3] }]'
        ' output [{ name: "y" data_type: TYPE_FP32 dims: [2] }]',
    }
    assert any("dtype" in each.where for each in found("contract-conflict", files))
    files["config.pbtxt"] = files["config.pbtxt"].replace("TYPE_INT64", "TYPE_FP32")
    assert not found("contract-conflict", files)


def test_a_member_is_held_against_its_own_file(found: Found) -> None:
    files = {"even.onnx": model({"x": ["N", 3]}), "odd.onnx": model({"z": ["N", 3]})}

    def declared(name: str) -> Contract:
        members = [
            {"name": "even", "files": ["even.onnx"], "inputs": [{"name": "x"}]},
            {"name": "odd", "files": ["odd.onnx"], "inputs": [{"name": name}]},
        ]
        return Contract.read({"members": members})

    told = found("declared-differs", files, contract=declared("y"))
    assert [each.where for each in told] == ["/members/1/inputs"]
    assert not found("declared-differs", files, contract=declared("z"))


def test_a_contract_in_the_folder_is_the_declared_one_and_settles_how_files_differ(found: Found) -> None:
    files = {
        "1/model.onnx": model({"x": ["N", 3]}, {"y": ["N", 2]}),
        "config.pbtxt": 'name: "m" max_batch_size: 1 input [{ name: "x" data_type: TYPE_INT64 dims: [3] }]'
        ' output [{ name: "y" data_type: TYPE_FP32 dims: [2] }]',
        "contract.yaml": "inputs:\n- name: x\n  dtype: float32\n  shape: [N, 3]\n",
    }
    assert not found("contract-conflict", files)
    assert not found("declared-differs", files)
    files["contract.yaml"] = "inputs:\n- name: x\n  dtype: float64\n  shape: [N, 4]\n"
    assert "declared N × 4, and is N × 3" in found("declared-differs", files)[-1].message


def test_a_contract_that_cannot_be_read_is_an_error_and_another_yaml_of_that_name_is_not(found: Found) -> None:
    bad = found("bad-contract", {"model.onnx": model(), "contract.yaml": "inputs:\n- nam: x\n"})
    assert [(each.severity, each.path) for each in bad] == [("error", "contract.yaml")]
    assert "line" in bad[0].message
    broken = {"model.onnx": model(), "contract.yaml": "inputs: [a\n  b: {\n"}
    assert not found("bad-contract", broken)  # its reader says not-yaml: once is enough
    assert not found("bad-contract", {"model.onnx": model(), "contract.yaml": "parties:\n- one\n"})


def test_a_softmax_that_came_or_went_is_an_error_and_another_linear_layer_is_not(found: Found) -> None:
    def ends(operator: str, name: str = "score") -> dict[str, Any]:
        return {"model.onnx": model(outputs={name: ["batch", 3]}, operator=operator)}

    finding = found("meaning-changed", ends("Softmax", "ID_pred"), before=ends("Relu"))[0]
    assert finding.message == "'ID_pred' comes from ai.onnx.Softmax, and came from ai.onnx.Relu in the version before"
    assert found("meaning-changed", ends("Relu"), before=ends("Softmax"))
    assert not found("meaning-changed", ends("Relu"), before=ends("Abs"))
    assert not found("meaning-changed", ends("Sigmoid"), before=ends("Softmax"))
    assert not found("meaning-changed", ends("Softmax"))


def test_an_output_that_contracts_call_otherwise_is_an_error_and_words_of_ones_own_are_not(found: Found) -> None:
    def said(meaning: str) -> Contract:
        return Contract.read({"outputs": [{"name": "score", "meaning": meaning}]})

    before = Subject(files=(), contract=said("logit"))
    finding = found("meaning-changed", Subject(files=(), contract=said("labels"), before=before))[0]
    assert finding.message == "score is labels, and was logit in the version before"
    assert not found("meaning-changed", Subject(files=(), contract=said("tau against jets"), before=before))
