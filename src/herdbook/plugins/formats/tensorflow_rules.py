"""What each operator does to shapes, for the operators of exported networks. Others give no shape.

Source: the shape functions registered with the operators in TensorFlow 2.21.
"""

from __future__ import annotations

from herdbook.plugins.formats import tensorflow_images as images
from herdbook.plugins.formats.tensorflow_known import Axis, Known, Rule, broadcast, same_axis, with_axis
from herdbook.plugins.formats.tensorflow_slices import strided
from herdbook.plugins.formats.tensorflow_types import Shape


def _same(known: Known) -> list[Shape]:
    return [known.inputs[0]]


def _attribute(known: Known) -> list[Shape]:
    shape: Shape = known.node.get("shape", "shape")
    return [shape]


def _constant(known: Known) -> list[Shape]:
    value = known.node.get("value", "tensor")
    return [None if value is None else value.shape]


def _scalar(_: Known) -> list[Shape]:
    return [()]


def _binary(known: Known) -> list[Shape]:
    return [broadcast(known.inputs[0], known.inputs[1])]


def _select(known: Known) -> list[Shape]:
    return [broadcast(known.inputs[0], broadcast(known.inputs[1], known.inputs[2]))]


def _top(known: Known) -> list[Shape]:
    shape, count = known.inputs[0], known.numbers(1)
    if not shape:
        return [None, None]
    return [(*shape[:-1], count[0] if count else None)] * 2


def _bias(known: Known) -> list[Shape]:
    shape, bias = known.inputs[0], known.inputs[1]
    if shape is None or bias is None or len(shape) < 2:
        return [shape]
    return [with_axis(shape, known.channel, same_axis(shape[known.channel], bias[0]))]


def _matmul(known: Known) -> list[Shape]:
    a, b = (shape if shape is not None else (None, None) for shape in known.inputs[:2])
    rows = a[1] if known.node.get("transpose_a", "b") else a[0]
    columns = b[0] if known.node.get("transpose_b", "b") else b[1]
    return [(rows, columns)]


def _batch_matmul(known: Known) -> list[Shape]:
    a, b = known.inputs[0], known.inputs[1]
    if a is None or b is None:
        return [None]
    ahead = broadcast(a[:-2], b[:-2])
    rows = a[-1] if known.node.get("adj_x", "b") else a[-2]
    columns = b[-2] if known.node.get("adj_y", "b") else b[-1]
    return [None if ahead is None else (*ahead, rows, columns)]


