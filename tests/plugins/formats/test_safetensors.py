"""safetensors: data only, so that what remains to be refused is an offset that lies."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.plugins.conftest import Bytes

from herdbook.kernel.errors import CorruptError, HerdbookError
from herdbook.plugins.formats.safetensors import MAX_HEADER, Safetensors

FIXTURE = Path(__file__).resolve().parents[2] / "fixtures" / "formats" / "pickles" / "weights.safetensors"


def made(header: Any, numbers: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + numbers


def one(dtype: str = "F32", shape: Any = (2,), offsets: Any = (0, 8), **more: Any) -> dict[str, Any]:
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets), **more}


def read(data: bytes) -> Any:
    return Safetensors().read(Bytes(data), "x.safetensors", {})


def test_tensors_and_metadata_are_read_and_the_numbers_are_not() -> None:
    file = Bytes(
        made({"__metadata__": {"a": "b"}, "w": one(shape=[500, 1000], offsets=[0, 2_000_000])}, bytes(2_000_000))
    )
    facts = Safetensors().read(file, "x", {})
    assert facts.safety == "safe"
    assert facts.values["metadata"] == {"a": "b"}
    assert facts.values["tensors"] == [{"name": "w", "dtype": "float32", "shape": [500, 1000]}]
    assert facts.values["parameters"] == 500_000
    assert facts.findings == ()
    assert file.bytes_read < 1000


def test_dtypes_of_less_than_a_byte_and_empty_tensors_are_counted() -> None:
    facts = read(
        made({"a": one("F4", [4], [0, 2]), "b": one("F64", [0], [2, 2]), "c": one("BF16", [], [2, 4])}, bytes(4))
    )
    assert [each["dtype"] for each in facts.values["tensors"]] == ["float4_e2m1fn", "float64", "bfloat16"]


@pytest.mark.parametrize(
    "data",
    [
        made({"w": one()}, bytes(7)),
        made({"w": one()}, bytes(9)),
        made({"w": one(offsets=[0, 4])}, bytes(8)),
        made({"w": one(offsets=[8, 0])}, bytes(8)),
        made({"w": one(offsets=[-8, 0])}, bytes(8)),
        made({"w": one(offsets=[4, 12])}, bytes(12)),
        made({"a": one(), "b": one()}, bytes(8)),
        made({"a": one(), "b": one(offsets=[4, 12])}, bytes(12)),
        made({"w": one(shape=[1 << 40, 1 << 40])}, bytes(8)),
        made({"w": one(shape=[2.0])}, bytes(8)),
        made({"w": one(shape=[True, 2])}, bytes(8)),
        made({"w": one("F33")}, bytes(8)),
        made({"w": one(extra=1)}, bytes(8)),
        made({"w": []}, bytes(8)),
        made({"__metadata__": {"a": 1}}),
        made(b'{"w":' + json.dumps(one()).encode() + b',"w":' + json.dumps(one()).encode() + b"}", bytes(8)),
        made([]),
        made(b"{"),
        made(b"[" * 100_000),
        b"\xff" * 8 + b"{}",
        b"",
        b"\x02",
    ],
    ids=range(22),
)
def test_a_header_that_lies_is_refused(data: bytes) -> None:
    with pytest.raises(CorruptError):
        read(data)


def test_a_header_that_is_too_large_is_refused_before_it_is_read() -> None:
    class Huge:
        size = 1 << 40

        def read_at(self, offset: int, length: int) -> bytes:
            assert offset + length < 100
            return (MAX_HEADER + 1).to_bytes(8, "little")[:length]

    with pytest.raises(HerdbookError):
        Safetensors().read(Huge(), "x", {})


def test_it_is_known_by_its_bytes_and_by_its_name() -> None:
    data = FIXTURE.read_bytes()
    assert Safetensors().probe(Bytes(data), "anything") is not None
    assert Safetensors().probe(Bytes(b"no"), "x.safetensors") is not None
    for other in (b"", b"{}", bytes(100), b"PK\3\4" + bytes(20), b"\x80\x04" + bytes(20)):
        assert Safetensors().probe(Bytes(other), "x.bin") is None


def test_no_cut_and_no_changed_byte_makes_it_fail_otherwise() -> None:
    data = FIXTURE.read_bytes()
    cases = [data[:at] for at in range(len(data))]
    cases += [
        data[:at] + bytes([data[at] ^ flip]) + data[at + 1 :] for at in range(len(data)) for flip in (1, 0x20, 0xFF)
    ]
    for case in cases:
        try:
            read(case).model_dump_json()
        except HerdbookError:
            continue


KEYS = st.sampled_from(["dtype", "shape", "data_offsets"])
VALUES = st.recursive(
    st.none() | st.integers() | st.text() | st.sampled_from(["F32", "dtype"]),
    lambda each: (
        st.lists(each, max_size=3) | st.dictionaries(st.sampled_from(["dtype", "shape", "data_offsets"]), each)
    ),
    max_leaves=10,
)


@given(st.dictionaries(st.sampled_from(["a", "b", "__metadata__"]), VALUES), st.binary(max_size=20))
def test_any_header_is_survived(header: Any, numbers: bytes) -> None:
    with contextlib.suppress(HerdbookError):
        read(made(header, numbers)).model_dump_json()
