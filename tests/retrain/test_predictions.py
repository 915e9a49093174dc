"""Golden inputs: a model's answers are compared within a tolerance, where a stranger's model can do no harm."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from herdbook.kernel.errors import HerdbookError
from herdbook.model.files import File
from herdbook.model.registrations import Registration
from herdbook.model.retrainings import Golden, Tolerance
from herdbook.model.versions import Version
from herdbook.ports.registry import Registry
from herdbook.service.retraining import goldens, predictions


def _model(factor: float) -> bytes:
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [None]) for name in ("x", "y"))
    factor_ = helper.make_tensor("k", TensorProto.FLOAT, [1], [factor])
    graph = helper.make_graph([helper.make_node("Mul", ["x", "k"], ["y"])], "g", [x], [y], [factor_])
    opsets = [helper.make_opsetid("", 17)]
    data: bytes = helper.make_model(graph, ir_version=8, opset_imports=opsets).SerializeToString()
    onnx.checker.check_model(onnx.load_from_string(data))
    return data


def _apart(folder: Path, tolerance: Tolerance, factor: float) -> bool:
    np.savez(folder / "in.npz", x=np.array([1.0, 2.0, np.nan], np.float32))
    for name, value in (("before", 2.0), ("after", factor)):
        (folder / f"{name}.onnx").write_bytes(_model(value))
        predictions.worker("apply", folder / f"{name}.onnx", folder / "in.npz", folder / f"{name}.npz")
    told = predictions.differences(folder / "before.npz", folder / "after.npz", tolerance, "a runtime")
    assert [each["name"] for each in told] == ["prediction y"]
    return bool(told[0]["within"])


@pytest.mark.parametrize(
    ("factor", "tolerance", "within"),
    [(2.0, {}, True), (2.001, {}, False), (2.001, {"atol": 0.01}, True), (2.1, {"rtol": 0.01}, False)],
)
def test_answers_are_within_the_tolerance_or_not(
    tmp_path: Path, factor: float, tolerance: dict[str, float], within: bool
) -> None:
    assert _apart(tmp_path, Tolerance.read(tolerance), factor) is within


def test_what_a_version_answers_is_kept_by_the_registry(registry: Registry, tmp_path: Path) -> None:
    data = _model(3.0)
    (tmp_path / "model.onnx").write_bytes(data)
    with (tmp_path / "model.onnx").open("rb") as stream:
        stored = registry.files.put(stream)
    version = Version.of([File(path="model.onnx", digest=stored.sha256, size=stored.size)])
    registry.versions.record([Registration(model="demo/net", label="v1", version=version)])
    np.savez(tmp_path / "in.npz", x=np.array([1.0], np.float32))
    entry = goldens.add(registry, "demo/net:v1", tmp_path / "in.npz")
    golden = Golden.read(entry.statement.body)
    with registry.files.blob("demo", golden.outputs) as stream:
        (tmp_path / "out.npz").write_bytes(stream.read())
    with np.load(tmp_path / "out.npz") as answered:
        assert answered["y"].tolist() == [3.0]


@pytest.mark.parametrize(
    ("original", "again"),
    [
        ({"y": [1.0]}, {"z": [1.0]}),
        ({"y": [1.0]}, {"y": [[1.0]]}),
        ({"y": [1.0]}, {"y": ["1.0"]}),
        ({"y": [1.0]}, {"y": [np.nan]}),
        ({"y": [1.0]}, {"y": [np.inf]}),
        ({}, {"y": [1.0]}),
    ],
)
def test_arrays_that_cannot_be_held_against_each_other_are_not_within(
    tmp_path: Path, original: dict[str, Any], again: dict[str, Any]
) -> None:
    for name, told in (("a.npz", original), ("b.npz", again)):
        arrays: dict[str, Any] = {key: np.array(value) for key, value in told.items()}
        np.savez(tmp_path / name, **arrays)
    assert not predictions.worker("compare", tmp_path / "a.npz", tmp_path / "b.npz", "1e9", "1e9")["within"]


def test_a_pickle_among_golden_files_is_not_loaded(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", y=np.array([{"an": "object"}], dtype=object))
    with pytest.raises(HerdbookError, match="allow_pickle") as caught:
        predictions.worker("compare", tmp_path / "a.npz", tmp_path / "a.npz", "0.0", "0.0")
    assert caught.value.code == "not-applied"


def test_a_model_that_is_none_or_needs_too_much_is_an_answer_not_a_crash(tmp_path: Path) -> None:
    np.savez(tmp_path / "in.npz", x=np.array([1.0], np.float32))
    (tmp_path / "bad.onnx").write_bytes(b"\xff" * 100)
    with pytest.raises(HerdbookError) as caught:
        predictions.worker("apply", tmp_path / "bad.onnx", tmp_path / "in.npz", tmp_path / "out.npz")
    assert caught.value.code == "not-applied"
    size = helper.make_tensor_value_info("x", TensorProto.FLOAT, [None])
    shape = helper.make_tensor("s", TensorProto.INT64, [3], [1 << 20, 1 << 10, 64])
    nodes = [helper.make_node("ConstantOfShape", ["s"], ["big"]), helper.make_node("ReduceSum", ["big"], ["y"])]
    out = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    graph = helper.make_graph(nodes, "g", [size], [out], [shape])
    (tmp_path / "big.onnx").write_bytes(
        helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 17)]).SerializeToString()
    )
    with pytest.raises(HerdbookError) as caught:
        predictions.worker("apply", tmp_path / "big.onnx", tmp_path / "in.npz", tmp_path / "out.npz")
    assert caught.value.code == "not-applied"
