"""Models built with the official library, and what it says about them in the words of our facts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

from herdbook.model.facts import Facts
from herdbook.plugins.formats.onnx import COUNTED

GRAPH_FACTS = {
    "topologically_sorted",
    "first_unsorted",
    "undefined_names",
    "duplicate_names",
    "duplicate_node_names",
    "dead_outputs",
    "domains_not_imported",
}
"""What the library does not say; see test_onnx_graph.py."""
CARRIES = {"Cast", "Flatten", "Identity", "Reshape", "Squeeze", "Transpose", "Unsqueeze"}
FLOATS = {TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.DOUBLE, TensorProto.BFLOAT16}


def dtype(number: int) -> str | None:
    if number == TensorProto.STRING:
        return "str"
    return None if number == 0 else str(np.dtype(helper.tensor_dtype_to_np_dtype(number)).name)


def value(info: Any) -> dict[str, Any]:
    kind = info.type.WhichOneof("value")
    if kind != "tensor_type":
        return {"name": info.name} | ({"onnx_type": str(info.type).replace("\n", " ")} if kind else {})
    tensor = info.type.tensor_type
    found = {"name": info.name}
    if said := dtype(tensor.elem_type):
        found["dtype"] = said
    if tensor.HasField("shape"):
        found["shape"] = [
            axis.dim_value if axis.HasField("dim_value") else (axis.dim_param or None) for axis in tensor.shape.dim
        ]
    return found


def operator(graph: Any, name: str) -> str | None:
    """Return what an output's values come from, behind operators that carry them on; None where they are many."""
    makers = {made: node for node in graph.node for made in node.output if made}
    carried = 0
    while (node := makers.get(name)) is not None and carried < 32:
        if node.domain or node.op_type not in CARRIES:
            return f"{node.domain or 'ai.onnx'}.{node.op_type}"
        name, carried = node.input[0], carried + 1
    return None


def graphs(graph: Any) -> Iterator[Any]:
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            for inner in [attribute.g] if attribute.type == attribute.GRAPH else attribute.graphs:
                yield from graphs(inner)


def constants(graph: Any) -> Iterator[tuple[int, bool]]:
    for node in graph.node:
        if node.op_type != "Constant" or node.domain not in {"", "ai.onnx"}:
            continue
        for attribute in node.attribute:
            if attribute.name == "value":
                yield int(np.prod(attribute.t.dims, dtype=np.int64)), attribute.t.data_type in FLOATS
            elif attribute.name in {"value_float", "value_int"}:
                yield 1, attribute.name == "value_float"
            elif attribute.name in {"value_floats", "value_ints"}:
                yield len(attribute.floats) + len(attribute.ints), attribute.name == "value_floats"


def rules(found: Facts) -> list[str]:
    """Return the rules of the findings."""
    return [finding.rule for finding in found.findings]


def check(found: Facts, model: Any) -> None:
    """Compare the reader's values with the library's."""
    apart = {"external_data", "external_data_bytes", "parameters_counted", "quantizers", *GRAPH_FACTS}
    ours = {name: item for name, item in found.values.items() if name not in apart}
    assert ours == facts(model)
    assert found.values["parameters_counted"] == COUNTED


def varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def field(number: int, value: bytes | int) -> bytes:
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def facts(model: Any) -> dict[str, Any]:
    """Return what the library knows, absent where the file does not say."""
    graph = model.graph
    weights = {each.name for each in graph.initializer} | {each.values.name for each in graph.sparse_initializer}
    everything = list(graphs(graph))
    sizes = [(int(np.prod(t.dims, dtype=np.int64)), t.data_type in FLOATS) for g in everything for t in g.initializer]
    held = [each for g in everything for each in constants(g)]
    operators = Counter(f"{node.domain or 'ai.onnx'}.{node.op_type}" for g in everything for node in g.node)
    tensors = [{"name": t.name, "dtype": dtype(t.data_type), "shape": list(t.dims)} for t in graph.initializer]
    used = {name for g in everything for node in g.node for name in node.input} | {each.name for each in graph.output}
    made = {name for node in graph.node for name in node.output if name}
    texts = {
        "domain": model.domain,
        "doc_string": model.doc_string,
        "graph_name": graph.name,
        "graph_doc_string": graph.doc_string,
    }
    producer = {"name": model.producer_name, "version": model.producer_version}
    return {
        "inputs": [value(each) for each in graph.input if each.name not in weights],
        "outputs": [value(each) for each in graph.output],
        **({"made_by": made_by} if any(made_by := [operator(graph, each.name) for each in graph.output]) else {}),
        "graph_inputs_that_are_initializers": [each.name for each in graph.input if each.name in weights],
        "parameters": sum(size for size, _ in sizes),
        "parameters_float": sum(size for size, floats in sizes if floats),
        "constant_node_elements": sum(size for size, _ in held),
        "constant_node_elements_float": sum(size for size, floats in held if floats),
        "ir_version": model.ir_version,
        "model_version": model.model_version,
        "opsets": {each.domain or "ai.onnx": each.version for each in model.opset_import},
        "producer": {key: item for key, item in producer.items() if item},
        **{key: item for key, item in texts.items() if item},
        "metadata": {each.key: each.value for each in model.metadata_props},
        "operators": dict(sorted(operators.items())),
        "nodes": operators.total(),
        "functions": [f"{each.domain}.{each.name}" for each in model.functions],
        "unused_inputs": [each.name for each in graph.input if each.name not in weights | used],
        "unused_initializers": sorted(weights - used),
        "node_outputs_never_used": sorted(made - used),
        "tensors": [{key: item for key, item in each.items() if item is not None} for each in tensors],
    }


