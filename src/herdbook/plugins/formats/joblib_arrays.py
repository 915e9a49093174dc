"""joblib's pickles: the bytes of arrays stand in the stream behind the object that names them, and are passed over.

After `joblib/numpy_pickle.py` (0.10 and later). An array of objects is a pickle of its own in the stream.
"""

from __future__ import annotations

import re
from math import prod
from typing import TYPE_CHECKING

from herdbook.kernel.errors import CorruptError
from herdbook.plugins.formats.pickle_nodes import Call, Global, Node, get, is_mapping, label, pairs

if TYPE_CHECKING:
    from herdbook.plugins.formats.pickle_scan import Scan
    from herdbook.plugins.formats.pickle_stream import Bytes

_MODULES = frozenset({"joblib.numpy_pickle", "sklearn.externals.joblib.numpy_pickle"})
_KIND = re.compile(r"[<>|=]?([?biufcSUmMVO])(\d{0,6})(?:\[.*\])?")
MAX_ARRAYS = 100_000


class Arrays:
    """What is asked after each BUILD.

    Args:
        scan: takes the pickles of arrays of objects.
    """

    def __init__(self, scan: Scan) -> None:
        self._scan = scan
        self.seen = 0

    def built(self, node: Node, source: Bytes) -> None:
        """Pass over the bytes of an array, if the object is one of joblib's.

        Raises:
            CorruptError: when they are not all there, or their length cannot be told.
        """
        function = node.function if isinstance(node, Call) else None
        if not isinstance(function, Global) or function.module not in _MODULES or function.name != "NumpyArrayWrapper":
            return
        self.seen += 1
        said = node.state
        if not is_mapping(said) or self.seen > MAX_ARRAYS:
            raise _unknown()
        size, shape = itemsize(get(said, "dtype")), get(said, "shape")
        if size is None or not isinstance(shape, tuple) or not all(isinstance(n, int) and n >= 0 for n in shape):
            raise _unknown()
        if size == 0:  # objects
            node.items = [self._scan.one(source, built=self.built).root]
            return
        if get(said, "numpy_array_alignment_bytes") is not None:
            padding = source.take(1)
            if not padding or not source.skip(padding[0]):
                raise _unknown()
        if not source.skip(size * prod(shape)):
            raise CorruptError("the bytes of an array are not all there", code="pickle-broken")


def itemsize(node: Node) -> int | None:
    """Return the bytes of an element of a `numpy.dtype`; 0 for objects; None when it cannot be told for sure.

    The state that numpy gives a dtype may say that it holds objects after all, which would then be read as a pickle.
    """
    args = node.args if isinstance(node, Call) else None
    if not isinstance(args, tuple) or not args or label(node.function) != "numpy.dtype":
        return None
    found = _KIND.fullmatch(args[0]) if isinstance(args[0], str) else None
    if found is None:
        return None
    kind, digits = found.groups()
    stated = _stated(node.state)
    if kind == "O":
        return 0
    if stated is None:
        return None
    if kind in "SUV":
        return stated if stated > 0 else None
    return 8 if kind in "mM" else 1 if kind == "?" else int(digits) if digits else None


def _stated(state: Node, depth: int = 0) -> int | None:
    """Return the size that a dtype's state says (-1: the kind's own); None when it may hold objects, or is not known.

    A state is (version, order, subarray, names, fields, size, alignment, flags, …).
    """
    if not isinstance(state, tuple) or len(state) < 8 or state[0] not in (3, 4) or depth > 5:
        return None
    _, _, sub, _, fields, size, _, flags = state[:8]
    if not isinstance(size, int) or size < -1 or not isinstance(flags, int) or flags & 1:
        return None
    inner = [sub[0]] if isinstance(sub, tuple) and sub else []
    inner += [value[0] if isinstance(value, tuple) and value else None for _, value in pairs(fields)]
    for each in inner:
        args = each.args if isinstance(each, Call) else None
        plain = isinstance(args, tuple) and args and isinstance(args[0], str) and "O" not in args[0]
        if not plain or _stated(each.state, depth + 1) is None:
            return None
    return size


def _unknown() -> CorruptError:
    return CorruptError("how long an array is cannot be told", code="pickle-broken")
