"""What is no model, or one made to hurt: it is refused or reported, in bounded time and memory."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto

from herdbook.kernel.errors import CorruptError, HerdbookError, InvalidError
from herdbook.model.facts import Facts, Safety
from herdbook.plugins.formats.onnx import Onnx, looks_like_onnx
from herdbook.ports.formats import ReadAt

from . import onnx_models as models
from .onnx_models import check, field, rules

Memory = Callable[[bytes], Any]


@pytest.mark.parametrize(
    ("data", "says", "safety"),
    [
        (b"PK\x03\x04" + bytes(100), "a zip archive", Safety.UNSAFE),
        (b"<!DOCTYPE html><html><body>404</body></html>", "a web page", Safety.SAFE),
        (b"\x89HDF\r\n\x1a\n" + bytes(100), "an HDF5", Safety.GUARDED),
        (b"{" + b'"ir_version": 7, ' * 100, "a text", Safety.SAFE),
    ],
)
def test_what_is_called_onnx_and_is_not_is_named(
    read: Callable[..., Facts], in_memory: Memory, data: bytes, says: str, safety: Safety
) -> None:
    assert Onnx().probe(in_memory(data), "model.ONNX") is not None
    assert Onnx().probe(in_memory(data), "model") is None
    facts = read(data)
    assert facts.format == "other"
    assert facts.safety is safety
    assert rules(facts) == ["not-onnx"]
    assert says in facts.findings[0].message


def test_other_protobuf_messages_are_not_taken_for_onnx(in_memory: Memory) -> None:
    model = models.small()
    for message in (model.graph, model.graph.node[0], model.graph.initializer[0], model.opset_import[0]):
        assert not looks_like_onnx(in_memory(message.SerializeToString()))
    assert looks_like_onnx(in_memory(model.SerializeToString()))


def test_random_bytes_are_not_taken_for_onnx(in_memory: Memory) -> None:
    random = np.random.default_rng(7)
    assert not any(looks_like_onnx(in_memory(random.bytes(4096))) for _ in range(2000))


def test_a_model_cut_short_is_still_taken_for_one_and_said_to_be_cut(in_memory: Memory) -> None:
    data = models.rich().SerializeToString()
    for length in range(60, len(data) - 40, 97):
        file = in_memory(data[:length])
        assert looks_like_onnx(file)
        with pytest.raises(CorruptError) as caught:
            Onnx().read(file, "model.onnx", {})
        assert caught.value.code in {"protobuf-cut", "protobuf-bad-length"}


GRAPH = models.small().graph.SerializeToString()
HEAD = field(1, 8)
TAIL = field(8, field(2, 17))


def model_with(graph: bytes) -> bytes:
    return HEAD + field(7, GRAPH + graph) + TAIL


@pytest.mark.parametrize(
    "data",
    [
        HEAD + b"\x3a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",  # a graph of 2^64 - 1 bytes
        HEAD + b"\x3a\xff\xff\xff\xff\x07" + GRAPH,  # of 2 GB in a small file
        HEAD + field(7, GRAPH) + b"\x80" * 11,  # a tag without an end
        model_with(b"\x0b\x0c"),  # a group
        model_with(b"\x0f"),  # wire type 7
        model_with(b"\x02\x00"),  # field number 0
        model_with(b"\x2a\x7f\x08"),  # a tensor longer than its graph
        model_with(field(5, b"\x08\xff\xff")),  # a cut varint
        model_with(field(5, field(1, b"\xff\xff"))),  # a cut varint in a packed shape
        model_with(field(5, b"\x08" + b"\x80" * 10 + b"\x01")),  # a varint of 11 bytes
        HEAD + TAIL,  # no graph
        HEAD + field(7, b"") + TAIL[:-1],
    ],
)
def test_bytes_that_are_no_protobuf_are_refused(read: Callable[..., Facts], data: bytes) -> None:
    with pytest.raises(CorruptError):
        read(data)


def test_subgraphs_nested_too_deeply_are_refused(read: Callable[..., Facts]) -> None:
    model = models.nested(30)
    check(read(model), model)
    graph = field(1, field(4, b"Relu"))
    for _ in range(20_000):
        graph = field(1, field(4, b"If") + field(5, field(6, graph)))
    with pytest.raises(InvalidError) as caught:
        read(HEAD + field(7, graph) + TAIL)
    assert caught.value.code == "nested-too-deep"


def test_types_nested_too_deeply_are_refused(read: Callable[..., Facts]) -> None:
    deep = field(1, field(1, 1))
    for _ in range(20_000):
        deep = field(4, field(1, deep))
    with pytest.raises(InvalidError) as caught:
        read(model_with(field(11, field(1, b"x") + field(2, deep))))
    assert caught.value.code == "nested-too-deep"


@pytest.mark.parametrize(
    "graph",
    [
        field(1, b"") * 3_000_000,  # nodes
        field(5, b"") * 3_000_000,  # tensors
        field(11, b"") * 3_000_000,  # inputs
        field(1, field(5, b"") * 3_000_000),  # attributes
        field(11, field(2, field(1, field(2, field(1, b"") * 3_000_000)))),  # axes
        field(5, field(1, 1) * 3_000_000),  # axes of a tensor
        field(99, 1) * 3_000_000,  # unknown
        b"".join(field(1, field(4, b"%08x" % i)) for i in range(700_000)),  # kinds of operators
    ],
    ids=["nodes", "tensors", "inputs", "attributes", "axes", "tensor-axes", "unknown", "operators"],
)
def test_millions_of_tiny_fields_end_in_bounded_time_and_memory(in_memory: Memory, graph: bytes) -> None:
    file = in_memory(model_with(graph))
    del graph
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.perf_counter()
    try:
        Onnx().read(file, "model.onnx", {})
    except HerdbookError as error:
        assert isinstance(error, (InvalidError, CorruptError))  # noqa: PT017 - either is right, and so is none
    assert time.perf_counter() - started < 15
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 400_000  # KiB


def test_long_names_and_texts_are_cut_and_said_to_be(read: Callable[..., Facts]) -> None:
    model = models.small()
    model.graph.node[0].op_type = "Op" * 10_000
    model.doc_string = "x" * 3_000_000
    facts = read(model)
    assert set(rules(facts)) == {"names", "doc-string"}
    assert len(facts.values["doc_string"]) == 1 << 20
    assert max(map(len, facts.values["operators"])) < 5000


def test_names_that_are_not_utf8_are_kept_readable_and_said_to_be_wrong(read: Callable[..., Facts]) -> None:
    facts = read(model_with(field(12, field(1, b"out\xff"))))
    assert facts.values["outputs"][-1] == {"name": "out\ufffd"}
    assert rules(facts) == ["not-utf8"]
    assert Facts.model_validate_json(facts.model_dump_json()) == facts


def test_shapes_that_cannot_be_do_not_become_counts(read: Callable[..., Facts]) -> None:
    model = models.small()
    model.graph.initializer.append(TensorProto(name="negative", data_type=1, dims=[-1, 5]))
    facts = read(model)
    assert facts.values["parameters"] == 8
    assert rules(facts) == ["negative-axis"]
    model.graph.initializer.append(TensorProto(name="vast", data_type=7, dims=[2**62, 2**62, 2**62]))
    facts = read(model)
    assert "parameters" not in facts.values
    assert facts.values["parameters_float"] == 8
    assert "implausible-count" in rules(facts)


def test_many_tensors_are_counted_in_full_and_listed_in_part(read: Callable[..., Facts]) -> None:
    model = models.small()
    for index in range(10_001):
        model.graph.initializer.append(TensorProto(name=f"t{index}", data_type=1, dims=[2]))
    facts = read(model)
    assert facts.values["parameters"] == 8 + 2 * 10_001
    assert len(facts.values["tensors"]) == 10_000
    assert rules(facts) == ["tensors-cut"]


def test_a_file_that_shrinks_while_it_is_read_is_an_error(in_memory: Memory) -> None:
    file: ReadAt = in_memory(models.rich().SerializeToString())
    file.size += 100  # type: ignore[misc]  # that is the point
    with pytest.raises(CorruptError) as caught:
        Onnx().read(file, "model.onnx", {})
    assert caught.value.code == "file-changed"
