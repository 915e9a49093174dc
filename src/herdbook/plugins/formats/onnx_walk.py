"""The walk over an ONNX model: one pass over the graph's structure, weights passed over.

Source: onnx.proto (ONNX 1.23). The constants below are tags: field number << 3 | wire type.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from herdbook.kernel.errors import InvalidError
from herdbook.plugins.formats import onnx_types as types
from herdbook.plugins.formats.onnx_graph import Graph
from herdbook.plugins.formats.protobuf import TEXT_LIMIT, Wire, decode, runs, signed, tag, varints

MAX_DEPTH = 32
MAX_TENSORS = 10_000
MAX_NAME = TEXT_LIMIT
MAX_ATTRIBUTES = 1024
MAX_LINKS = 16_384
MAX_TEXT = 1024 * 1024
_MAX_AXES = 1024

# Numbers that writers may leave unpacked: a million of them are passed over in one step.
_ATTRIBUTE_RUNS = runs(tag(7, 5), tag(8, 0))
_TENSOR_RUNS = runs(tag(4, 5), tag(5, 0), tag(7, 0), tag(10, 1), tag(11, 0))

QUANTIZERS = frozenset({b"Quant", b"IntQuant", b"BipolarQuant", b"FloatQuant", b"Trunc"})

_SUBGRAPHS = frozenset({tag(6), tag(11)})
_TENSORS = frozenset({tag(5), tag(10)})
_SPARSE_TENSORS = frozenset({tag(22), tag(23)})

# What is looked at in each message; the rest is passed over.
_OF_GRAPH = frozenset(map(tag, (1, 2, 5, 10, 11, 12, 15)))
_OF_SUBGRAPH = frozenset(map(tag, (1, 5, 11, 12, 15)))
_OF_NODE = frozenset(map(tag, (1, 2, 3, 4, 5, 7)))
_OF_TENSOR = frozenset({tag(1, 0), tag(1), tag(2, 0), tag(8), tag(13), tag(14, 0)})
_OF_ATTRIBUTE = _SUBGRAPHS | _TENSORS | _SPARSE_TENSORS
_OF_CONSTANT = _OF_ATTRIBUTE | {tag(1), tag(7), tag(7, 5), tag(8), tag(8, 0)}


class Tensor(NamedTuple):
    """What a TensorProto says of itself."""

    name: bytes
    dtype: int
    shape: list[int]

    @property
    def elements(self) -> int:
        """The number of elements; 1 for a scalar, 0 when an axis is negative."""
        return 0 if any(axis < 0 for axis in self.shape) else math.prod(self.shape)


@dataclass
class Count:
    """Elements of any dtype, and of float dtype."""

    all: int = 0
    floats: int = 0

    def add(self, elements: int, *, floats: bool) -> None:
        """Count elements of one tensor."""
        self.all += elements
        self.floats += elements if floats else 0


@dataclass
class Model:
    """What the walk found."""

    numbers: dict[str, int] = field(default_factory=dict)
    texts: dict[str, bytes] = field(default_factory=dict)
    opsets: dict[bytes, int] = field(default_factory=dict)
    metadata: list[tuple[bytes, bytes]] = field(default_factory=list)
    functions: list[tuple[bytes, bytes]] = field(default_factory=list)
    inputs: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    """(offset of the ValueInfoProto in bytes, what it says); so are outputs."""
    outputs: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    tensors: list[Tensor] = field(default_factory=list)
    tensors_seen: int = 0
    initializers: set[bytes] = field(default_factory=set)
    operators: Counter[tuple[bytes, bytes]] = field(default_factory=Counter)
    function_operators: Counter[tuple[bytes, bytes]] = field(default_factory=Counter)
    parameters: Count = field(default_factory=Count)
    constants: Count = field(default_factory=Count)
    external: dict[bytes, int] = field(default_factory=dict)
    """Location → how many bytes it must at least have."""
    negative: list[bytes] = field(default_factory=list)
    cut: set[str] = field(default_factory=set)
    where: dict[str, str] = field(default_factory=dict)
    graph: Graph = field(default_factory=Graph)
    graphs: list[tuple[int, int]] = field(default_factory=list)
    """(begin, end) of the main graph in bytes; a writer may have cut it in several."""
    quantizers: list[tuple[int, int]] = field(default_factory=list)
    """(offset, length) of NodeProtos that look like quantisers."""


_MODEL_NUMBERS = {tag(1, 0): "ir_version", tag(5, 0): "model_version"}
_MODEL_TEXTS = {tag(2): "producer_name", tag(3): "producer_version", tag(4): "domain", tag(6): "doc_string"}
_PLACES = {"producer_name": "/producer/name", "producer_version": "/producer/version"}
_GRAPH_TEXTS = {tag(2): "graph_name", tag(10): "graph_doc_string"}


class Walk:
    """One pass over a model.

    Args:
        wire: the file.
    """

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.found = Model()

    def model(self) -> Model:
        """Walk the whole file.

        Raises:
            CorruptError: when the bytes are not what the format promises.
            InvalidError: when limits are exceeded.
        """
        wire, found = self.wire, self.found
        for key, a, b in wire.fields(0, wire.size):
            if key in _MODEL_NUMBERS:
                found.numbers[_MODEL_NUMBERS[key]] = signed(a)
                self._place("/" + _MODEL_NUMBERS[key], f"ModelProto.{_MODEL_NUMBERS[key]}", None)
            elif key in _MODEL_TEXTS:
                name = _MODEL_TEXTS[key]
                found.texts[name] = self._text(a, b, name)
                self._place(_PLACES.get(name, "/" + name), f"ModelProto.{name}", a)
            elif key == tag(7):
                self._place("/operators", "ModelProto.graph", a)
                found.graphs.append((a, a + b))
                self._main_graph(a, a + b)
            elif key == tag(8):
                self._place("/opsets", "ModelProto.opset_import", a)
                domain, version = self._opset(a, b)
                found.opsets[domain] = version
            elif key == tag(14):
                self._place("/metadata", "ModelProto.metadata_props", a)
                found.metadata.append(self._entry(a, b))
            elif key == tag(20):
                found.cut.add("training_info")
            elif key == tag(25):
                self._place("/functions", "ModelProto.functions", a)
                self._function(a, b)
        return found

    def _place(self, pointer: str, what: str, at: int | None) -> None:
        """Remember where a value was first found."""
        if pointer not in self.found.where:
            self.found.where[pointer] = what if at is None else f"{what} @ byte {at}"

    def _name(self, a: int, b: int) -> bytes:
        """Return a name, cut at 4096 bytes."""
        if b > MAX_NAME:
            self.found.cut.add("names")
            b = MAX_NAME
        return self.wire.take(a, b)

    def _text(self, a: int, b: int, what: str) -> bytes:
        """Return a text, cut at 1 MiB."""
        if b > MAX_TEXT:
            self.found.cut.add(what)
            b = MAX_TEXT
        self.wire.hold(b)
        return self.wire.take(a, b)

    def _opset(self, a: int, b: int) -> tuple[bytes, int]:
        entry = decode(self.wire, a, a + b, types.OPSET)
        return entry.get("domain", b""), entry.get("version", 0)

    def _function(self, start: int, length: int) -> None:
        """Walk a FunctionProto: its nodes count for safety, not among the model's operators."""
        name = domain = b""
        self.found.graph.paused = True
        for key, a, b in self.wire.fields(start, start + length):
            if key == tag(1):
                name = self._name(a, b)
            elif key == tag(10):
                domain = self._name(a, b)
            elif key == tag(7):
                self._node(a, b, 0, self.found.function_operators)
        self.found.graph.paused = False
        self.wire.hold(300 + len(name) + len(domain))
        self.found.functions.append((domain, name))

    def _entry(self, a: int, b: int) -> tuple[bytes, bytes]:
        """Return key and value of a StringStringEntryProto."""
        key = value = b""
        for each, at, length in self.wire.fields(a, a + b):
            if each == tag(1):
                key = self._name(at, length)
            elif each == tag(2):
                value = self._text(at, length, "metadata")
        self.wire.hold(300 + len(key))
        return key, value

    def _main_graph(self, start: int, end: int) -> None:
        found = self.found
        infos = {tag(11): ("input", found.inputs), tag(12): ("output", found.outputs)}
        for key, a, b in self.wire.fields(start, end, _OF_GRAPH):
            if key == 0x0A:
                self._node(a, b, 0, found.operators)
            elif key == 0x2A:
                self._initializer(a, b, main=True)
            elif key in infos:
                name, values = infos[key]
                self._place(f"/{name}s", f"ModelProto.graph.{name}", a)
                self.wire.hold(1000)
                values.append((a, decode(self.wire, a, a + b, types.VALUE_INFO)))
            elif key == tag(15):
                found.graph.given(self._sparse(a, b, main=True))
            elif key in _GRAPH_TEXTS:
                name = _GRAPH_TEXTS[key]
                found.texts[name] = self._text(a, b, name)
                self._place("/" + name, f"ModelProto.graph.{name.removeprefix('graph_')}", a)

    def _subgraph(self, start: int, end: int, depth: int, operators: Counter[tuple[bytes, bytes]]) -> None:
        if depth > MAX_DEPTH:
            raise InvalidError(f"subgraphs are nested deeper than {MAX_DEPTH}", code="nested-too-deep")
        counted = operators is self.found.operators
        graph = self.found.graph
        graph.enter()
        outputs: list[bytes] = []
        for key, a, b in self.wire.fields(start, end, _OF_SUBGRAPH):
            if key == 0x0A:
                self._node(a, b, depth, operators)
            elif key == 0x2A and counted:
                self._initializer(a, b, main=False)
            elif key == tag(11):
                graph.given(self._first_name(a, b))
            elif key == tag(12):
                self._link(outputs, self._first_name(a, b))
            elif key == tag(15):
                graph.given(self._sparse(a, b, main=False))
        graph.leave(outputs)

    def _first_name(self, start: int, length: int) -> bytes:
        """Return the name of a ValueInfoProto."""
        name = b""
        for _, a, b in self.wire.fields(start, start + length, {tag(1)}):
            name = self._name(a, b)
        return name

    def _link(self, links: list[bytes], name: bytes) -> None:
        """Keep what a node reads or makes; too much of it, or a name that was cut, and the graph is given up."""
        if len(links) >= MAX_LINKS or len(name) == MAX_NAME:
            self.found.graph.drop()
        elif not self.found.graph.full:
            links.append(name)

    def _node(self, start: int, length: int, depth: int, operators: Counter[tuple[bytes, bytes]]) -> None:
        operator = domain = name = b""
        attributes = []
        inputs: list[bytes] = []
        outputs: list[bytes] = []
        for key, a, b in self.wire.fields(start, start + length, _OF_NODE):
            if key == 0x2A:
                attributes.append((a, b))
                if len(attributes) > MAX_ATTRIBUTES:
                    raise InvalidError(f"a node has more than {MAX_ATTRIBUTES} attributes", code="too-many-attributes")
            elif key == 0x22:
                operator = self._name(a, b)
            elif key == 0x3A:
                domain = self._name(a, b)
            elif key == 0x1A:
                name = self._name(a, b)
            else:
                self._link(inputs if key == 0x0A else outputs, self._name(a, b))
        if (domain, operator) not in operators:
            self.wire.hold(300 + len(domain) + len(operator))
        operators[domain, operator] += 1
        constant = operator == b"Constant" and domain in {b"", b"ai.onnx"} and operators is self.found.operators
        for a, b in attributes:
            self._attribute(a, b, depth, operators, constant=constant)
        self.found.graph.node(name, (domain, operator), inputs, outputs)
        if operator in QUANTIZERS and depth == 0 and operators is self.found.operators:
            self.wire.hold(100)
            self.found.quantizers.append((start, length))

    def _attribute(
        self, start: int, length: int, depth: int, operators: Counter[tuple[bytes, bytes]], *, constant: bool
    ) -> None:
        """Walk an attribute for subgraphs, tensors kept elsewhere, and what a Constant holds."""
        name = b""
        floats = integers = 0
        tensor = None
        wanted = _OF_CONSTANT if constant else _OF_ATTRIBUTE
        for key, a, b in self.wire.fields(start, start + length, wanted, _ATTRIBUTE_RUNS):
            if key == 0x0A:
                name = self._name(a, b)
            elif key in _SUBGRAPHS:
                self._subgraph(a, a + b, depth + 1, operators)
            elif key in _TENSORS:
                tensor = self._tensor(a, b)
            elif key in _SPARSE_TENSORS:
                self._sparse(a, b, main=False)
            elif key == 0x3D:
                floats += a
            elif key == 0x3A:
                floats += b // 4
            elif key == 0x40:
                integers += a
            elif key == 0x42:
                integers += self.wire.count_varints(a, b)
        if not constant:
            return
        if name == b"value" and tensor is not None:
            self.found.constants.add(tensor.elements, floats=tensor.dtype in types.FLOATS)
        elif name in {b"value_float", b"value_floats"}:
            self.found.constants.add(1 if name == b"value_float" else floats, floats=True)
        elif name in {b"value_int", b"value_ints"}:
            self.found.constants.add(1 if name == b"value_int" else integers, floats=False)

    def _initializer(self, a: int, b: int, *, main: bool) -> None:
        tensor = self._tensor(a, b)
        found = self.found
        found.parameters.add(tensor.elements, floats=tensor.dtype in types.FLOATS)
        found.graph.given(tensor.name)
        if not main:
            return
        found.tensors_seen += 1
        self.wire.hold(100 + len(tensor.name))
        found.initializers.add(tensor.name)
        if len(found.tensors) < MAX_TENSORS:
            self._place("/tensors", "ModelProto.graph.initializer", a)
            self.wire.hold(100 + 32 * len(tensor.shape))
            found.tensors.append(tensor)

    def _sparse(self, start: int, length: int, *, main: bool) -> bytes:
        """Walk a SparseTensorProto: its values (1), whose name is that of the whole, and its indices (2)."""
        name = b""
        for key, a, b in self.wire.fields(start, start + length):
            if key in {tag(1), tag(2)}:
                tensor = self._tensor(a, b)
                name = tensor.name if key == tag(1) else name
                if main and key == tag(1):
                    self.wire.hold(100 + len(tensor.name))
                    self.found.initializers.add(tensor.name)
        return name

    def _tensor(self, start: int, length: int) -> Tensor:
        wire = self.wire
        name = b""
        dtype = 0
        shape: list[int] = []
        elsewhere = []
        external = False
        for key, a, b in wire.fields(start, start + length, _OF_TENSOR, _TENSOR_RUNS):
            if key == 0x08:
                shape.append(signed(a))
            elif key == 0x10:
                dtype = a
            elif key == 0x42:
                name = self._name(a, b)
            elif key == 0x0A:
                if b > 10 * _MAX_AXES:
                    raise InvalidError(f"a tensor has more than {_MAX_AXES} axes", code="too-many-axes")
                shape.extend(signed(axis) for axis in varints(wire.take(a, b)))
            elif key == 0x6A:
                elsewhere.append((a, b))
            elif key == 0x70:
                external = a == 1
            if len(shape) > _MAX_AXES or len(elsewhere) > _MAX_AXES:
                raise InvalidError(f"a tensor has more than {_MAX_AXES} axes", code="too-many-axes")
        if external:
            self._external([self._entry(a, b) for a, b in elsewhere])
        tensor = Tensor(name, dtype, shape)
        if any(axis < 0 for axis in shape) and len(self.found.negative) < 10:
            self.found.negative.append(name)
        return tensor

    def _external(self, entries: list[tuple[bytes, bytes]]) -> None:
        """Remember a location and how far into it this tensor reaches."""
        said = dict(entries)
        if b"location" not in said:
            self.found.cut.add("location")
            return
        reach = sum(int(text) for name in (b"offset", b"length") if (text := said.get(name, b"")[:20]).isdigit())
        location = said[b"location"][:MAX_TEXT]
        if location not in self.found.external:
            self.wire.hold(200 + len(location))
        self.found.external[location] = max(self.found.external.get(location, 0), reach)
