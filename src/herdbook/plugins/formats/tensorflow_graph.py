"""GraphDef in protobuf's wire format: nodes, their attributes, functions, versions. Weights are passed over.

Source: graph.proto, node_def.proto, attr_value.proto, tensor.proto, function.proto of TensorFlow 2.21.
"""

from __future__ import annotations

from typing import Any

from herdbook.kernel.errors import CorruptError, InvalidError
from herdbook.plugins.formats.protobuf import SMALL_WINDOW, TEXT_LIMIT, Wire, signed, tag, varints
from herdbook.plugins.formats.tensorflow_types import Attribute, Function, Graph, Node, Shape, Tensor, elements

MAX_NODES = 100_000
MAX_AXES = 254
MAX_NUMBERS = 256
_MAX_LISTED = 10_000
_MEMO_SIZE = 256
_NAME, _OP, _INPUT, _ATTRIBUTE = tag(1), tag(2), tag(3), tag(5)
_NODE = frozenset({_NAME, _OP, _INPUT, _ATTRIBUTE})
_TENSOR_LARGE = frozenset({tag(1, 0), tag(2)})
_WHOLE = {3: (4, 7), 9: (8, 10)}  # int32 and int64: size in tensor_content, field number of the values elsewhere


class GraphReader:
    """Reads GraphDefs that stand in a file.

    Args:
        wire: the walk over the file.
    """

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self._memo: dict[bytes, tuple[str, Attribute]] = {}
        self._nodes = 0

    def graph(self, start: int, length: int) -> Graph:
        """Read the GraphDef at [start, start + length).

        Raises:
            CorruptError: when the bytes are no GraphDef.
            InvalidError: when limits of the walk are exceeded.
        """
        graph = Graph()
        for key, a, b in self.wire.fields(start, start + length):
            if key == tag(1):
                graph.nodes.append(self._node(a, b))
            elif key == tag(2):
                self._library(graph, a, b)
            elif key == tag(3, 0) and not graph.producer:
                graph.producer = signed(a)  # the field that `versions` replaced
            elif key == tag(4):
                versions = {number >> 3: signed(value) for number, value, _ in self.wire.split(a, b) if not number & 7}
                graph.producer, graph.min_consumer = versions.get(1, 0), versions.get(2, 0)
        return graph

    def _text(self, a: int, b: int) -> str:
        b = min(b, TEXT_LIMIT)
        self.wire.hold(b + 50)
        return self.wire.take(a, b).decode("utf-8", "replace")

    def _node(self, start: int, length: int) -> Node:
        self._count()
        name = op = ""
        inputs: list[str] = []
        attributes: dict[str, Attribute] = {}
        for key, a, b in self.wire.split(start, length, _NODE):
            if key == _INPUT:
                inputs.append(self._text(a, b))
            elif key == _NAME:
                name = self._text(a, b)
            elif key == _OP:
                op = self._text(a, b)
            elif key == _ATTRIBUTE:
                known, attribute = self._attribute(a, b)
                attributes[known] = attribute
        return Node(name, op, tuple(inputs), f"node {name[:200]} @ byte {start}", attributes)

    def _count(self) -> None:
        self._nodes += 1
        self.wire.hold(400)
        if self._nodes > MAX_NODES:
            raise InvalidError(f"the graph has more than {MAX_NODES} nodes", code="too-many-nodes")

    def _attribute(self, start: int, length: int) -> tuple[str, Attribute]:
        """Return an entry of the map of attributes; most are written many times in the same bytes."""
        if length > _MEMO_SIZE:
            return self._entry(start, length)
        data = self.wire.take(start, length)
        found = self._memo.get(data)
        if found is None:
            found = self._memo[data] = self._entry(start, length)
            self.wire.hold(length + 200)
        return found

    def _entry(self, start: int, length: int) -> tuple[str, Attribute]:
        name, value = "", (0, 0)
        for key, a, b in self.wire.split(start, length):
            if key == tag(1):
                name = self._text(a, b)
            elif key == tag(2):
                value = (a, b)
        return name, self._value(*value)

    def _value(self, start: int, length: int) -> Attribute:
        """Return an AttrValue, a oneof: the last field counts."""
        found: Attribute = ("", None)
        for key, a, b in self.wire.split(start, length):
            number, kind = key >> 3, key & 7
            if kind == 2 and number in _READERS:
                found = (_READERS[number][0], getattr(self, _READERS[number][1])(a, b))
            elif kind == 0 and number in _NUMBERS:
                found = (_NUMBERS[number], bool(a) if number == 5 else signed(a))
            elif number == 4:
                found = ("f", None)
        return found

    def _list(self, start: int, length: int) -> dict[str, list[Any]]:
        lists: dict[str, list[Any]] = {}
        for count, (key, a, b) in enumerate(self.wire.split(start, length)):
            number, kind = key >> 3, key & 7
            if count >= _MAX_LISTED:
                raise InvalidError(f"an attribute lists more than {_MAX_LISTED} values", code="too-many-values")
            if number in {3, 5, 6}:
                values = [a] if kind == 0 else varints(self.wire.take(a, self._bounded(b)))
                lists.setdefault(_NUMBERS[number], []).extend(signed(value) for value in values)
            elif kind == 2 and number in _LISTED:
                lists.setdefault(_LISTED[number][0], []).append(getattr(self, _LISTED[number][1])(a, b))
        return lists

    def _bounded(self, size: int) -> int:
        if size > _MAX_LISTED * 10:
            raise InvalidError(f"an attribute lists {size} bytes of numbers", code="too-many-values")
        self.wire.hold(40 * size)
        return size

    def _string(self, start: int, length: int) -> str:
        return self._text(start, length)

    def _func(self, start: int, length: int) -> str:
        """Return the name of a function that is an attribute."""
        found = [self._text(a, b) for key, a, b in self.wire.split(start, length, {tag(1)}) if key == tag(1)]
        return found[-1] if found else ""

    def shape(self, start: int, length: int) -> Shape:
        """Return a TensorShapeProto's axes, ``None`` when it says that their number is unknown.

        Raises:
            InvalidError: when there are more than TensorFlow allows.
        """
        axes: list[int | None] = []
        for key, a, b in self.wire.split(start, length, {tag(2), tag(3, 0)}):
            if key == tag(3, 0) and a:
                return None
            if key == tag(2):
                size = next((signed(value) for k, value, _ in reversed(self.wire.split(a, b)) if k == tag(1, 0)), 0)
                axes.append(size if size >= 0 else None)
                if len(axes) > MAX_AXES:
                    raise InvalidError(f"a shape has more than {MAX_AXES} axes", code="too-many-axes")
        return tuple(axes)

    def _tensor(self, start: int, length: int) -> Tensor:
        dtype, shape, content, values = 0, (0, 0), (0, 0), []
        small = length <= SMALL_WINDOW
        for key, a, b in self.wire.split(start, length, None if small else _TENSOR_LARGE):
            if key == tag(1, 0):
                dtype = a
            elif key == tag(2):
                shape = (a, b)
            elif key == tag(4):
                content = (a, b)
            elif dtype in _WHOLE and key >> 3 == _WHOLE[dtype][1]:
                values += [a] if key & 7 == 0 else varints(self.wire.take(a, b))
        axes = self.shape(*shape)
        return Tensor(dtype, axes, self._whole(dtype, axes, content, values) if small else None)

    def _whole(self, dtype: int, shape: Shape, content: tuple[int, int], values: list[int]) -> tuple[int, ...] | None:
        """Return the numbers of a small tensor of whole ones; where fewer are written, the last goes on."""
        count = elements(shape)
        if dtype not in _WHOLE or shape is None or count > MAX_NUMBERS:
            return None
        size = _WHOLE[dtype][0]
        if content[1]:
            data = self.wire.take(*content)
            if len(data) != count * size:
                return None
            return tuple(int.from_bytes(data[i : i + size], "little", signed=True) for i in range(0, len(data), size))
        numbers = [signed(value) for value in values[:count]] or [0] * min(count, 1)
        return tuple(numbers + numbers[-1:] * (count - len(numbers)))

    def _library(self, graph: Graph, start: int, length: int) -> None:
        """Read the functions: their names and how often each operator is used."""
        for key, a, b in self.wire.fields(start, start + length, {tag(1)}):
            if key != tag(1):
                continue
            function = Function("")
            for inner, c, d in self.wire.fields(a, a + b, {tag(1), tag(3)}):
                if inner == tag(1):
                    function.name = self._func(c, d)
                elif inner == tag(3):
                    self._count()
                    operators = [self._text(e, f) for k, e, f in self.wire.split(c, d, {tag(2)}) if k == tag(2)]
                    function.operators.update(operators[-1:])
            graph.functions.append(function)


