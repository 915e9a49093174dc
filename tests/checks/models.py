"""Small ONNX models, each with what a rule looks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from onnx import TensorProto, helper

Axes = Sequence[int | str | None]
FLOAT = TensorProto.FLOAT


def model(
    inputs: Mapping[str, Axes] | None = None,
    outputs: Mapping[str, Axes] | None = None,
    *,
    dtype: int = FLOAT,
    opset: int = 17,
    ir_version: int = 8,
    operator: str = "Identity",
    domain: str = "",
) -> Any:
    """Return a model: each output is made of the first input by one operator; by default features → score."""
    inputs = inputs or {"features": ["batch", 3]}
    outputs = outputs or {"score": ["batch", 3]}
    first = next(iter(inputs))
    graph = helper.make_graph(
        [helper.make_node(operator, [first], [name], domain=domain) for name in outputs],
        "small",
        [helper.make_tensor_value_info(name, dtype, list(axes)) for name, axes in inputs.items()],
        [helper.make_tensor_value_info(name, dtype, list(axes)) for name, axes in outputs.items()],
    )
    opsets = [helper.make_opsetid("", opset), *([helper.make_opsetid(domain, 1)] if domain else [])]
    return helper.make_model(graph, ir_version=ir_version, opset_imports=opsets)
