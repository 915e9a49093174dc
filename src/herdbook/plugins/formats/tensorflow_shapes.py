"""Shapes of a graph's tensors, inferred as TensorFlow does it while it imports a graph; nothing is run.

Source: `ShapeRefiner` and the shape functions of TensorFlow 2.21 (common_shape_fns.h). What a rule does not know stays
unknown, so that a shape is either TensorFlow's or not there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from herdbook.plugins.formats.tensorflow_known import Known
from herdbook.plugins.formats.tensorflow_rules import RULES
from herdbook.plugins.formats.tensorflow_types import Shape, Tensor

if TYPE_CHECKING:
    from collections.abc import Iterable

    from herdbook.plugins.formats.tensorflow_types import Graph, Node

MAX_STEPS = 500_000
_EMPTY_MEANS_UNKNOWN = 24
_MAX_DEPTH = 40
_MAX_NUMBERS = 256
Numbers = list[int | None] | None


class Shapes:
    """Shapes of tensors, inferred when they are asked for.

    Args:
        graph: where the nodes are.
    """

    def __init__(self, graph: Graph) -> None:
        self._nodes = {node.name: node for node in reversed(graph.nodes)}
        self._producer = graph.producer
        self._known: dict[str, list[Shape]] = {}
        self._steps = 0

    def of(self, tensor: str) -> Shape:
        """Return the shape of `NODE` or `NODE:OUTPUT`; ``None`` where the number of axes is unknown."""
        name, index = _reference(tensor)
        self._infer(name)
        shapes = self._known.get(name, [])
        return shapes[index] if index < len(shapes) else None

    def placeholder(self, node: Node) -> Shape:
        """Return a placeholder's shape; an empty attribute means unknown in graphs of producers before 24."""
        shape: Shape = node.get("shape", "shape")
        return None if shape == () and node.op != "PlaceholderWithDefault" and self._old() else shape

    def _old(self) -> bool:
        return self._producer < _EMPTY_MEANS_UNKNOWN

    def _infer(self, name: str) -> None:
        """Infer a node after its inputs; a loop gives unknown shapes."""
        todo = [name]
        open_: set[str] = set()
        while todo:
            current = todo[-1]
            node = self._nodes.get(current)
            if current in self._known or node is None or self._steps > MAX_STEPS:
                todo.pop()
                continue
            self._steps += 1
            if current not in open_:
                open_.add(current)
                names = [_reference(each)[0] for each in _data(node)]
                if missing := [each for each in names if each not in self._known and each not in open_]:
                    todo += missing
                    continue
            todo.pop()
            self._known[current] = self._node(node)

    def _node(self, node: Node) -> list[Shape]:
        data = _data(node)
        inputs = [self._shape(each) for each in data]
        if node.op in {"Placeholder", "PlaceholderV2"}:
            found = [self.placeholder(node)]
        elif node.op == "ReadVariableOp":
            found = [self._variable(node)]
        elif (rule := RULES.get(node.op)) is None:
            found = []
        else:
            try:
                found = rule(Known(node, inputs, lambda index: self.numbers(data[index], 0)))
            except (IndexError, TypeError, ValueError, ZeroDivisionError, OverflowError):
                found = []  # the node does not fit its operator; TensorFlow would refuse the graph
        told = node.listed("_output_shapes", "shape")
        return _merged(found, told) if told else found

    def _shape(self, tensor: str) -> Shape:
        name, index = _reference(tensor)
        shapes = self._known.get(name, [])
        return shapes[index] if index < len(shapes) else None

    def _variable(self, node: Node) -> Shape:
        """Return the shape of the variable that is read, through nodes that pass its handle on."""
        for _ in range(_MAX_DEPTH):
            name = _reference(next(iter(_data(node)), ""))[0]
            if (found := self._nodes.get(name)) is None:
                return None
            node = found
            if node.op == "VarHandleOp":
                shape: Shape = node.get("shape", "shape")
                return shape
        return None

    def numbers(self, tensor: str, depth: int) -> Numbers:
        """Return the whole numbers of a tensor as far as they are known before running; ``None``: not even how many.

        TensorFlow follows constants and shapes through a few operators one number at a time, through others only
        where all numbers are known.
        """
        name, index = _reference(tensor)
        node = self._nodes.get(name)
        self._steps += 1
        if node is None or depth > _MAX_DEPTH or self._steps > MAX_STEPS:
            return None
        data = _data(node)
        shapes = [self._shape(each) for each in data]
        if node.op == "Const":
            constant = node.get("value", "tensor")
            return list(constant.numbers) if isinstance(constant, Tensor) and constant.numbers is not None else None
        if node.op == "Shape" and shapes[0] is not None:
            return list(shapes[0])
        if node.op == "Identity" and data:
            return self.numbers(data[0], depth + 1)
        if node.op == "Pack":
            parts = [self.numbers(each, depth + 1) for each in data]
            return [part[0] if part else None for part in parts]
        if node.op == "ConcatV2" and self._vectors(shapes[:-1]):
            joined: list[int | None] = []
            for each in data[:-1]:
                part = self.numbers(each, depth + 1) or self._unknown(each)
                if part is None or len(joined) + len(part) > _MAX_NUMBERS:
                    return None
                joined += part
            return joined
        if node.op in {"Cast", "StridedSlice", "Slice"} and index == 0:
            return self._sliced(node, data, depth)
        return self._whole(node, data, depth) or self._unknown(tensor)

    def _vectors(self, shapes: list[Shape]) -> bool:
        return all(shape is not None and len(shape) == 1 and shape[0] is not None for shape in shapes)

    def _unknown(self, tensor: str) -> Numbers:
        """Return numbers of which only the count is known, or ``None``."""
        shape = self._shape(tensor)
        count = 1 if shape == () else shape[0] if shape is not None and len(shape) == 1 else None
        return [None] * count if count is not None and count <= _MAX_NUMBERS else None

    def _sliced(self, node: Node, data: tuple[str, ...], depth: int) -> Numbers:
        values = self.numbers(data[0], depth + 1) if data else None
        if node.op == "Cast" or values is None:
            return values
        bounds = [self.numbers(each, depth + 1) for each in data[1:]]
        if len(bounds) != 3 or any(bound is None or len(bound) != 1 or bound[0] is None for bound in bounds):
            return None
        begin, end, step = (bound[0] for bound in bounds if bound)
        masks = {name: node.get(f"{name}_mask", "i") or 0 for name in ("begin", "end", "shrink_axis")}
        if not step or node.get("new_axis_mask", "i") or node.get("ellipsis_mask", "i"):
            return None
        if masks["shrink_axis"]:
            return values[begin : begin + 1 or None] if begin is not None else None
        return values[None if masks["begin"] & 1 else begin : None if masks["end"] & 1 else end : step]

    def _whole(self, node: Node, data: tuple[str, ...], depth: int) -> Numbers:
        """Return numbers of operators that TensorFlow evaluates only when all of their inputs are constant."""
        if node.op not in {"GatherV2", "Prod", "Mul", "Add", "AddV2", "Sub", "Neg"}:
            return None
        inputs = [self.numbers(each, depth + 1) for each in data[:2]]
        if not inputs or any(each is None or None in each for each in inputs):
            return None
        known = [[number for number in each or () if number is not None] for each in inputs]
        return _evaluate(node.op, known)


