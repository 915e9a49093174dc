"""The network as an ONNX file, standardisation included, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx
from examples.toy_taus.network import Array, Network
from onnx import TensorProto, helper, numpy_helper

if TYPE_CHECKING:
    from pathlib import Path

INPUT, OUTPUT = "features", "p_tau"
OPSET, IR_VERSION = 17, 8  # old enough for every runtime of the last years


def save(path: Path, network: Network, *, doc: str, metadata: dict[str, str]) -> None:
    """Write the network: Sub, Div, then Gemm and Relu for each hidden layer, Gemm, Sigmoid.

    The input ``features`` is float32 of shape (batch, features), the output ``p_tau`` float32 of shape (batch, 1). The
    same arguments give the same bytes with the same ``onnx``.

    Args:
        path: the file.
        network: what to write.
        doc: text for the model's ``doc_string``.
        metadata: for the model's ``metadata_props``.
    """
    constants = {"mean": network.mean, "scale": network.scale}
    nodes = [
        helper.make_node("Sub", [INPUT, "mean"], ["centred"], name="centre"),
        helper.make_node("Div", ["centred", "scale"], ["h0"], name="standardise"),
    ]
    layers = len(network.weights)
    for index, (weight, bias) in enumerate(zip(network.weights, network.biases, strict=True)):
        constants |= {f"w{index}": weight, f"b{index}": bias}
        last = index + 1 == layers
        nodes += [
            helper.make_node("Gemm", [f"h{index}", f"w{index}", f"b{index}"], [f"z{index}"], name=f"layer{index}"),
            helper.make_node(
                "Sigmoid" if last else "Relu", [f"z{index}"], [OUTPUT if last else f"h{index + 1}"], name=f"act{index}"
            ),
        ]
    graph = helper.make_graph(
        nodes,
        "toy_taus",
        [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, ["batch", len(network.mean)])],
        [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, ["batch", 1])],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    model = helper.make_model(
        graph, producer_name="toy_taus", opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION
    )
    model.doc_string = doc
    helper.set_model_props(model, metadata)
    onnx.checker.check_model(model, full_check=True)
    path.write_bytes(model.SerializeToString(deterministic=True))


def load(path: Path) -> tuple[Network, dict[str, str]]:
    """Read a network that ``save`` wrote, and its ``metadata_props``.

    Raises:
        ValueError: when the file is not one of these networks.
    """
    try:
        model = onnx.load(path)
        arrays: dict[str, Array] = {item.name: numpy_helper.to_array(item) for item in model.graph.initializer}
        layers = range((len(arrays) - 2) // 2)
        network = Network(
            mean=_floats(arrays["mean"]),
            scale=_floats(arrays["scale"]),
            weights=tuple(_floats(arrays[f"w{index}"]) for index in layers),
            biases=tuple(_floats(arrays[f"b{index}"]) for index in layers),
        )
    except Exception as error:  # onnx raises what its protobuf raises
        raise ValueError(f"{path} is not a network that train.py wrote: {error!r}") from error
    return network, {prop.key: prop.value for prop in model.metadata_props}


def _floats(array: Array) -> Array:
    return np.array(array, dtype=np.float32)