_NUMBERS = {3: "i", 5: "b", 6: "type"}
_READERS = {
    1: ("list", "_list"),
    2: ("s", "_string"),
    7: ("shape", "shape"),
    8: ("tensor", "_tensor"),
    9: ("placeholder", "_string"),
    10: ("func", "_func"),
}
_LISTED = {2: ("s", "_string"), 7: ("shape", "shape"), 8: ("tensor", "_tensor"), 9: ("func", "_func")}


def looks_like_graph(wire: Wire, start: int, length: int) -> bool:
    """Say whether the message begins as a GraphDef does: with a node that has a name and an operator, or its versions.

    Bytes that end inside the second node still look like one.
    """
    try:
        for key, a, b in wire.fields(start, start + length):
            return key == tag(1) and b > 0 and _looks_like_node(wire, a, b)
    except (CorruptError, InvalidError):
        pass
    return False


def _looks_like_node(wire: Wire, start: int, length: int) -> bool:
    texts = {}
    try:
        for key, a, b in wire.fields(start, start + length):
            if key not in _NODE | {tag(4), tag(6), tag(7)}:
                return False
            if key in {tag(1), tag(2)}:
                texts[key] = wire.take(a, min(b, 1024))
            if len(texts) == 2:
                break
    except (CorruptError, InvalidError):
        return False
    op = texts.get(tag(2), b"").decode("ascii", "replace")
    return (
        texts.get(tag(1), b"\n").isascii()
        and op.replace(">", "").isidentifier()
        and texts[tag(1)].decode().isprintable()
    )
