"""MXNet: what goes in is told from weights by the operators, and a params file cannot lie about its lengths."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.plugins.formats.reading import read, rules

from herdbook.kernel.errors import CorruptError, HerdbookError, InvalidError
from herdbook.plugins.formats.mxnet_params import MxnetParams

V1, V2, V3 = 0xF993FAC8, 0xF993FAC9, 0xF993FACA


def array(shape: tuple[int, ...], dtype: int = 0, size: int = 4, magic: int = V2, data: bytes | None = None) -> bytes:
    count = 1
    for length in shape:
        count *= length
    body = bytes(count * size) if data is None else data
    head = struct.pack("<I", magic) + (struct.pack("<i", 0) if magic != V1 else b"")
    axes = struct.pack("<I", len(shape)) + struct.pack(f"<{len(shape)}q", *shape)
    return head + axes + struct.pack("<iii", 1, 0, dtype) + body


def params(*arrays: bytes, names: tuple[str, ...] = ()) -> bytes:
    said = b"".join(struct.pack("<Q", len(name)) + name.encode() for name in names)
    head = struct.pack("<QQQ", 0x112, 0, len(arrays))
    return head + b"".join(arrays) + struct.pack("<Q", len(names)) + said


def test_arrays_have_names_dtypes_and_shapes_and_no_number_is_read(in_memory: Callable[[bytes], Any]) -> None:
    data = params(array((1000, 300)), array((7,), 6, 8), names=("arg:w", "aux:mean"))
    file = in_memory(data)
    values = MxnetParams().read(file, "m.params", {}).values
    assert values["tensors"] == [
        {"name": "arg:w", "dtype": "float32", "shape": [1000, 300]},
        {"name": "aux:mean", "dtype": "int64", "shape": [7]},
    ]
    assert (values["parameters"], values["parameters_arg"], values["parameters_aux"]) == (300_007, 300_000, 7)
    assert file.bytes_read < 300


def test_arrays_of_all_ages_and_sparse_ones_are_passed_over() -> None:
    oldest = struct.pack("<IIIiii", 2, 2, 3, 1, 0, 0) + bytes(24)
    scalar = array((), magic=V3)
    sparse = struct.pack("<IiI2qI2q", V2, 1, 2, 1, 4, 2, 10, 4) + struct.pack("<iii", 1, 0, 0)
    sparse += struct.pack("<iIq", 6, 1, 1) + bytes(16) + bytes(8)
    nothing = struct.pack("<IiI", V2, 0, 0)
    data = params(oldest, array((4,), magic=V1), scalar, sparse, nothing, names=("a", "b", "c", "d", "e"))
    found = read("m.params", data)
    assert [each["shape"] for each in found.values["tensors"]] == [[2, 3], [4], [], [10, 4], [0]]
    assert rules(found) == []


def test_arrays_without_names_are_numbered_and_what_follows_is_said() -> None:
    found = read("m.nd", params(array((1,)), array((2,))) + b"more")
    assert [each["name"] for each in found.values["tensors"]] == ["0", "1"]
    assert rules(found) == ["trailing-bytes"]


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (params(array((2**40, 2**40), data=b"")), CorruptError),
        (params(array((-4,), data=b"")), CorruptError),
        (params(array((1,), dtype=99)), CorruptError),
        (params(struct.pack("<Ii", V2, 9)), CorruptError),
        (params(struct.pack("<IiI", V2, 0, 2**31)), CorruptError),
        (params(array((1,)), names=("a", "b")), CorruptError),
        (params(array((1,)), names=("a",))[:-1], CorruptError),
        (params(array((1,)))[:-8] + struct.pack("<QQ", 1, 2**60), CorruptError),
        (struct.pack("<QQQ", 0x112, 0, 2**60), InvalidError),
        (struct.pack("<QQQ", 0x112, 0, 900_000), CorruptError),
    ],
)
def test_lying_lengths_are_refused(data: bytes, error: type[HerdbookError]) -> None:
    with pytest.raises(error):
        read("m.params", data)


def node(op: str, name: str, *inputs: int, **attrs: str) -> dict[str, Any]:
    return {"op": op, "name": name, "inputs": [[source, 0, 0] for source in inputs], "attrs": attrs}


def symbol(*nodes: dict[str, Any], heads: Any = None, **more: Any) -> Any:
    variables = [at for at, each in enumerate(nodes) if each["op"] == "null"]
    content = {"nodes": nodes, "arg_nodes": variables, "heads": heads or [[len(nodes) - 1, 0, 0]], **more}
    return read("net-symbol.json", json.dumps(content))


LAYER = (
    node("null", "pf", __shape__="(0, 3, 100)"),
    node("null", "any_name"),
    node("null", "another"),
    node("FullyConnected", "fc", 0, 1, 2),
)


def test_weights_are_told_from_inputs_by_the_operator_that_takes_them_and_not_by_name() -> None:
    found = symbol(
        *LAYER,
        node("null", "softmax_label"),
        node("SoftmaxOutput", "softmax", 3, 4),
        attrs={"mxnet_version": ["int", 10700]},
    )
    assert found.values["inputs"] == [{"name": "pf", "shape": [None, 3, 100]}, {"name": "softmax_label"}]
    assert found.values["label_inputs"] == ["softmax_label"]
    assert found.values["outputs"] == [{"name": "softmax_output"}]
    assert found.values["made_by"] == ["mxnet.SoftmaxOutput"]
    assert found.values["opsets"] == {"mxnet": 10700}
    assert found.values["operators"] == {"mxnet.FullyConnected": 1, "mxnet.SoftmaxOutput": 1}


def test_running_statistics_are_no_arguments() -> None:
    found = symbol(*(node("null", name) for name in "xgbmv"), node("BatchNorm", "bn", 0, 1, 2, 3, 4))
    assert (found.values["arguments"], found.values["auxiliary_states"]) == (3, 2)
    assert found.values["argument_names"] == ["x", "g", "b"]
    assert [each["name"] for each in found.values["inputs"]] == ["x"]


def test_outputs_are_called_as_mxnet_calls_them() -> None:
    data = node("null", "x")
    found = symbol(data, node("SliceChannel", "split", 0), heads=[[0, 0, 0], [1, 0, 0], [1, 1, 0]])
    assert [each["name"] for each in found.values["outputs"]] == ["x", "split_output0", "split_output1"]
    assert found.values["made_by"] == [None, "mxnet.SliceChannel", "mxnet.SliceChannel"]


@pytest.mark.parametrize(
    "nodes",
    [
        [3],
        [{"op": "null"}],
        [{"op": "FullyConnected", "name": "f", "inputs": [7]}],
        [{**node("null", "x"), "inputs": 3}],
    ],
)
def test_a_damaged_symbol_is_refused(nodes: Any) -> None:
    with pytest.raises(CorruptError):
        read("s.json", json.dumps({"nodes": nodes, "arg_nodes": [], "heads": []}))


@pytest.mark.parametrize("head", [3, [], [9, 0], [-1, 0], ["x"]])
def test_a_head_that_names_no_node_is_refused(head: Any) -> None:
    with pytest.raises(CorruptError):
        symbol(*LAYER, heads=[head])


@pytest.mark.datapack
def test_of_the_real_params_only_the_heads_of_arrays_are_asked_for(
    datapack: Path, on_disk: Callable[[Path], Any]
) -> None:
    file = on_disk(datapack / "models/mxnet/resnet-0000.params")
    MxnetParams().read(file, "resnet-0000.params", {})
    assert file.bytes_read < 0.02 * file.size
