"""What Keras's layers do to shapes, and how many weights they have, as their `build` makes them.

Source: the layers of tf_keras 2.21 and Keras 3.15, and of QKeras, which have the same weights. A class that is not
here has no shape and no number of weights.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import Any, TypeAlias

Shape: TypeAlias = "tuple[int | None, ...] | None"
Axis: TypeAlias = "int | None"


class Unknown(Exception):  # noqa: N818 - it is no error
    """What a layer does cannot be told from its configuration and the shapes that go in."""


@dataclass(frozen=True)
class Done:
    """What a layer makes: the shapes that come out, and its weights."""

    shapes: list[Shape]
    trained: int | None = 0
    kept: int | None = 0


Config: TypeAlias = "dict[str, Any]"
Rule: TypeAlias = Callable[[Config, list[Shape]], Done]


def known(axis: Axis) -> int:
    """Return the length of an axis on which weights depend.

    Raises:
        Unknown: when it is open.
    """
    if axis is None:
        raise Unknown
    return axis


def rank(shapes: list[Shape], least: int = 1) -> tuple[Axis, ...]:
    """Return the first shape.

    Raises:
        Unknown: when the number of its axes is unknown, or too small.
    """
    if not shapes or shapes[0] is None or len(shapes[0]) < least:
        raise Unknown
    return shapes[0]


def _same(_: Config, shapes: list[Shape]) -> Done:
    return Done(shapes[:1] or [None])


def _dense(config: Config, shapes: list[Shape]) -> Done:
    shape, units = rank(shapes), int(config["units"])
    return Done([(*shape[:-1], units)], (known(shape[-1]) + bool(config.get("use_bias", True))) * units)


def _first(config: Config) -> bool:
    return config.get("data_format") == "channels_first"


def _sizes(value: object, count: int) -> list[int]:
    """Return a size for each axis of space: of a list, its items; of a number, the number again and again."""
    found = [int(each) for each in value] if isinstance(value, list) else [int(value)] * count  # type: ignore[call-overload] # JSON
    if len(found) != count:
        raise Unknown
    return found


def _space(config: Config, shape: tuple[Axis, ...]) -> tuple[list[Axis], Axis]:
    return (list(shape[2:]), shape[1]) if _first(config) else (list(shape[1:-1]), shape[-1])


def _joined(config: Config, shape: tuple[Axis, ...], space: list[Axis], channels: Axis) -> Shape:
    return (shape[0], channels, *space) if _first(config) else (shape[0], *space, channels)


def _slid(axis: Axis, size: int, stride: int, padding: str, step: int = 1) -> Axis:
    """Return how many positions a window has along an axis."""
    if axis is None:
        return None
    covered = axis if padding in {"same", "causal"} else axis - (size - 1) * step
    return max(0, -(-covered // stride))


def _padding(config: Config) -> str:
    return str(config.get("padding", config.get("border_mode", "valid"))).lower()


def _windows(config: Config, space: list[Axis], sizes: list[int]) -> list[Axis]:
    strides = _sizes(config.get("strides") or 1, len(space))
    steps = _sizes(config.get("dilation_rate") or 1, len(space))
    rows = zip(space, sizes, strides, steps, strict=True)
    return [_slid(axis, size, stride, _padding(config), step) for axis, size, stride, step in rows]


def _convolution(config: Config, shapes: list[Shape]) -> Done:
    shape, filters = rank(shapes, 3), int(config["filters"])
    space, channels = _space(config, shape)
    sizes = _sizes(config["kernel_size"], len(space))
    weights = prod(sizes) * (known(channels) // int(config.get("groups") or 1)) * filters
    weights += filters * bool(config.get("use_bias", True))
    return Done([_joined(config, shape, _windows(config, space, sizes), filters)], weights)


def _transposed(config: Config, shapes: list[Shape]) -> Done:
    shape, filters = rank(shapes, 3), int(config["filters"])
    space, channels = _space(config, shape)
    sizes = _sizes(config["kernel_size"], len(space))
    strides = _sizes(config.get("strides") or 1, len(space))
    if config.get("output_padding") is not None or set(_sizes(config.get("dilation_rate") or 1, len(space))) != {1}:
        raise Unknown
    more = [0 if _padding(config) == "same" else max(size - step, 0) for size, step in zip(sizes, strides, strict=True)]
    wide = [None if a is None else a * step + plus for a, step, plus in zip(space, strides, more, strict=True)]
    weights = prod(sizes) * known(channels) * filters + filters * bool(config.get("use_bias", True))
    return Done([_joined(config, shape, wide, filters)], weights)


def _depthwise(config: Config, shapes: list[Shape]) -> Done:
    shape = rank(shapes, 3)
    space, channels = _space(config, shape)
    sizes = _sizes(config["kernel_size"], len(space))
    made = known(channels) * int(config.get("depth_multiplier") or 1)
    weights = prod(sizes) * made + made * bool(config.get("use_bias", True))
    return Done([_joined(config, shape, _windows(config, space, sizes), made)], weights)


def _separable(config: Config, shapes: list[Shape]) -> Done:
    deep = _depthwise({**config, "use_bias": False}, shapes)
    filters = int(config["filters"])
    made = known(_space(config, rank(deep.shapes))[1])
    weights = (deep.trained or 0) + made * filters + filters * bool(config.get("use_bias", True))
    space, _ = _space(config, rank(deep.shapes))
    return Done([_joined(config, rank(shapes), space, filters)], weights)


def _pooling(config: Config, shapes: list[Shape]) -> Done:
    shape = rank(shapes, 3)
    space, channels = _space(config, shape)
    sizes = _sizes(config.get("pool_size", 2), len(space))
    told = {**config, "strides": config.get("strides") or config.get("pool_size", 2), "dilation_rate": 1}
    return Done([_joined(config, shape, _windows(told, space, sizes), channels)])


def _global(config: Config, shapes: list[Shape]) -> Done:
    shape = rank(shapes, 3)
    space, channels = _space(config, shape)
    if config.get("keepdims"):
        return Done([_joined(config, shape, [1] * len(space), channels)])
    return Done([(shape[0], channels)])


def _flatten(_: Config, shapes: list[Shape]) -> Done:
    shape = rank(shapes)
    return Done([(shape[0], None if None in shape[1:] else prod(axis or 0 for axis in shape[1:]))])


def _reshape(config: Config, shapes: list[Shape]) -> Done:
    shape = rank(shapes)
    wanted: list[Axis] = [int(axis) for axis in config["target_shape"]]
    if -1 in wanted:
        at = wanted.index(-1)
        rest = prod(axis or 0 for i, axis in enumerate(wanted) if i != at)
        whole = None if None in shape[1:] else prod(axis or 0 for axis in shape[1:])
        wanted[at] = None if whole is None or not rest else whole // rest
    return Done([(shape[0], *wanted)])


def _permute(config: Config, shapes: list[Shape]) -> Done:
    shape = rank(shapes)
    return Done([(shape[0], *(shape[int(axis)] for axis in config["dims"]))])


def _repeat(config: Config, shapes: list[Shape]) -> Done:
    shape = rank(shapes, 2)
    return Done([(shape[0], int(config["n"]), shape[1])])


def _embedding(config: Config, shapes: list[Shape]) -> Done:
    size = int(config["output_dim"])
    return Done([(*rank(shapes), size)], int(config["input_dim"]) * size)


def _axes(config: Config, shape: tuple[Axis, ...]) -> int:
    told = config.get("axis", -1)
    return prod(known(shape[int(axis)]) for axis in (told if isinstance(told, list) else [told]))


def _batch_normalisation(config: Config, shapes: list[Shape]) -> Done:
    size = _axes(config, rank(shapes))
    parts = sum(bool(config.get(name, True)) for name in ("scale", "center"))
    return Done(shapes[:1], parts * size, 2 * size)


def _layer_normalisation(config: Config, shapes: list[Shape]) -> Done:
    parts = sum(bool(config.get(name, True)) for name in ("scale", "center"))
    return Done(shapes[:1], parts * _axes(config, rank(shapes)))


def _prelu(config: Config, shapes: list[Shape]) -> Done:
    shape, shared = rank(shapes), config.get("shared_axes") or []
    return Done([shape], prod(1 if axis in shared else known(shape[axis]) for axis in range(1, len(shape))))


def _merge(_: Config, shapes: list[Shape]) -> Done:
    shape = rank(shapes)
    for other in shapes[1:]:
        if other is None or len(other) != len(shape):
            raise Unknown
        shape = tuple(b if a == 1 else a if b in {1, a} else None for a, b in zip(shape, other, strict=True))
    return Done([shape])


def _concatenate(config: Config, shapes: list[Shape]) -> Done:
    shape = rank(shapes)
    at = int(config.get("axis", -1))
    at %= len(shape)
    total: Axis = 0
    for other in shapes:
        if other is None or len(other) != len(shape):
            raise Unknown
        total = None if total is None or other[at] is None else total + (other[at] or 0)
        shape = tuple(b if a is None else a for a, b in zip(shape, other, strict=True))
    return Done([(*shape[:at], total, *shape[at + 1 :])])


def _recurrent(gates: int) -> Rule:
    def rule(config: Config, shapes: list[Shape]) -> Done:
        shape, units = rank(shapes, 3), int(config["units"])
        bias = units * bool(config.get("use_bias", True))
        if gates == 3 and config.get("reset_after"):  # absent before Keras 2.1.3, which had one bias
            bias *= 2
        weights = gates * (units * (known(shape[-1]) + units) + bias)
        made: Shape = (*shape[:2], units) if config.get("return_sequences") else (shape[0], units)
        states: list[Shape] = [(shape[0], units)] * (2 if gates == 4 else 1) if config.get("return_state") else []
        return Done([made, *states], weights)

    return rule


def _padded(sign: int, name: str) -> Rule:
    def rule(config: Config, shapes: list[Shape]) -> Done:
        shape = rank(shapes, 3)
        space, channels = _space(config, shape)
        told = config[name]
        if not isinstance(told, list) or (len(space) == 1 and not isinstance(told[0], list)):
            told = [told] * len(space) if not isinstance(told, list) else [told]
        pairs = [_sizes(each, 2) for each in told]
        wide = [None if a is None else a + sign * sum(pair) for a, pair in zip(space, pairs, strict=True)]
        return Done([_joined(config, shape, wide, channels)])

    return rule


def _upsampled(config: Config, shapes: list[Shape]) -> Done:
    shape = rank(shapes, 3)
    space, channels = _space(config, shape)
    sizes = _sizes(config.get("size", 2), len(space))
    wide = [None if axis is None else axis * size for axis, size in zip(space, sizes, strict=True)]
    return Done([_joined(config, shape, wide, channels)])


def _attention(config: Config, shapes: list[Shape]) -> Done:
    """Return what multi-head attention makes of query, value and, where it is another tensor, key."""
    query = rank(shapes, 3)
    value = shapes[1] if len(shapes) > 1 else query
    key = shapes[2] if len(shapes) > 2 else value
    axes, told = config.get("attention_axes"), config.get("output_shape") or config.get("use_gate")
    if value is None or key is None or told or (axes is not None and axes != [1]):
        raise Unknown
    heads, size = int(config["num_heads"]), int(config["key_dim"])
    deep = int(config.get("value_dim") or size)
    bias = bool(config.get("use_bias", True))
    made = known(query[-1])
    weights = heads * size * (made + bias) + heads * size * (known(key[-1]) + bias)
    weights += heads * deep * (known(value[-1]) + bias) + made * (heads * deep + bias)
    return Done([query], weights)


def _table(*rows: tuple[Rule, str]) -> dict[str, Rule]:
    return {name: rule for rule, names in rows for name in names.split()}


_UNCHANGED = (
    "Activation Dropout SpatialDropout1D SpatialDropout2D SpatialDropout3D GaussianNoise GaussianDropout AlphaDropout"
    " ActivityRegularization Masking ReLU LeakyReLU ELU Softmax ThresholdedReLU Rescaling UnitNormalization Identity"
    " QActivation QAdaptiveActivation"
)
RULES: dict[str, Rule] = _table(
    (_same, _UNCHANGED),
    (_dense, "Dense QDense"),
    (_convolution, "Conv1D Conv2D Conv3D Convolution1D Convolution2D QConv1D QConv2D"),
    (_transposed, "Conv1DTranspose Conv2DTranspose Conv3DTranspose QConv2DTranspose"),
    (_depthwise, "DepthwiseConv1D DepthwiseConv2D QDepthwiseConv2D"),
    (_separable, "SeparableConv1D SeparableConv2D QSeparableConv1D QSeparableConv2D"),
    (_pooling, "MaxPooling1D MaxPooling2D MaxPooling3D AveragePooling1D AveragePooling2D AveragePooling3D"),
    (_pooling, "QAveragePooling2D"),
    (_global, "GlobalAveragePooling1D GlobalAveragePooling2D GlobalAveragePooling3D QGlobalAveragePooling2D"),
    (_global, "GlobalMaxPooling1D GlobalMaxPooling2D GlobalMaxPooling3D"),
    (_flatten, "Flatten"),
    (_reshape, "Reshape"),
    (_permute, "Permute"),
    (_repeat, "RepeatVector"),
    (_embedding, "Embedding"),
    (_batch_normalisation, "BatchNormalization BatchNormalizationV1 QBatchNormalization"),
    (_layer_normalisation, "LayerNormalization"),
    (_prelu, "PReLU"),
    (_merge, "Add Subtract Multiply Average Maximum Minimum"),
    (_concatenate, "Concatenate"),
    (_recurrent(1), "SimpleRNN QSimpleRNN"),
    (_recurrent(3), "GRU QGRU"),
    (_recurrent(4), "LSTM QLSTM"),
    (_padded(1, "padding"), "ZeroPadding1D ZeroPadding2D ZeroPadding3D"),
    (_padded(-1, "cropping"), "Cropping1D Cropping2D Cropping3D"),
    (_upsampled, "UpSampling1D UpSampling2D UpSampling3D"),
    (_attention, "MultiHeadAttention"),
)
