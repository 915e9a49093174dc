"""Quantisers of QONNX: operator, attributes, and the scalars that they read (scale, zero point, bit width).

Source: QONNX's operator definitions (Quant, IntQuant, BipolarQuant, FloatQuant, Trunc), onnx.proto (ONNX 1.23).
Only tensors of one element are read, and only those that a quantiser names.
"""

from __future__ import annotations

import math
import struct
from typing import TYPE_CHECKING, Any

from herdbook.kernel.canonical import SAFE_INTEGER
from herdbook.kernel.errors import CorruptError
from herdbook.plugins.formats import onnx_types as types
from herdbook.plugins.formats.protobuf import signed, tag, varints

if TYPE_CHECKING:
    from herdbook.plugins.formats.onnx_walk import Model
    from herdbook.plugins.formats.protobuf import Wire

MAX_QUANTIZERS = 10_000
MAX_INPUTS = 16
MAX_TEXT = 4096
MAX_LIST = 64
_PACKED = {1: "f", 7: "q", 6: "i", 9: "?", 10: "e", 11: "d", 12: "I", 13: "Q", 2: "B", 3: "b", 4: "H", 5: "h"}
"""TensorProto.DataType → struct's letter, of what stands in ``raw_data``."""
_Span = tuple[int, int]


def read(wire: Wire, found: Model) -> list[dict[str, Any]]:
    """Return one entry for each quantiser of the main graph, the first 10 000, in order.

    ``other_inputs`` are numbers where the graph holds them, nested as deep as their shape; ``{"shape": …}`` of a tensor
    of more elements; ``None`` of what is no constant.

    Raises:
        CorruptError: when the bytes are not what the format promises.
        InvalidError: when there is more than the walk is allowed.
    """
    nodes = [_node(wire, *span) for span in found.quantizers[:MAX_QUANTIZERS]]
    wanted = {name for node in nodes for name in node["inputs"]}
    constants = _constants(wire, found.graphs, wanted) if nodes else {}
    return [_entry(node, constants) for node in nodes]


def _entry(node: dict[str, Any], constants: dict[bytes, object]) -> dict[str, Any]:
    first, *others = node["inputs"] or [b""]
    return {
        "op": types.text(node["op"]),
        "node": types.text(node["name"]),
        "input": types.text(first),
        "of_weights": first in constants,
        "other_inputs": [constants.get(name) for name in others],
        "attributes": node["attributes"],
    }


def _node(wire: Wire, start: int, length: int) -> dict[str, Any]:
    said: dict[str, Any] = {"name": b"", "op": b"", "inputs": [], "outputs": [], "attributes": {}}
    for key, a, b in wire.fields(start, start + length):
        if key in {tag(1), tag(2)}:
            links = said["inputs" if key == tag(1) else "outputs"]
            if len(links) < MAX_INPUTS:
                links.append(_text(wire, a, b))
        elif key == tag(3):
            said["name"] = _text(wire, a, b)
        elif key == tag(4):
            said["op"] = _text(wire, a, b)
        elif key == tag(5) and len(said["attributes"]) < MAX_INPUTS:
            name, value, _ = _attribute(wire, a, b)
            said["attributes"][types.text(name)] = value
    return said


def _text(wire: Wire, a: int, b: int) -> bytes:
    wire.hold(min(b, MAX_TEXT) + 64)
    return wire.take(a, min(b, MAX_TEXT))


def _attribute(wire: Wire, start: int, length: int) -> tuple[bytes, object, _Span | None]:
    """Return name, value (a number, a text, or a list of numbers) and the place of a tensor."""
    name = b""
    value: str | float | None = None
    tensor = None
    numbers: list[float | None] = []
    for key, a, b in wire.fields(start, start + length):
        if key == tag(1):
            name = _text(wire, a, b)
        elif key == tag(2, 5):
            value = _sound(struct.unpack("<f", wire.take(a, b))[0])
        elif key == tag(3, 0):
            value = _sound(signed(a))
        elif key == tag(4):
            value = types.text(_text(wire, a, b))
        elif key == tag(5):
            tensor = (a, b)
        elif key == tag(7, 5) and len(numbers) < MAX_LIST:
            numbers.append(_sound(struct.unpack("<f", wire.take(a, b))[0]))
        elif key == tag(8, 0) and len(numbers) < MAX_LIST:
            numbers.append(_sound(signed(a)))
        elif key == tag(8) and b <= MAX_LIST:
            numbers.extend(_sound(signed(each)) for each in varints(wire.take(a, b)))
    return name, numbers or value, tensor