def _reshape(known: Known) -> list[Shape]:
    shape, wanted = known.inputs[0], known.values(1)
    if wanted is None:
        rank = known.inputs[1]
        count = rank[0] if rank else None
        return [None if count is None or count > 254 else (None,) * count]
    axes = [None if each is None or each < 0 else each for each in wanted]
    if shape is None or axes.count(None) != 1:
        return [tuple(axes)]
    whole, product = 1, 1
    for axis in shape:
        whole *= -1 if axis is None else axis
    for axis in axes:
        product *= 1 if axis is None else axis
    if None in shape or product == 0 or whole % product:
        return [tuple(axes)]
    return [tuple(whole // product if axis is None else axis for axis in axes)]


def _expand(known: Known) -> list[Shape]:
    shape, at = known.inputs[0], known.numbers(1)
    if shape is None:
        return [None]
    if at is None:
        return [(None,) * (len(shape) + 1)]
    index = at[0] % (len(shape) + 1)
    return [(*shape[:index], 1, *shape[index:])]


def _squeeze(known: Known) -> list[Shape]:
    shape = known.inputs[0]
    dims = known.integers("squeeze_dims") or known.integers("axis")
    if shape is None or (not dims and None in shape):
        return [None]
    gone = {axis % len(shape) for axis in dims} or {i for i, axis in enumerate(shape) if axis == 1}
    return [tuple(axis for i, axis in enumerate(shape) if i not in gone)]


def _transpose(known: Known) -> list[Shape]:
    shape, order = known.inputs[0], known.numbers(1)
    if shape is None:
        return [None if order is None else (None,) * len(order)]
    return [(None,) * len(shape) if order is None else tuple(shape[axis] for axis in order)]


def _concatenate(known: Known) -> list[Shape]:
    parts, at = known.inputs[:-1], known.numbers(len(known.inputs) - 1)
    ranks = {len(part) for part in parts if part is not None}
    if not ranks:
        return [None]
    rank = ranks.pop()
    if at is None:
        return [(None,) * rank]
    index = at[0] % rank
    axes: list[Axis] = [None] * rank
    total: Axis = 0
    for part in (part or (None,) * rank for part in parts):
        axes = [None if i == index else same_axis(a, b) for i, (a, b) in enumerate(zip(axes, part, strict=True))]
        total = None if total is None or part[index] is None else total + (part[index] or 0)
    return [with_axis(tuple(axes), index, total)]


def _pack(known: Known) -> list[Shape]:
    shape = known.inputs[0]
    for each in known.inputs[1:]:
        if shape is None or each is None:
            shape = each if shape is None else shape
        else:
            shape = tuple(same_axis(a, b) for a, b in zip(shape, each, strict=True))
    if shape is None:
        return [None]
    index = (known.node.get("axis", "i") or 0) % (len(shape) + 1)
    return [(*shape[:index], len(known.inputs), *shape[index:])]


def _shape(known: Known) -> list[Shape]:
    shape = known.inputs[0]
    return [(None if shape is None else len(shape),)]


def _gather(known: Known) -> list[Shape]:
    shape, indices, at = known.inputs[0], known.inputs[1], known.numbers(2)
    batch = known.node.get("batch_dims", "i") or 0
    if shape is None or indices is None:
        return [None]
    if at is None:
        return [(None,) * (len(shape) + len(indices) - 1 - batch)]
    index = at[0] % len(shape)
    return [(*shape[:index], *indices[batch:], *shape[index + 1 :])]


def _reduce(known: Known) -> list[Shape]:
    shape, at = known.inputs[0], known.numbers(1)
    keep = known.node.get("keep_dims", "b")
    if shape is None:
        return [None]
    if at is None:
        return [(None,) * len(shape) if keep else None]
    gone = {axis % len(shape) for axis in at} if shape else set()
    axes = [1 if i in gone else axis for i, axis in enumerate(shape)]
    return [tuple(axis for i, axis in enumerate(axes) if keep or i not in gone)]


def _without_axis(known: Known) -> list[Shape]:
    shape, at = known.inputs[0], known.numbers(1)
    if shape is None or at is None:
        return [None if shape is None else (None,) * (len(shape) - 1)]
    index = at[0] % len(shape)
    return [(*shape[:index], *shape[index + 1 :])]


def _filled(known: Known) -> list[Shape]:
    wanted = known.values(0)
    return [None if wanted is None else tuple(None if each is None or each < 0 else each for each in wanted)]


def _padded(known: Known) -> list[Shape]:
    shape, pads = known.inputs[0], known.numbers(1)
    if shape is None or pads is None:
        return [None if shape is None else (None,) * len(shape)]
    pairs = zip(shape, pads[::2], pads[1::2], strict=True)
    return [tuple(None if axis is None else axis + before + after for axis, before, after in pairs)]


def _split(known: Known) -> list[Shape]:
    count = min(known.node.get("num_split", "i") or 0, 1000)
    at, shape = known.numbers(0), known.inputs[1]
    if shape is None or at is None:
        return [None if shape is None else (None,) * len(shape)] * count
    axis = shape[at[0]]
    return [with_axis(shape, at[0], None if axis is None else axis // count)] * count


def _both(known: Known) -> list[Shape]:
    return [known.inputs[0], known.inputs[0]]


def _merge(known: Known) -> list[Shape]:
    shapes = known.inputs
    same = None if None in shapes or len({len(each or ()) for each in shapes}) != 1 else shapes
    if same is None:
        return [None, ()]
    axes = zip(*(each or () for each in same), strict=True)
    return [tuple(axis[0] if len(set(axis)) == 1 else None for axis in axes), ()]


def _examples(known: Known) -> list[Shape]:
    serialised = known.inputs[0]
    batch = serialised[0] if serialised else None
    sparse, dense = known.node.get("Nsparse", "i") or 0, known.node.listed("dense_shapes", "shape")
    if not 0 <= sparse <= 1000:
        return []
    rows: list[Shape] = [*[(None, 2)] * sparse, *[(None,)] * sparse, *[(2,)] * sparse]
    return [*rows, *(None if each is None else (batch, *each) for each in dense)]


def _strided(known: Known) -> list[Shape]:
    return [strided(known.node, known.inputs[0], [known.numbers(index) for index in (1, 2, 3)])]


def _table(*rows: tuple[Rule, str]) -> dict[str, Rule]:
    return {op: rule for rule, names in rows for op in names.split()}


_SAME = (
    "Identity Relu Relu6 Elu Selu LeakyRelu Sigmoid Tanh Softmax LogSoftmax Softplus Softsign Neg Rsqrt Sqrt Square"
    " Exp Expm1 Log Log1p Abs Cast StopGradient Sign Floor Ceil Round Rint Snapshot ZerosLike OnesLike LogicalNot"
    " IsNan IsInf IsFinite Reciprocal Inv Erf Erfc Sin Cos Tan Atan Asin Acos Sinh Cosh Asinh Acosh Atanh"
    " PreventGradient CheckNumerics ClipByValue Invert Cumsum Cumprod ReverseV2 FakeQuantWithMinMaxArgs"
    " FakeQuantWithMinMaxVars QuantizeAndDequantizeV2 QuantizeAndDequantizeV3"
)
_PAIRS = (
    "Add AddV2 Sub Mul MulNoNan RealDiv Div DivNoNan FloorDiv FloorMod Mod TruncateDiv TruncateMod Maximum Minimum"
    " Pow SquaredDifference Greater GreaterEqual Less LessEqual LogicalAnd LogicalOr Atan2 Xlogy Xdivy"
    " BitwiseAnd BitwiseOr BitwiseXor"
)
RULES: dict[str, Rule] = _table(
    (_same, _SAME),
    (_binary, _PAIRS),
    (_attribute, "PlaceholderWithDefault VariableV2 Variable ImmutableConst"),
    (_scalar, "VarHandleOp Size Rank"),
    (_constant, "Const"),
    (_select, "SelectV2"),
    (_top, "TopKV2"),
    (images.resized, "ResizeBilinear ResizeNearestNeighbor ResizeBicubic ResizeArea"),
    (_bias, "BiasAdd BiasAddV1"),
    (_matmul, "MatMul"),
    (_batch_matmul, "BatchMatMul BatchMatMulV2 BatchMatMulV3"),
    (images.convolution, "Conv2D DepthwiseConv2dNative Conv3D"),
    (images.pool, "MaxPool AvgPool MaxPool3D AvgPool3D"),
    (images.normalisation, "FusedBatchNorm FusedBatchNormV2 FusedBatchNormV3"),
    (_reshape, "Reshape"),
    (_expand, "ExpandDims"),
    (_squeeze, "Squeeze"),
    (_transpose, "Transpose"),
    (_concatenate, "ConcatV2"),
    (_pack, "Pack"),
    (_shape, "Shape"),
    (_gather, "GatherV2"),
    (_reduce, "Sum Mean Prod Max Min Any All"),
    (_without_axis, "ArgMax ArgMin"),
    (_filled, "Fill RandomUniform RandomStandardNormal TruncatedNormal"),
    (_padded, "Pad PadV2 MirrorPad"),
    (_split, "Split"),
    (_strided, "StridedSlice"),
    (_both, "Switch RefSwitch"),
    (_merge, "Merge RefMerge"),
    (_examples, "ParseExample"),
)
