"""Tensors in the nodes of a PyTorch pickle: names, shapes, dtypes, storages, quantisation. No byte of a weight is read.

After `torch/_utils.py` (what `_rebuild_tensor_v2` and its sisters take) and `torch/serialization.py` (persistent ids).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import prod
from typing import TYPE_CHECKING, Any

from herdbook.model.facts import Finding, Severity
from herdbook.plugins.formats.pickle_nodes import Call, Global, Node, Persistent, get, is_mapping, label, pairs, state

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MAX_TENSORS = 10_000
MAX_VISITS = 200_000
MAX_DEPTH = 60
_MAX_NAME = 1000
_STORAGES = {
    "Double": "float64",
    "Float": "float32",
    "Half": "float16",
    "BFloat16": "bfloat16",
    "Bool": "bool",
    "Long": "int64",
    "Int": "int32",
    "Short": "int16",
    "Char": "int8",
    "Byte": "uint8",
    "Untyped": "uint8",
    "ComplexDouble": "complex128",
    "ComplexFloat": "complex64",
    "QInt8": "qint8",
    "QUInt8": "quint8",
    "QInt32": "qint32",
    "QUInt4x2": "quint4x2",
    "QUInt2x4": "quint2x4",
}
_NAMES = {"float": "float32", "double": "float64", "half": "float16", "long": "int64", "int": "int32", "short": "int16"}
_SIZES = {
    **dict.fromkeys(("float64", "int64", "uint64", "complex64"), 8),
    **dict.fromkeys(("float32", "int32", "uint32", "qint32", "complex32"), 4),
    **dict.fromkeys(("float16", "bfloat16", "int16", "uint16"), 2),
    **dict.fromkeys(("int8", "uint8", "bool", "qint8", "quint8", "float8_e4m3fn", "float8_e5m2"), 1),
    "complex128": 16,
}
BATCH_NORM = ("running_mean", "running_var", "num_batches_tracked")


@dataclass(frozen=True, slots=True)
class Tensor:
    """What a pickle says of a tensor. ``storage``: its key; ``length``: elements of the whole storage."""

    dtype: str | None
    shape: tuple[int, ...]
    storage: str | None = None
    length: int | None = None
    offset: int = 0
    strides: tuple[int, ...] = ()
    quantisation: dict[str, Any] | None = None
    parameter: bool = False

    @property
    def elements(self) -> int:
        """Return how many numbers it has."""
        return prod(self.shape)

    @property
    def last(self) -> int:
        """Return the index after the last element that it takes from its storage."""
        if not self.elements:
            return self.offset
        steps = zip(self.shape, self.strides, strict=False)
        return self.offset + 1 + sum((size - 1) * stride for size, stride in steps)

    def said(self, name: str) -> dict[str, Any]:
        """Return it as facts have it."""
        found: dict[str, Any] = {"name": name[:_MAX_NAME], "shape": list(self.shape)}
        if self.dtype:
            found["dtype"] = self.dtype
        if self.quantisation:
            found["quantisation"] = self.quantisation
        return found


def tensor(node: Node, depth: int = 0) -> Tensor | None:
    """Return the tensor that a call would rebuild; None when it is none, or one that is not understood."""
    if not isinstance(node, Call) or not isinstance(node.function, Global) or depth > 4:
        return None
    args = node.args if isinstance(node.args, tuple) else ()
    read = _REBUILD.get(node.function.name.rpartition(".")[2])
    try:
        return read(args, depth) if read is not None else None
    except (IndexError, TypeError, ValueError):  # arguments that such a call does not take
        return None


def size_of(dtype: str | None) -> int | None:
    """Return the bytes of an element."""
    return _SIZES.get(dtype or "")


def dtype_of(node: Node) -> str | None:
    """Return the numpy name of a `torch.float32` or of the class of a storage."""
    if not isinstance(node, Global):
        return None
    if node.name.endswith("Storage"):
        return _STORAGES.get(node.name.removesuffix("Storage"))
    return _NAMES.get(node.name, node.name) if node.module == "torch" else None


def _plain(args: tuple[Node, ...], _: int, dtype: str | None = None) -> Tensor | None:
    """Read `_rebuild_tensor*` (storage, offset, size, stride, …); the third version has the dtype after all else."""
    storage, offset, shape, strides = args[0], _count(args[1]), _shape(args[2]), _shape(args[3])
    key = length = None
    if isinstance(storage, Persistent):
        named = storage.id
        if isinstance(named, tuple) and len(named) >= 5 and named[0] == "storage":
            key, length = label(named[2])[:100], named[4] if isinstance(named[4], int) else None
            dtype, length = _bytes(dtype, length, dtype_of(named[1]))
        elif isinstance(named, tuple | str | int):
            key = label(named)[:100] if not isinstance(named, tuple) else None
    return Tensor(dtype, shape, key, length, offset, strides)


def _bytes(dtype: str | None, length: int | None, stored: str | None) -> tuple[str | None, int | None]:
    """Return dtype and elements: an untyped storage counts bytes."""
    if dtype is None or length is None:
        return dtype or stored, length
    size = _SIZES.get(dtype)
    return dtype, length // size if size else None


def _third(args: tuple[Node, ...], depth: int) -> Tensor | None:
    return _plain(args, depth, dtype_of(args[6]))


def _quantised(args: tuple[Node, ...], depth: int) -> Tensor | None:
    found = _plain(args, depth)
    if found is None:
        return None
    scheme = args[4]
    said: dict[str, Any] = {"scheme": scheme[0].name if isinstance(scheme[0], Global) else None}
    for name, value in zip(("scale", "zero_point"), scheme[1:3], strict=False):
        if isinstance(value, int | float):
            said[name] = value
        elif (inner := tensor(value, depth + 1)) is not None:
            said[f"{name}_shape"] = list(inner.shape)
    if len(scheme) > 3 and isinstance(scheme[3], int):
        said["axis"] = scheme[3]
    kept = (found.dtype, found.shape, found.storage, found.length, found.offset, found.strides)
    return Tensor(*kept, quantisation=said)


def _parameter(args: tuple[Node, ...], depth: int) -> Tensor | None:
    inner = tensor(args[0], depth + 1)
    if inner is None:
        return None
    return Tensor(
        *(inner.dtype, inner.shape, inner.storage, inner.length, inner.offset, inner.strides, inner.quantisation), True
    )


def _sparse(args: tuple[Node, ...], depth: int) -> Tensor | None:
    data = args[1]
    values = tensor(data[2] if len(data) > 4 else data[1], depth + 1)
    return Tensor(values.dtype if values else None, _shape(data[-2]))


def _meta(args: tuple[Node, ...], _: int) -> Tensor | None:
    return Tensor(dtype_of(args[0]), _shape(args[1]))


def _wrapped(args: tuple[Node, ...], _: int) -> Tensor | None:
    return Tensor(dtype_of(args[1]), _shape(args[2]))


def _subclass(args: tuple[Node, ...], depth: int) -> Tensor | None:
    return tensor(Call(args[0], args[2]), depth + 1)


def _shape(node: Node) -> tuple[int, ...]:
    if isinstance(node, Call) and isinstance(node.function, Global) and node.function.name == "Size":
        node = node.args[0]
    if not isinstance(node, tuple | list) or len(node) > 100:
        raise TypeError
    found = tuple(_count(each) for each in node)
    if prod(found) >= 1 << 53:
        raise ValueError
    return found


def _count(node: Node) -> int:
    if not isinstance(node, int) or not 0 <= node < 1 << 53:
        raise TypeError
    return node


_REBUILD: dict[str, Callable[[tuple[Node, ...], int], Tensor | None]] = {
    **dict.fromkeys(("_rebuild_tensor", "_rebuild_tensor_v2"), _plain),
    "_rebuild_tensor_v3": _third,
    "_rebuild_qtensor": _quantised,
    **dict.fromkeys(("_rebuild_parameter", "_rebuild_parameter_with_state", "Parameter"), _parameter),
    "_rebuild_sparse_tensor": _sparse,
    "_rebuild_meta_tensor_no_storage": _meta,
    "_rebuild_wrapper_subclass": _wrapped,
    "_rebuild_from_type_v2": _subclass,
}


@dataclass
class Tensors:
    """Tensors by name, in the order of the pickle; the same one may have several names."""

    named: list[tuple[str, Tensor]] = field(default_factory=list)
    strange: int = 0
    cut: bool = False


def collect(root: Node, *, modules: bool = True) -> Tensors:
    """Return all tensors below a node, called by keys and indices joined with dots.

    Args:
        root: where to begin.
        modules: whether to go into objects of `torch.nn.Module`, whose parameters then have the names of a state dict.
    """
    found = Tensors()
    visits = 0
    waiting: list[tuple[str, Node, int]] = [("", root, 0)]
    while waiting:
        name, node, depth = waiting.pop()
        visits += 1
        if len(found.named) >= MAX_TENSORS or visits > MAX_VISITS or depth > MAX_DEPTH:
            found.cut = True
            if depth <= MAX_DEPTH:
                break
            continue
        if (one := tensor(node)) is not None:
            found.named.append((name or "tensor", one))
            continue
        found.strange += _rebuilds(node)
        inside = list(_inside(node, modules=modules)) if len(waiting) < MAX_VISITS else []
        waiting += [(f"{name}.{key}" if name else key, each, depth + 1) for key, each in reversed(inside)]
    return found


def _rebuilds(node: Node) -> bool:
    """Say whether it would be a tensor, had it the arguments of one."""
    function = node.function if isinstance(node, Call) else None
    return isinstance(function, Global) and function.module == "torch._utils" and function.name in _REBUILD


def _inside(node: Node, *, modules: bool) -> Iterator[tuple[str, Node]]:
    if is_mapping(node):
        for key, value in pairs(node):
            if isinstance(value, Call | list | tuple) or is_mapping(value):
                yield label(key), value
    elif isinstance(node, list | tuple):
        for index, value in enumerate(node):
            if isinstance(value, Call | list | tuple) or is_mapping(value):
                yield str(index), value
    elif modules and isinstance(node, Call) and is_mapping(inner := state(node)):
        for group in ("_parameters", "_buffers", "_modules"):
            if is_mapping(members := get(inner, group)):
                yield from _inside(members, modules=True)


def tied(found: Tensors) -> list[list[str]]:
    """Return groups of names of the same numbers: same storage, offset and shape."""
    groups: dict[tuple[str, int, tuple[int, ...]], list[str]] = {}
    for name, each in found.named:
        if each.storage is not None and each.elements:
            groups.setdefault((each.storage, each.offset, each.shape), []).append(name)
    return [names for names in groups.values() if len(names) > 1]


def odd(found: Tensors) -> Iterator[Finding]:
    """Yield a finding for each tensor that its storage cannot hold, and where the list is cut."""
    outside = [name for name, each in found.named if each.length is not None and each.last > each.length]
    if outside:
        message = f"{len(outside)} tensors reach beyond their storage, {outside[0][:200]} for one"
        yield Finding(rule="tensor-outside-storage", severity=Severity.ERROR, message=message, where="/tensors")
    if found.strange:
        message = f"{found.strange} tensors have arguments that no tensor has; they are not listed"
        yield Finding(rule="tensor-not-understood", severity=Severity.WARNING, message=message, where="/tensors")
    if found.cut:
        message = f"more tensors, or deeper ones, than are followed; {len(found.named)} are listed"
        yield Finding(rule="tensors-cut", severity=Severity.WARNING, message=message, where="/tensors")
