"""TensorFlow's files cut, flipped and made up: facts or an error of ours come out, and it ends."""

from __future__ import annotations

import contextlib
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.plugins.conftest import Bytes

from herdbook.kernel.errors import CorruptError, InvalidError
from herdbook.plugins.formats.tensorflow import Tensorflow

from .test_tensorflow import FIXTURES, field

LONG = os.environ.get("HERDBOOK_LONG") == "1"
FILES = (
    "functions.pb", "functions.pbtxt", "memmapped.pb", "saved/saved_model.pb", "saved/variables/variables.index",
    "partitioned/model.ckpt.index", "training.pb",
)  # fmt: skip


def survive(data: bytes, name: str) -> bool:
    """Say whether it was taken for a file of TensorFlow; whatever comes out is facts or an error of ours."""
    file = Bytes(data)
    if Tensorflow().probe(file, name) is None:
        return False
    with contextlib.suppress(CorruptError, InvalidError):
        assert Tensorflow().read(file, name, {"other": 1}).model_dump_json()
    return True


@pytest.mark.parametrize("name", FILES)
def test_every_cut_of_a_file_is_survived(name: str) -> None:
    data = (FIXTURES / name).read_bytes()
    step = 1 if LONG else max(1, len(data) // 300)
    taken = [survive(data[:size], Path(name).name) for size in range(0, len(data), step)]
    assert any(taken) or name.endswith(("index", "memmapped.pb")), "what is told by its end is not taken when cut"


@pytest.mark.parametrize("name", FILES)
def test_flipped_bytes_are_survived(name: str) -> None:
    data = (FIXTURES / name).read_bytes()
    chance = random.Random(name)
    for _ in range(20_000 if LONG else 200):
        changed = bytearray(data)
        for _ in range(chance.choice((1, 1, 2, 8))):
            changed[chance.randrange(len(changed))] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))
        survive(bytes(changed), Path(name).name)


@given(st.binary(max_size=200))
def test_random_bytes_behind_a_good_beginning_are_survived(data: bytes) -> None:
    node = field(1, field(1, b"x") + field(2, b"Placeholder"))
    for begin in (node, b"\x0a", b"\x08\x01" + field(2, field(1, b"")), b'node { name: "x" '):
        survive(begin + data, "model.pb")
    magic = 0xDB4775248B80FB57.to_bytes(8, "little")
    survive(data + bytes(40) + magic, "model.index")
    survive(data + (len(data) // 2).to_bytes(8, "little"), "model.pb")


names = st.sampled_from([b"a", b"b", b"c", b"d", b"b:1", b"^a", b"missing", b"a:99999"])
numbers = st.lists(st.integers(-3, 9), max_size=5)


def varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    written = b""
    while value > 127:
        value, written = value >> 7, written + bytes([value & 127 | 128])
    return written + bytes([value])


def _shape(axes: list[int]) -> bytes:
    return b"".join(field(2, b"\x08" + varint(axis)) for axis in axes)


values = st.one_of(
    numbers.map(lambda axes: field(7, _shape(axes))),
    st.integers(0, 40).map(lambda dtype: b"\x30" + varint(dtype)),
    st.integers(-9, 1 << 40).map(lambda number: b"\x18" + varint(number)),
    numbers.map(lambda each: field(1, field(3, b"".join(map(varint, each))))),
    st.sampled_from([b"SAME", b"VALID", b"NCHW"]).map(lambda text: field(2, text)),
    numbers.map(
        lambda each: field(8, b"\x08\x03" + field(2, _shape([len(each)])) + field(7, b"".join(map(varint, each))))
    ),
    st.just(b"\x28\x01"),
)
NAMES = """
    shape dtype T value strides padding data_format ksize axis squeeze_dims keep_dims num_split N begin_mask end_mask
    ellipsis_mask new_axis_mask shrink_axis_mask dilations _output_shapes dense_shapes Nsparse
"""
OPERATORS = """
    Placeholder Const Identity MatMul BatchMatMulV2 Conv2D MaxPool FusedBatchNormV3 Reshape ExpandDims Squeeze Transpose
    ConcatV2 Pack Shape GatherV2 Sum StridedSlice Split SplitV Switch Merge ArgMax Fill Pad SelectV2 TopKV2 BiasAdd
    ResizeBilinear ParseExample VarHandleOp ReadVariableOp Nobody AddV2 Prod Mul DepthwiseConv2dNative
"""
attributes = st.dictionaries(st.sampled_from(NAMES.split()), values, max_size=6)
operators = st.sampled_from(OPERATORS.split())


@given(st.lists(st.tuples(operators, st.lists(names, max_size=4), attributes), min_size=1, max_size=8))
def test_graphs_of_any_operators_are_read(nodes: list[tuple[str, list[bytes], dict[str, bytes]]]) -> None:
    data = b""
    for index, (op, inputs, said) in enumerate(nodes):
        node = field(1, b"abcdefgh"[index : index + 1]) + field(2, op.encode())
        node += b"".join(field(3, each) for each in inputs)
        node += b"".join(field(5, field(1, name.encode()) + field(2, value)) for name, value in said.items())
        data += field(1, node)
    facts = Tensorflow().read(Bytes(data), "made.pb", {})
    assert facts.values["nodes"] == len(nodes)
    assert all(axis is None or axis >= 0 for each in facts.values["outputs"] for axis in each.get("shape", ()))


@pytest.mark.slow
def test_much_longer_fuzzing_is_survived(in_memory: Callable[[bytes], Any]) -> None:
    assert in_memory is Bytes
    chance = random.Random(2)
    for name in FILES:
        data = (FIXTURES / name).read_bytes()
        for _ in range(2000):
            at, size = chance.randrange(len(data)), chance.randrange(64)
            survive(data[:at] + chance.randbytes(size) + data[at + chance.randrange(64) :], Path(name).name)
