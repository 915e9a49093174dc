"""What operators on images do to shapes: windows that slide, normalisation, resizing.

Source: common_shape_fns.cc of TensorFlow 2.21.
"""

from __future__ import annotations

from herdbook.plugins.formats.tensorflow_known import Axis, Known, same_axis, with_axis
from herdbook.plugins.formats.tensorflow_types import Shape


def _window(axis: Axis, size: Axis, stride: int, padding: str) -> Axis:
    """Return how many windows fit along an axis."""
    if axis is None or (size is None and padding != "SAME"):
        return None
    covered = axis if padding == "SAME" else axis - (size or 1) + 1
    return max(0, -(-covered // stride))


def _windows(known: Known, sizes: list[Axis], shape: tuple[Axis, ...]) -> list[Axis]:
    """Return the axes of space after a convolution or a pooling whose windows have these sizes."""
    first = 2 if known.channel == 1 else 1
    padding = known.node.get("padding", "s") or "VALID"
    if padding not in {"SAME", "VALID"}:
        return [None] * len(sizes)
    strides = known.integers("strides")[first:]
    return [
        _window(axis, size, stride, padding)
        for axis, size, stride in zip(shape[first : first + len(sizes)], sizes, strides, strict=False)
    ]


def _spaced(known: Known, space: list[Axis], batch: Axis, channels: Axis) -> list[Shape]:
    return [(batch, channels, *space) if known.channel == 1 else (batch, *space, channels)]


def convolution(known: Known) -> list[Shape]:
    """Return the shape of a convolution, also of one for each channel."""
    shape, kernel = known.inputs[0], known.inputs[1]
    rank = len(known.integers("strides"))
    shape, kernel = shape or (None,) * rank, kernel or (None,) * rank
    first = 2 if known.channel == 1 else 1
    dilations = (known.integers("dilations") or [1] * rank)[first:]
    sizes = [None if size is None else (size - 1) * step + 1 for size, step in zip(kernel, dilations, strict=False)]
    channels = kernel[-1]
    if known.node.op == "DepthwiseConv2dNative":
        channels = None if kernel[2] is None or kernel[3] is None else kernel[2] * kernel[3]
    return _spaced(known, _windows(known, [*sizes[: rank - 2]], shape), shape[0], channels)


def pool(known: Known) -> list[Shape]:
    """Return the shape of a pooling."""
    sizes = known.integers("ksize")
    shape = known.inputs[0] or (None,) * len(sizes)
    first = 2 if known.channel == 1 else 1
    space: list[Axis] = [*sizes[first : first + len(sizes) - 2]]
    return _spaced(known, _windows(known, space, shape), shape[0], shape[known.channel])


def normalisation(known: Known) -> list[Shape]:
    """Return the shapes of a batch normalisation."""
    shape = known.inputs[0] or (None,) * 4
    channels = shape[known.channel]
    for each in known.inputs[1:5]:
        if each is not None and each != (0,):  # empty where it is trained
            channels = same_axis(channels, each[0])
    return [with_axis(shape, known.channel, channels), *[(channels,)] * 4, None]


def resized(known: Known) -> list[Shape]:
    """Return the shape of a resized image."""
    shape, size = known.inputs[0] or (None,) * 4, known.values(1) or [None, None]
    return [(shape[0], *size, shape[3])] if len(size) == 2 else []