def _evaluate(op: str, known: list[list[int]]) -> Numbers:
    first, second = known[0], known[1] if len(known) > 1 else []
    if op == "GatherV2":
        return [first[i] if -len(first) <= i < len(first) else None for i in second]
    if op == "Prod":
        product = 1
        for number in first:
            product *= number
        return [product]
    if op == "Neg":
        return [-number for number in first]
    if len(first) != len(second):
        return None
    table = {"Mul": int.__mul__, "Sub": int.__sub__}
    return [table.get(op, int.__add__)(a, b) for a, b in zip(first, second, strict=True)]


def _data(node: Node) -> tuple[str, ...]:
    """Return the inputs that carry data; those that only order the nodes stand last."""
    inputs = node.inputs
    return inputs if not inputs or inputs[-1][:1] != "^" else tuple(each for each in inputs if each[:1] != "^")


def _reference(tensor: str) -> tuple[str, int]:
    if ":" not in tensor:
        return tensor, 0
    name, _, index = tensor.rpartition(":")
    return (name, int(index)) if name and index.isascii() and index.isdigit() and len(index) < 6 else (tensor, 0)


def _merged(found: list[Shape], told: Iterable[Shape]) -> list[Shape]:
    """Return what was inferred, completed by the attribute `_output_shapes` that some writers leave."""
    told = list(told)
    return [
        _merge(found[i] if i < len(found) else None, told[i] if i < len(told) else None)
        for i in range(max(len(found), len(told)))
    ]


def _merge(one: Shape, other: Shape) -> Shape:
    if one is None or other is None or len(one) != len(other):
        return other if one is None else one
    return tuple(b if a is None else a for a, b in zip(one, other, strict=True))