def small(**more: Any) -> Any:
    """Return a model with one node and one weight."""
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        "small",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 2])],
        [helper.make_tensor("w", TensorProto.FLOAT, [4, 2], np.arange(8, dtype=np.float32).tobytes(), raw=True)],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8, **more)


def nested(depth: int, *, name: str = "If") -> Any:
    """Return a graph with a subgraph with a subgraph …"""
    inner = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "deepest", [], [])
    for _ in range(depth):
        inner = helper.make_graph([helper.make_node(name, ["c"], ["y"], then_branch=inner)], "g", [], [])
    inner.output.extend([helper.make_tensor_value_info("y", TensorProto.FLOAT, [])])
    return helper.make_model(inner)


def _inner() -> Any:
    """Return a subgraph with constants and a weight."""
    return helper.make_graph(
        [
            helper.make_node("Constant", [], ["k"], value_ints=[1, 2, 300000]),
            helper.make_node(
                "Constant", [], ["t"], value=helper.make_tensor("t", TensorProto.FLOAT16, [2, 3], [1.0] * 6)
            ),
            helper.make_node("Add", ["k", "inner_w"], ["z"]),
        ],
        "inner",
        [],
        [helper.make_tensor_value_info("z", TensorProto.FLOAT, None)],
        [helper.make_tensor("inner_w", TensorProto.INT64, [5], [1, -2, 3, 4, 5])],
    )


def _graph() -> Any:
    """Return a graph with every kind of input, node and weight."""
    inner = _inner()
    nodes = [
        helper.make_node("If", ["c"], ["a"], then_branch=inner, else_branch=inner),
        helper.make_node("Loop", ["n", "c", "a"], ["b"], body=inner),
        helper.make_node("Constant", [], ["f"], value_floats=[1.0, 2.5]),
        helper.make_node("Constant", [], ["g"], value_float=1.0),
        helper.make_node("Constant", [], ["i"], value_int=7),
        helper.make_node("Constant", [], ["s"], value_string=b"seven"),
        helper.make_node("Scale", ["b"], ["y"], domain="local"),
        helper.make_node("Scaler", ["x"], ["q"], domain="ai.onnx.ml", offset=[0.0], scale=[1.0]),
    ]
    sparse = helper.make_sparse_tensor(
        helper.make_tensor("sw", TensorProto.FLOAT, [2], [1.0, 2.0]),
        helper.make_tensor("si", TensorProto.INT64, [2], [3, 7]),
        [10],
    )
    return helper.make_graph(
        nodes,
        "größe",
        [
            helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", None, 4]),
            helper.make_tensor_value_info("c", TensorProto.BOOL, []),
            helper.make_tensor_value_info("n", TensorProto.INT64, None),
            helper.make_tensor_value_info("w", TensorProto.FLOAT, [4, 2]),
            helper.make_tensor_value_info("sw", TensorProto.FLOAT, [10]),
            helper.make_tensor_sequence_value_info("seq", TensorProto.STRING, ["N", 3]),
            helper.make_value_info("map", helper.make_map_type_proto(7, helper.make_tensor_type_proto(1, [None]))),
            helper.make_value_info("opt", helper.make_optional_type_proto(helper.make_tensor_type_proto(16, None))),
            helper.make_sparse_tensor_value_info("sparse", TensorProto.DOUBLE, [3, 'ü"\\\n']),
            onnx.ValueInfoProto(name="untyped"),
        ],
        [helper.make_tensor_value_info("y", TensorProto.UNDEFINED, ["batch", 2])],
        [helper.make_tensor("w", TensorProto.FLOAT, [4, 2], [0.5] * 8)],
        doc_string="the graph",
        sparse_initializer=[sparse],
    )


def rich() -> Any:
    """Return a model with all that the reader looks at."""
    function = helper.make_function(
        "local", "Scale", ["a"], ["b"], [helper.make_node("Identity", ["a"], ["b"])], [helper.make_opsetid("", 18)]
    )
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", 3), helper.make_opsetid("local", 1)]
    model = helper.make_model(
        _graph(), functions=[function], opset_imports=opsets, producer_name="test", producer_version="1.2", domain="org"
    )
    model.ir_version = 3
    model.model_version = 42
    model.doc_string = "tagger for τ leptons"
    helper.set_model_props(model, {"author": "nobody", "notes": "{}" * 1000})
    return model