def _constants(wire: Wire, graphs: list[_Span], wanted: set[bytes]) -> dict[bytes, object]:
    """Return the wanted initialisers and ``value`` tensors of Constant nodes."""
    found: dict[bytes, object] = {}
    for begin, end in graphs:
        for key, a, b in wire.fields(begin, end, {tag(1), tag(5)}):
            if key == tag(5):
                name, value = _tensor(wire, a, b)
                if name in wanted:
                    found[name] = value
            else:
                _held(wire, a, b, wanted, found)
    return found


def _held(wire: Wire, start: int, length: int, wanted: set[bytes], found: dict[bytes, object]) -> None:
    """Add what a Constant node holds, where it is wanted."""
    output = b""
    spans: list[_Span] = []
    constant = False
    for key, a, b in wire.fields(start, start + length, {tag(2), tag(4), tag(5)}):
        if key == tag(2):
            output = output or wire.take(a, min(b, MAX_TEXT))
        elif key == tag(4):
            constant = wire.take(a, min(b, 16)) == b"Constant"
        elif len(spans) < MAX_INPUTS:
            spans.append((a, b))
    if not constant or output not in wanted:
        return
    for a, b in spans:
        name, _, tensor = _attribute(wire, a, b)
        if name == b"value" and tensor is not None:
            found[output] = _tensor(wire, *tensor)[1]


def _tensor(wire: Wire, start: int, length: int) -> tuple[bytes, object]:
    """Return a tensor's name, and its number when it has one element, or its shape."""
    name, dtype = b"", 0
    shape: list[int] = []
    held: dict[int, _Span] = {}
    for key, a, b in wire.fields(start, start + length):
        if key == tag(1, 0):
            shape.append(signed(a))
        elif key == tag(1) and b <= 10 * MAX_LIST:
            shape.extend(map(signed, varints(wire.take(a, b))))
        elif key == tag(2, 0):
            dtype = a
        elif key == tag(8):
            name = wire.take(a, min(b, MAX_TEXT))
        elif key >> 3 in {4, 5, 7, 9, 10, 11}:
            held[key] = (a, b)
        if len(shape) > MAX_LIST:
            break
    if any(axis != 1 for axis in shape):
        return name, {"shape": shape[:MAX_LIST]}
    return name, _nested(_sound(_number(wire, dtype, held)), len(shape))


def _number(wire: Wire, dtype: int, held: dict[int, _Span]) -> float | None:
    """Return the one number of a tensor, or ``None`` when it is elsewhere or of a type without numbers."""
    try:
        for key, (a, b) in held.items():
            if key == tag(9):
                return _raw(wire.take(a, min(b, 8)), dtype)
            if key in {tag(4), tag(4, 5)}:
                return float(struct.unpack("<f", wire.take(a, 4))[0])
            if key in {tag(10), tag(10, 1)}:
                return float(struct.unpack("<d", wire.take(a, 8))[0])
            value = a if not key & 7 else varints(wire.take(a, min(b, 10)))[0]
            if dtype in {10, 16}:  # float16 and bfloat16 stand in int32_data by their bits
                return _raw(struct.pack("<H", value & 0xFFFF), dtype)
            return value if key >> 3 == 11 else signed(value)
    except (struct.error, IndexError):
        raise CorruptError("a tensor of one element holds none", code="protobuf-cut") from None
    return None


def _raw(data: bytes, dtype: int) -> float | None:
    if dtype == 16:  # bfloat16: the upper half of a float32
        return float(struct.unpack("<f", b"\0\0" + data)[0])
    if dtype not in _PACKED:
        return None
    value: float = struct.unpack("<" + _PACKED[dtype], data)[0]
    return value


def _sound(value: float | None) -> float | None:
    """Return a number that JSON can hold, else ``None``."""
    return value if value is not None and math.isfinite(value) and abs(value) <= SAFE_INTEGER else None


def _nested(value: object, depth: int) -> object:
    for _ in range(min(depth, 8)):
        value = [value]
    return value
