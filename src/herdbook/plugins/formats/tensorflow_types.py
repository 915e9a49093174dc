"""TensorFlow's types: element types by numpy's names, shapes, and what a node of a graph is.

Source: types.proto, tensor_shape.proto, attr_value.proto, node_def.proto of TensorFlow 2.21.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

DTYPES = {
    1: "float32", 2: "float64", 3: "int32", 4: "uint8", 5: "int16", 6: "int8", 7: "str", 8: "complex64", 9: "int64",
    10: "bool", 11: "qint8", 12: "quint8", 13: "qint32", 14: "bfloat16", 15: "qint16", 16: "quint16", 17: "uint16",
    18: "complex128", 19: "float16", 20: "resource", 21: "variant", 22: "uint32", 23: "uint64", 24: "float8_e5m2",
    25: "float8_e4m3fn", 26: "float8_e4m3fnuz", 27: "float8_e4m3b11fnuz", 28: "float8_e5m2fnuz", 29: "int4",
    30: "uint4", 31: "int2", 32: "uint2", 33: "float4_e2m1fn",
}  # fmt: skip
"""DataType → numpy's name, or that of ml_dtypes; quantised types, resources and variants by TensorFlow's."""

FLOATS = frozenset({1, 2, 11, 12, 13, 14, 15, 16, 19, 24, 25, 26, 27, 28, 33})
"""What ``parameters_float`` counts: types that TensorFlow calls floating or quantised."""

_TEXT = {"float32": "FLOAT", "float64": "DOUBLE", "str": "STRING", "float16": "HALF"}
ENUM = {f"DT_{_TEXT.get(name, name.upper())}": number for number, name in DTYPES.items()}
"""The names of DataType in text: DT_FLOAT → 1."""
_REF = 100

Shape: TypeAlias = "tuple[int | None, ...] | None"
"""The axes, ``None`` for one whose length is not known; ``None`` in place of the tuple: not even their number is."""


def base(dtype: int) -> int:
    """Return the type without the mark of a reference."""
    return dtype - _REF if dtype > _REF else dtype


def dtype_name(dtype: int | None) -> str | None:
    """Return numpy's name of a DataType, or ``None``."""
    return None if dtype is None else DTYPES.get(base(dtype))


def elements(shape: Shape) -> int:
    """Return the number of elements; axes that are not known count nothing."""
    count = 1
    for axis in shape or ():
        count *= axis or 0
    return count


@dataclass(frozen=True, slots=True)
class Tensor:
    """A constant: its type, its shape, and its numbers where they are whole and few."""

    dtype: int
    shape: Shape
    numbers: tuple[int, ...] | None = None


Attribute: TypeAlias = "tuple[str, Any]"
"""(kind, value): kinds are those of AttrValue: s, i, f, b, type, shape, tensor, list, func, placeholder."""


@dataclass(slots=True)
class Node:
    """A node of a graph."""

    name: str
    op: str
    inputs: tuple[str, ...]
    place: str
    attributes: dict[str, Attribute]

    def get(self, name: str, kind: str) -> Any:  # noqa: ANN401 - what the kind says
        """Return an attribute's value where it is of this kind, else ``None``."""
        found = self.attributes.get(name)
        return found[1] if found is not None and found[0] == kind else None

    def listed(self, name: str, kind: str) -> list[Any]:
        """Return the values of an attribute that is a list of this kind."""
        found = self.get(name, "list")
        return found.get(kind, []) if found is not None else []


@dataclass(slots=True)
class Function:
    """A function of the graph's library."""

    name: str
    operators: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class Graph:
    """A GraphDef."""

    nodes: list[Node] = field(default_factory=list)
    functions: list[Function] = field(default_factory=list)
    producer: int = 0
    min_consumer: int = 0

    def operators(self) -> Counter[str]:
        """Return how often each operator is used outside functions."""
        return Counter(node.op for node in self.nodes)


@cache
def _table() -> str:
    return Path(__file__).with_name("tensorflow_ops.txt").read_text(encoding="ascii")


@cache
def signature(op: str) -> tuple[str, ...] | None:
    """Return the types of an operator's outputs as the table writes them; ``None`` for one that is not TensorFlow's."""
    table = _table()
    start = table.find(f"\n{op} ")
    if start < 0:
        return () if f"\n{op}\n" in table else None
    start += len(op) + 2
    return tuple(table[start : table.index("\n", start)].split(","))


def output_types(node: Node) -> list[int | None] | None:
    """Return the DataType of each output, ``None`` where its attribute is missing; ``None``: nobody knows how many."""
    written = signature(node.op) if node.op.isidentifier() else None
    if written is None:
        return None
    found: list[int | None] = []
    for each in written:
        number, _, kind = each.rpartition("*")
        if kind.startswith("list:"):
            found += node.listed(kind[5:], "type")
            continue
        name, _, default = kind.partition(":")
        dtype = int(name[1:]) if name.startswith("=") else node.get(name, "type") or (int(default) if default else None)
        found += [dtype] * (min(node.get(number, "i") or 0, _MAX_OUTPUTS) if number else 1)
    return found[:_MAX_OUTPUTS]


_MAX_OUTPUTS = 1000
