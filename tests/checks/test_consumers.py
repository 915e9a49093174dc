"""Traps of one framework: told when one asks for it, and only then."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from onnx import TensorProto
from tests.checks.models import model

from herdbook.bootstrap.checks import checks
from herdbook.model.checks import CheckPolicy
from herdbook.model.contracts import Contract
from herdbook.model.facts import Finding
from herdbook.service import checking

Found = Callable[..., list[Finding]]
NAMED = Contract.read({"inputs": [{"name": "features", "features": [{"name": name} for name in ("pt", "eta", "phi")]}]})


def keras(layer: str) -> str:
    first = {"class_name": "InputLayer", "config": {"batch_input_shape": [None, 4], "dtype": "float32", "name": "x"}}
    layers = [
        {**first, "name": "x", "inbound_nodes": []},
        {"class_name": layer, "name": "l", "config": {"name": "l"}, "inbound_nodes": [[["x", 0, 0, {}]]]},
    ]
    config = {"name": "m", "layers": layers, "input_layers": [["x", 0, 0]], "output_layers": [["l", 0, 0]]}
    return json.dumps({"class_name": "Model", "config": config, "keras_version": "2.4.0", "backend": "tensorflow"})


CASES: list[tuple[str, str, Any, Any]] = [
    ("graph-order", "athena", model({"b": ["N", 3], "a": ["N", 3]}), model({"a": ["N", 3], "b": ["N", 3]})),
    ("graph-order", "athena", model(outputs={"z": ["N", 3], "y": ["N", 3]}), model(outputs={"y": ["N"], "z": ["N"]})),
    ("athena-types", "athena", model(dtype=TensorProto.DOUBLE), model(dtype=TensorProto.INT64)),
    ("cmssw-batch", "cmssw", model({"x": [4, 3]}), model({"x": [None, 3]}, {"y": ["N", 3]})),
    ("cmssw-batch", "cmssw", model({"x": []}, {"y": []}), model({"x": ["N"]}, {"y": ["N"]})),
    ("cmssw-float32", "cmssw", model(dtype=TensorProto.INT64), model()),
    ("hls4ml-operators", "hls4ml", model(operator="Erf"), model(operator="Relu")),
]


@pytest.mark.parametrize(("rule", "consumer", "bad", "good"), CASES)
def test_a_trap_of_a_framework_is_told_and_a_near_miss_is_not(
    found: Found, rule: str, consumer: str, bad: Any, good: Any
) -> None:
    assert found(rule, {"model.onnx": bad}, consumers=[consumer])
    assert not found(rule, {"model.onnx": good}, consumers=[consumer])


def test_nobody_who_did_not_ask_is_told_of_a_framework(subject: Callable[..., Any]) -> None:
    made = subject({"model.onnx": model({"b": [4, 3], "a": [4, 3]}, dtype=TensorProto.INT64)})
    rules = {rule.id: rule for check in checks() for rule in check.rules}
    report = checking.check(made, checks())
    assert report.findings
    assert not any(rules[each.rule].consumers for each in report.findings if each.rule in rules)


def test_a_fixed_batch_is_told_to_everybody_and_a_vector_has_none(found: Found) -> None:
    assert "begins with 1" in found("fixed-batch", {"model.onnx": model({"x": [1, 3]})})[0].message
    assert not found("fixed-batch", {"model.onnx": model({"x": [3]}, {"y": [3]})})
    assert not found("fixed-batch", {"model.onnx": model()})


@pytest.mark.parametrize(("layer", "wrong"), [("MultiHeadAttention", True), ("QDense", False)])
def test_a_keras_layer_that_hls4ml_does_not_know_is_told(found: Found, layer: str, wrong: bool) -> None:
    assert bool(found("hls4ml-operators", {"model.json": keras(layer)}, consumers=["hls4ml"])) == wrong


def test_o2_needs_an_onnx_file(found: Found) -> None:
    assert found("o2-format", {"model.json": keras("Dense")}, consumers=["o2"])
    assert not found("o2-format", {"model.json": keras("Dense"), "model.onnx": model()}, consumers=["o2"])


def test_o2_picks_features_by_name(found: Found) -> None:
    assert found("o2-features", {"model.onnx": model()}, consumers=["o2"])
    assert not found("o2-features", {"model.onnx": model()}, consumers=["o2"], contract=NAMED)


def test_the_policy_of_a_namespace_names_consumers_runtimes_and_severities(subject: Callable[..., Any]) -> None:
    policy = CheckPolicy.read(
        {
            "consumers": ["cmssw"],
            "runtimes": {"cmssw": {"library": "onnxruntime", "version": "1.17.1"}},
            "severities": {"runtime-opset": "warning", "licence-missing": "off"},
        }
    )
    report = checking.check(subject({"model.onnx": model(opset=21)}), checks(), policy)
    told = {each.rule: each.severity for each in report.findings}
    assert told["runtime-opset"] == "warning"
    assert not {"licence-missing", "runtime-unknown"} & told.keys()
    assert "licence-missing" not in report.rules
