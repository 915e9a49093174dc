"""The shape of TensorFlow's StridedSlice, with its five masks.

Source: `ValidateStridedSliceOp` (strided_slice_op.cc) of TensorFlow 2.21.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from herdbook.plugins.formats.tensorflow_types import Node, Shape


def strided(node: Node, shape: Shape, bounds: list[list[int] | None]) -> Shape:
    """Return the shape of a slice.

    Args:
        node: the StridedSlice, whose masks count.
        shape: of what is sliced.
        bounds: begin, end and strides, each ``None`` where it is not constant.
    """
    begin, end, strides = bounds
    if shape is None or strides is None:
        return None
    masks = {
        name: node.get(f"{name}_mask", "i") or 0 for name in ("begin", "end", "ellipsis", "new_axis", "shrink_axis")
    }
    kinds = [_kind(masks, i) for i in range(len(strides))]
    if "ellipsis" not in kinds:
        kinds.append("ellipsis")
    passed = len(shape) - sum(kind in {"slice", "shrink"} for kind in kinds)
    axes: list[int | None] = []
    at = 0
    for i, kind in enumerate(kinds):
        if kind == "ellipsis":
            axes += shape[at : at + passed]
            at += passed
        elif kind == "new":
            axes.append(1)
        else:
            if kind == "slice":
                axes.append(_length(shape[at], i, masks, begin, end, strides[i]))
            at += 1
    return tuple(axes) if passed >= 0 else None


def _kind(masks: dict[str, int], index: int) -> str:
    for mask, kind in (("ellipsis", "ellipsis"), ("new_axis", "new"), ("shrink_axis", "shrink")):
        if masks[mask] >> index & 1:
            return kind
    return "slice"


def _length(
    axis: int | None, index: int, masks: dict[str, int], begin: list[int] | None, end: list[int] | None, step: int
) -> int | None:
    """Return how many elements a slice of one axis has."""
    first = None if masks["begin"] >> index & 1 else begin[index] if begin is not None else "unknown"
    last = None if masks["end"] >> index & 1 else end[index] if end is not None else "unknown"
    if isinstance(first, str) or isinstance(last, str) or step == 0:
        return None
    return None if axis is None else len(range(axis)[first:last:step])
