"""Graphs that a runtime refuses, or runs and gives what nobody meant; and those that only look like it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import pytest
from onnx import TensorProto, helper
from tests.checks.models import model

from herdbook.model.contracts import Contract
from herdbook.model.facts import Finding

Found = Callable[..., list[Finding]]
FLOAT = TensorProto.FLOAT


def graph(
    nodes: list[tuple[str, list[str], list[str]]], outputs: list[str], *, weights: tuple[str, ...] = (), ir: int = 8
) -> Any:
    """Return an ONNX model with the inputs x and y; ``weights`` are initialisers, and inputs too when IR is 3."""
    shown = ["x", "y", *(weights if ir == 3 else ())]
    made = helper.make_graph(
        [helper.make_node(operator, inputs, results, name=f"node_{results[0]}") for operator, inputs, results in nodes],
        "graph",
        [helper.make_tensor_value_info(name, FLOAT, [3]) for name in shown],
        [helper.make_tensor_value_info(name, FLOAT, [3]) for name in outputs],
        [helper.make_tensor(name, FLOAT, [3], [1.0, 2.0, 3.0]) for name in weights],
    )
    return helper.make_model(made, ir_version=ir, opset_imports=[helper.make_opsetid("", 17)])


ADDED = [("Add", ["x", "y"], ["sum"]), ("Relu", ["sum"], ["score"])]


def test_an_operator_of_a_foreign_domain_is_told_and_one_that_the_model_defines_is_not(found: Found) -> None:
    foreign = found("custom-operators", {"model.onnx": model(operator="Quant", domain="qonnx.custom_op.general")})
    assert "qonnx.custom_op.general" in foreign[0].message
    own = model(operator="Twice", domain="my.experiment")
    body = [helper.make_node("Add", ["a", "a"], ["b"])]
    opsets = [helper.make_opsetid("", 17)]
    own.functions.append(helper.make_function("my.experiment", "Twice", ["a"], ["b"], body, opsets))
    assert not found("custom-operators", {"model.onnx": own})


def test_a_domain_that_is_not_imported_is_told_and_one_that_is_imported_is_not(found: Found) -> None:
    imported = model(operator="Quant", domain="qonnx.custom_op.general")
    assert not found("no-opset", {"model.onnx": imported})
    del imported.opset_import[1]
    assert found("no-opset", {"model.onnx": imported})[0].where == "/opsets"


def test_nodes_that_stand_before_what_they_read_are_an_error_and_sorted_ones_are_not(found: Found) -> None:
    assert not found("unsorted-graph", {"model.onnx": graph(ADDED, ["score"])})
    finding = found("unsorted-graph", {"model.onnx": graph(ADDED[::-1], ["score"])})[0]
    assert "'node_score' reads 'sum'" in finding.message
    assert (finding.severity, finding.path) == ("error", "model.onnx")


def test_a_name_that_nothing_makes_is_an_error_and_an_optional_input_left_out_is_not(found: Found) -> None:
    lost = graph([("Add", ["x", "bias"], ["sum"]), ("Add", ["sum", "y"], ["score"])], ["score"])
    assert "'bias'" in found("undefined-name", {"model.onnx": lost})[0].message
    optional = graph([("Clip", ["x", "", "y"], ["score"])], ["score"])
    assert not found("undefined-name", {"model.onnx": optional})


def test_weights_among_the_inputs_of_ir_3_are_told_and_weights_that_are_none_are_not(found: Found) -> None:
    nodes = [("Add", ["x", "w"], ["a"]), ("Add", ["a", "y"], ["score"])]
    finding = found("weights-among-inputs", {"model.onnx": graph(nodes, ["score"], weights=("w",), ir=3)})[0]
    assert "'w'" in finding.message
    assert "IR version 3 asks for it" in finding.message
    assert not found("weights-among-inputs", {"model.onnx": graph(nodes, ["score"], weights=("w",))})


def test_an_input_that_nothing_reads_is_told_and_one_handed_through_is_not(found: Found) -> None:
    unread = graph([("Relu", ["x"], ["score"])], ["score"])
    assert [each.message for each in found("unused-input", {"model.onnx": unread})] == ["no node reads the input 'y'"]
    assert not found("unused-input", {"model.onnx": graph([("Relu", ["x"], ["score"])], ["score", "y"])})


def test_an_output_that_no_event_changes_is_told_and_one_of_a_constant_and_an_input_is_not(found: Found) -> None:
    constant = graph([*ADDED, ("Relu", ["w"], ["bias"])], ["score", "bias"], weights=("w",))
    finding = found("dead-output", {"model.onnx": constant})[0]
    assert "'bias' depends on no input" in finding.message
    mixed = graph([*ADDED, ("Add", ["w", "x"], ["bias"])], ["score", "bias"], weights=("w",))
    assert not found("dead-output", {"model.onnx": mixed})


def graphdef(*nodes: str, producer: int = 716) -> str:
    """Return a GraphDef as text: a placeholder called x and further nodes, each with attributes as written."""
    return "".join(f"node {{ {node} }}\n" for node in nodes) + f"versions {{ producer: {producer} }}\n"


def placeholder(name: str, shape: str, dtype: str = "DT_FLOAT") -> str:
    dtype_, shape_ = f'key: "dtype" value {{ type: {dtype} }}', f'key: "shape" value {{ shape {{ {shape} }} }}'
    return f'name: "{name}" op: "Placeholder" attr {{ {dtype_} }} attr {{ {shape_} }}'


KNOWN = placeholder("x", "dim { size: -1 } dim { size: 3 }")


def node(name: str, operator: str, *inputs: str) -> str:
    return f'name: "{name}" op: "{operator}" ' + " ".join(f'input: "{each}"' for each in inputs)


def test_an_empty_shape_of_an_old_graph_is_unknown_and_of_a_new_one_a_scalar(found: Found) -> None:
    old = graphdef(placeholder("x", ""), node("score", "Relu", "x"), producer=21)
    finding = found("unknown-shape", {"model.pb.txt": old})[0]
    assert "means unknown" in finding.message
    assert not found("unknown-shape", {"model.pb.txt": graphdef(placeholder("x", ""), node("score", "Relu", "x"))})
    declared = Contract.read({"inputs": [{"name": "x", "dtype": "float32", "shape": ["N", 3]}]})
    assert not found("unknown-shape", {"model.pb.txt": old}, contract=declared)


@pytest.mark.parametrize("left", [node("train/ApplyAdam", "ApplyAdam", "x"), node("save/RestoreV2", "RestoreV2", "x")])
def test_what_a_training_left_in_a_frozen_graph_is_told_and_a_layer_of_that_name_is_not(
    found: Found, left: str
) -> None:
    assert found("training-leftovers", {"model.pb.txt": graphdef(KNOWN, node("score", "Relu", "x"), left)})
    named = [KNOWN, node("training_head/Relu", "Relu", "x"), node("save_the_jets", "Relu", "training_head/Relu")]
    assert not found("training-leftovers", {"model.pb.txt": graphdef(*named)})


def test_an_input_that_says_whether_one_trains_is_told_and_one_of_another_name_is_not(found: Found) -> None:
    phase = placeholder("bn/keras_learning_phase", "", "DT_BOOL")
    finding = found("hidden-input", {"model.pb.txt": graphdef(KNOWN, phase, node("score", "Relu", "x"))})[0]
    assert "'bn/keras_learning_phase'" in finding.message
    given = [node("no", "Const"), node("bn/keras_learning_phase", "PlaceholderWithDefault", "no")]
    assert not found("hidden-input", {"model.pb.txt": graphdef(KNOWN, *given, node("score", "Relu", "x"))})
    other = placeholder("moon/phase", "", "DT_BOOL")
    assert not found("hidden-input", {"model.pb.txt": graphdef(KNOWN, other, node("score", "Relu", "x"))})


def test_an_operator_that_writes_files_is_told_and_one_that_prints_nothing_is_not(found: Found) -> None:
    writes = node("log", "WriteFile", "x", "x")
    assert found("unsafe-operators", {"model.pb.txt": graphdef(KNOWN, writes)})[0].severity == "warning"
    assert not found("unsafe-operators", {"model.pb.txt": graphdef(KNOWN, node("WriteFile", "Relu", "x"))})


def keras(*layers: dict[str, Any]) -> str:
    first = {"class_name": "InputLayer", "config": {"name": "pt", "batch_input_shape": [None, 3], "dtype": "float32"}}
    config = {"name": "sequential", "layers": [first, *layers]}
    told = {"class_name": "Sequential", "keras_version": "2.4.0", "backend": "tensorflow", "config": config}
    return json.dumps(told)


def test_a_lambda_layer_is_code_and_a_layer_called_so_is_not(found: Found) -> None:
    code = {"class_name": "Lambda", "config": {"name": "scale", "function": ["4wEAAAA=", None, None]}}
    dense = {"class_name": "Dense", "config": {"name": "lambda", "units": 3, "activation": "relu", "use_bias": True}}
    finding = found("lambda-layer", {"model.json": keras(dense, code)})[0]
    assert finding.message.endswith(": scale")
    assert finding.severity == "warning"
    assert not found("lambda-layer", {"model.json": keras(dense)})


def test_a_class_that_keras_does_not_have_is_told_and_its_own_are_not(found: Found) -> None:
    own = {"class_name": "Dense", "config": {"name": "score", "units": 3, "activation": "relu", "use_bias": True}}
    quantised = {**own, "class_name": "QDense"}
    assert "QDense" in found("custom-objects", {"model.json": keras(quantised)})[0].message
    assert not found("custom-objects", {"model.json": keras(own)})


def test_the_state_of_an_optimiser_is_told_and_weights_alone_are_not(found: Found, tmp_path: Path) -> None:
    assert found("optimizer-state", {"model.h5": hdf5(tmp_path, "optimizer_weights")})[0].severity == "note"
    assert not found("optimizer-state", {"model.h5": hdf5(tmp_path, "optimizer_of_beams")})


def hdf5(folder: Path, more: str) -> bytes:
    """Return a file of Keras's with its architecture, weights of one layer, and one more group."""
    dense = {"class_name": "Dense", "config": {"name": "score", "units": 1, "activation": "relu", "use_bias": False}}
    with h5py.File(folder / "model.h5", "w") as file:
        file.attrs["model_config"] = keras(dense)
        file.attrs["keras_version"] = "2.4.0"
        weights = file.create_group("model_weights")
        weights.attrs["layer_names"] = [b"score"]
        weights.create_group("score").attrs["weight_names"] = [b"score/kernel:0"]
        weights["score"].create_dataset("score/kernel:0", data=[[0.5], [1.5], [2.5]])
        file.create_group(more).create_dataset("kernel", data=[0.5])
    return (folder / "model.h5").read_bytes()


def test_an_output_called_after_a_softmax_that_is_lost_is_told_and_one_that_has_it_is_not(found: Found) -> None:
    def named(operator: str, name: str) -> dict[str, Any]:
        return {"model.onnx": graph([("Add", ["x", "y"], ["a"]), (operator, ["a"], [name])], [name])}

    finding = found("activation-missing", named("Relu", "ID_pred/Softmax"))[0]
    assert finding.message == "'ID_pred/Softmax' is called after Softmax, and its values come from Relu"
    assert not found("activation-missing", named("Softmax", "ID_pred/Softmax"))
    assert not found("activation-missing", named("Relu", "softmax_input"))
