"""What the rules of operators are given, and what several of them need."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from herdbook.plugins.formats.tensorflow_types import Node, Shape

Axis: TypeAlias = "int | None"


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a node: its inputs' shapes, and the numbers of an input where they are constant."""

    node: Node
    inputs: list[Shape]
    values: Callable[[int], list[int | None] | None]

    def numbers(self, index: int) -> list[int] | None:
        """Return an input's numbers where all are known."""
        found = self.values(index)
        return None if found is None or None in found else [each for each in found if each is not None]

    def integers(self, name: str) -> list[int]:
        """Return an attribute that lists whole numbers."""
        return self.node.listed(name, "i")

    @property
    def channel(self) -> int:
        """The position of the channels among the axes."""
        return 1 if str(self.node.get("data_format", "s") or "NHWC").startswith("NC") else -1


Rule: TypeAlias = Callable[[Known], list[Shape]]


def same_axis(a: Axis, b: Axis) -> Axis:
    """Return the length of two axes that are the same.

    Raises:
        ValueError: when they differ.
    """
    if a is not None and b is not None and a != b:
        raise ValueError
    return b if a is None else a


def with_axis(shape: tuple[Axis, ...], index: int, axis: Axis) -> tuple[Axis, ...]:
    """Return the shape with another length of one axis."""
    index %= len(shape)
    return (*shape[:index], axis, *shape[index + 1 :])


def _broadcast_axis(a: Axis, b: Axis) -> Axis:
    if a is None or b is None:
        known = b if a is None else a
        return known if known is not None and known != 1 else None
    if 1 in {a, b}:
        return b if a == 1 else a
    return same_axis(a, b)


def broadcast(a: Shape, b: Shape) -> Shape:
    """Return the shape of an operator that works on each pair of elements."""
    if a is None or b is None:
        return None
    size = max(len(a), len(b))
    first: list[Axis] = [*[1] * (size - len(a)), *a]
    second: list[Axis] = [*[1] * (size - len(b)), *b]
    return tuple(_broadcast_axis(x, y) for x, y in zip(first, second, strict=True))
