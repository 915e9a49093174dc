"""GraphDef in protobuf's text format: the same nodes as from the wire, each with its line.

Source: the messages named in `tensorflow_graph`; `protobuf_text` for the format.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any

from herdbook.kernel.errors import InvalidError
from herdbook.plugins.formats.protobuf_text import Field, Message, Quoted, walk
from herdbook.plugins.formats.tensorflow_graph import MAX_AXES, MAX_NODES, MAX_NUMBERS
from herdbook.plugins.formats.tensorflow_types import ENUM, Attribute, Function, Graph, Node, Shape, Tensor, elements

if TYPE_CHECKING:
    from herdbook.plugins.formats.protobuf_text import Value

_BEGINS = re.compile(
    rb"(?:\xef\xbb\xbf)?(?:\s|#[^\n]*\n)*(?:node\s*:?\s*[{<\[]\s*[{<]?(?:\s|#[^\n]*\n)*(?:name|op|input|attr|device|\})"
    rb"|(?:versions|library)\s*:?\s*[{<])"
)
_WEIGHTS = frozenset({
    "tensor_content", "half_val", "float_val", "double_val", "string_val", "scomplex_val", "dcomplex_val", "bool_val",
    "resource_handle_val", "variant_val", "uint32_val", "uint64_val", "float8_val",
})  # fmt: skip
_NUMBERS = {3: "int_val", 9: "int64_val"}
_SIZES = {3: 4, 9: 8}
_LENGTH = 4096


def looks_like_text(head: bytes) -> bool:
    """Say whether the first bytes are those of a GraphDef in text format."""
    return _BEGINS.match(head) is not None


def read_graph(data: bytes) -> Graph:
    """Read a GraphDef.

    Raises:
        CorruptError: when it is not text format.
        InvalidError: when limits are exceeded.
    """
    graph = Graph()
    for field in walk(data, _WEIGHTS - {"tensor_content"}):
        value = field.value
        if not isinstance(value, Message):
            if field.name == "version" and isinstance(value, int) and not graph.producer:
                graph.producer = value
        elif field.name == "node":
            graph.nodes.append(_node(field, value))
            if len(graph.nodes) > MAX_NODES:
                raise InvalidError(f"the graph has more than {MAX_NODES} nodes", code="too-many-nodes")
        elif field.name == "versions":
            graph.producer, graph.min_consumer = value.number("producer") or 0, value.number("min_consumer") or 0
        elif field.name == "library":
            graph.functions += [_function(each) for each in value.messages("function")]
    return graph


def _text(value: Value | None) -> str:
    """Return a string, of which as much is kept as of one in a binary file."""
    return value.bytes[:_LENGTH].decode("utf-8", "replace") if isinstance(value, Quoted) else ""


def _node(field: Field, message: Message) -> Node:
    name = op = ""
    inputs: list[str] = []
    attributes: dict[str, Attribute] = {}
    for each in message.fields:
        if each.name == "attr" and isinstance(each.value, Message):
            value = each.value.last("value")
            attributes[_text(each.value.last("key"))] = _value(value) if isinstance(value, Message) else ("", None)
        elif each.name == "name":
            name = _text(each.value)
        elif each.name == "op":
            op = _text(each.value)
        elif each.name == "input":
            inputs.append(_text(each.value))
    return Node(name, op, tuple(inputs), f"line {field.line}", attributes)


def _value(message: Message) -> Attribute:
    """Return an AttrValue, a oneof: the last field counts."""
    if not message.fields:
        return "", None
    last = message.fields[-1]
    if last.name == "list" and isinstance(last.value, Message):
        lists: dict[str, list[Any]] = {}
        for each in last.value.fields:
            lists.setdefault(each.name, []).append(_one(each))
        return "list", lists
    return last.name, _one(last)


def _one(field: Field) -> Any:  # noqa: ANN401 - what the kind says
    name, value = field.name, field.value
    if isinstance(value, Message):
        if name == "shape":
            return _shape(value)
        if name == "tensor":
            return _tensor(value)
        return _text(value.last("name")) if name == "func" else None
    if name == "type":
        return _dtype(value)
    if name == "b":
        return str(value).lower() in {"true", "t", "1"}
    if name in {"s", "placeholder"}:
        return _text(value)
    return value if name == "i" and isinstance(value, int) else None


def _dtype(value: Value | None) -> int:
    if isinstance(value, int):
        return value
    word = str(value) if isinstance(value, str) else ""
    return ENUM.get(word) or (ENUM[word[:-4]] + 100 if word.endswith("_REF") and word[:-4] in ENUM else 0)


def _shape(message: Message | None) -> Shape:
    if message is None:
        return ()
    if message.flag("unknown_rank"):
        return None
    sizes = [each.number("size") or 0 for each in message.messages("dim")]
    if len(sizes) > MAX_AXES:
        raise InvalidError(f"a shape has more than {MAX_AXES} axes", code="too-many-axes")
    return tuple(size if size >= 0 else None for size in sizes)


def _tensor(message: Message) -> Tensor:
    dtype = _dtype(message.last("dtype"))
    axes = message.last("tensor_shape")
    shape = _shape(axes if isinstance(axes, Message) else None)
    count = elements(shape)
    if dtype not in _NUMBERS or shape is None or count > MAX_NUMBERS:
        return Tensor(dtype, shape)
    content = message.last("tensor_content")
    size = _SIZES[dtype]
    if isinstance(content, Quoted) and content.size:
        data = content.bytes if content.size <= 4 * size * count else b""
        numbers = [int.from_bytes(data[i : i + size], "little", signed=True) for i in range(0, len(data), size)]
        return Tensor(dtype, shape, tuple(numbers) if len(data) == count * size else None)
    numbers = message.numbers(_NUMBERS[dtype])[:count] or [0] * min(count, 1)
    return Tensor(dtype, shape, tuple(numbers + numbers[-1:] * (count - len(numbers))))


def _function(message: Message) -> Function:
    signature = message.last("signature")
    name = _text(signature.last("name")) if isinstance(signature, Message) else ""
    return Function(name, Counter(_text(each.last("op")) for each in message.messages("node_def")))
