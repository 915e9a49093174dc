"""ONNX types: element types by numpy's names, what an input is, and the text of types that are not tensors.

Source: onnx.proto (ONNX 1.23), messages TensorProto, TypeProto, ValueInfoProto; protobuf's text format.
"""

from __future__ import annotations

from typing import Any

from herdbook.plugins.formats.protobuf import Message

DTYPES = {
    1: "float32", 2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 6: "int32", 7: "int64", 8: "str", 9: "bool",
    10: "float16", 11: "float64", 12: "uint32", 13: "uint64", 14: "complex64", 15: "complex128", 16: "bfloat16",
    17: "float8_e4m3fn", 18: "float8_e4m3fnuz", 19: "float8_e5m2", 20: "float8_e5m2fnuz", 21: "uint4", 22: "int4",
    23: "float4_e2m1fn", 24: "float8_e8m0fnu", 25: "uint2", 26: "int2", 27: "float6_e2m3fn", 28: "float6_e3m2fn",
}  # fmt: skip
"""TensorProto.DataType → numpy's name, or that of ml_dtypes."""

FLOATS = frozenset({1, 10, 11, 16})
"""What ``parameters_float`` counts: float32, float16, float64, bfloat16."""

_DIMENSION: Message = {1: ("dim_value", int), 2: ("dim_param", str), 3: ("denotation", str)}
_SHAPE: Message = {1: ("dim", [_DIMENSION])}
_TENSOR: Message = {1: ("elem_type", int), 2: ("shape", _SHAPE)}
_TYPE: Message = {
    1: ("tensor_type", _TENSOR),
    6: ("denotation", str),
    7: ("opaque_type", {1: ("domain", str), 2: ("name", str)}),
    8: ("sparse_tensor_type", _TENSOR),
}
_TYPE[4] = ("sequence_type", {1: ("elem_type", _TYPE)})
_TYPE[5] = ("map_type", {1: ("key_type", int), 2: ("value_type", _TYPE)})
_TYPE[9] = ("optional_type", {1: ("elem_type", _TYPE)})
_KINDS = [name for _, (name, _) in sorted(_TYPE.items()) if name != "denotation"]
VALUE_INFO: Message = {1: ("name", str), 2: ("type", _TYPE)}
OPSET: Message = {1: ("domain", str), 2: ("version", int)}
ENTRY: Message = {1: ("key", str), 2: ("value", str)}


def text(data: bytes) -> str:
    """Return bytes as text; what is not UTF-8 becomes U+FFFD."""
    return data.decode("utf-8", "replace")


def value(info: dict[str, Any]) -> dict[str, Any]:
    """Return a decoded ValueInfoProto as facts have it: name, dtype, shape where the file says them.

    Other types than tensors have ``onnx_type``, the type in protobuf's text format on one line.
    """
    found: dict[str, Any] = {"name": text(info.get("name", b""))}
    of = info.get("type", {})
    kind = next((name for name in reversed(of) if name in _KINDS), "")
    if kind == "tensor_type":
        tensor = of[kind]
        dtype = DTYPES.get(tensor.get("elem_type", 0))
        if dtype is not None:
            found["dtype"] = dtype
        if "shape" in tensor:
            found["shape"] = [_axis(each) for each in tensor["shape"].get("dim", ())]
    elif kind:
        lines: list[str] = []
        _write({name: item for name, item in of.items() if name == kind or name not in _KINDS}, _TYPE, 0, lines)
        found["onnx_type"] = " ".join(lines) + " "
    return found


def _axis(dimension: dict[str, Any]) -> int | str | None:
    """Return a number, a symbol, or ``None`` for an unknown axis; of both, the one set last."""
    for name in reversed(dimension):
        if name == "dim_value":
            return int(dimension[name])
        if name == "dim_param":
            return text(dimension[name]) or None
    return None


def _write(message: dict[str, Any], schema: Message, depth: int, lines: list[str]) -> None:
    """Append protobuf's text format, fields by number."""
    indent = "  " * depth
    dimension = schema is _DIMENSION
    for _, (name, holds) in sorted(schema.items()):
        if name not in message:
            continue
        item = message[name]
        if dimension and name in {"dim_value", "dim_param"} and next(_last(message)) != name:
            continue
        inner = holds[0] if isinstance(holds, list) else holds
        for each in item if isinstance(holds, list) else [item]:
            if isinstance(inner, dict):
                lines.append(f"{indent}{name} {{")
                _write(each, inner, depth + 1, lines)
                lines.append(f"{indent}}}")
            else:
                lines.append(f"{indent}{name}: {each if isinstance(each, int) else _quoted(each)}")


def _last(dimension: dict[str, Any]) -> Any:  # noqa: ANN401
    return (name for name in reversed(dimension) if name != "denotation")


def _quoted(data: bytes) -> str:
    """Return a string literal of protobuf's text format: UTF-8 as it is, octal escapes for control characters."""
    named = {"\t": "\\t", "\n": "\\n", "\r": "\\r", '"': '\\"', "'": "\\'", "\\": "\\\\"}
    return (
        '"' + "".join(named.get(c) or (c if c >= " " and c != "\x7f" else f"\\{ord(c):03o}") for c in text(data)) + '"'
    )
