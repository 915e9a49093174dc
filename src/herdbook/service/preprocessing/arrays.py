"""The arithmetic of ``apply``, on flat arrays and on sequences as offsets and values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from herdbook.kernel.errors import InvalidError
from herdbook.model.contracts import Feature, Sequence
from herdbook.model.preprocessing import PreparedInput, PreprocessingSpec

Array = NDArray[Any]
Index = NDArray[np.int64]
LARGEST_OF_CMSSW = 1e32
_AXES = {None: (0, 1, 2), 2: (0, 1, 2), -1: (0, 1, 2), 1: (0, 2, 1), -2: (0, 2, 1)}


@dataclass(frozen=True)
class Rows:
    """Values of all rows behind one another; row i is [offsets[i], offsets[i + 1])."""

    values: Array
    offsets: Index

    @property
    def lengths(self) -> Index:
        """How many values each row has."""
        return np.diff(self.offsets)


def prepare(spec: PreprocessingSpec, arrays: Mapping[str, Any], precision: str) -> dict[str, NDArray[np.float32]]:
    """Return the tensors, as ``applying.apply`` says.

    Raises:
        InvalidError: as there.
    """
    if precision not in {"float32", "float64"}:
        raise InvalidError(f"{precision!r} is no precision", code="preprocessing-bad-array", hint="float32 or float64.")
    number = np.float32 if precision == "float32" else np.float64
    prepared: dict[str, NDArray[np.float32]] = {}
    rows: int | None = None
    for each in spec.inputs:
        if each.name in prepared:
            raise InvalidError(f"two inputs are called {each.name!r}", code="preprocessing-name-twice")
        tensor, count = (_flat if each.sequence is None else _sequence)(each, arrays, number)
        if rows not in {None, count}:
            _bad(each.name, f"it has {count} rows, the inputs before have {rows}")
        rows = count
        prepared[each.name] = tensor
    return prepared


def _flat(given: PreparedInput, arrays: Mapping[str, Any], number: Any) -> tuple[NDArray[np.float32], int]:  # noqa: ANN401 - float32 or float64
    columns: list[NDArray[np.float32]] = []
    for feature in given.features:
        values = np.ma.atleast_1d(np.ma.asarray(_find(given, feature.name, arrays)))
        if values.ndim != 1:
            _bad(feature.name, "a flat feature has one number a row")
        if columns and len(values) != len(columns[0]):
            _bad(feature.name, f"it has {len(values)} rows, the features before have {len(columns[0])}")
        columns.append(_compute(feature, values, number))
    return np.stack(columns, axis=1), len(columns[0])


def _sequence(given: PreparedInput, arrays: Mapping[str, Any], number: Any) -> tuple[NDArray[np.float32], int]:  # noqa: ANN401 - the same
    sequence = given.sequence
    assert sequence is not None
    raw = [_rows(feature.name, _find(given, feature.name, arrays)) for feature in given.features]
    offsets = raw[0].offsets
    for feature, each in zip(given.features, raw, strict=True):
        if not np.array_equal(each.offsets, offsets):
            _bad(feature.name, f"its rows are not as long as those of {given.features[0].name!r}")
    order = _order(given, sequence, arrays, offsets)
    index, filled = _places(sequence, raw[0].lengths, offsets)
    planes = []
    for feature, each in zip(given.features, raw, strict=True):
        values = _compute(feature, each.values, number)[order]
        plane = np.full(index.shape, _filler(feature, sequence, filled), np.float32)
        plane[filled] = values[index[filled]]
        planes.append(plane)
    return _laid_out(given, sequence, np.stack(planes, axis=1)), len(offsets) - 1


def _compute(feature: Feature, values: Any, number: Any) -> NDArray[np.float32]:  # noqa: ANN401 - any array; float32 or float64
    """Return the prepared values of one feature, before padding."""
    if feature.transform is not None:
        raise InvalidError(
            f"{feature.name!r} is transformed by {feature.transform!r}, which is not done here",
            code="preprocessing-transform",
            hint="Transform the values yourself, and apply a spec without `transform`.",
        )
    with np.errstate(all="ignore"):
        masked = np.ma.getmaskarray(values)
        x = np.array(np.ma.getdata(values), dtype=number)
        if feature.missing_value is not None:
            x[masked | np.isnan(x)] = number(feature.missing_value)
        elif masked.any():
            _bad(feature.name, "values are missing, and missing_value does not say what stands for them")
        if feature.replace_non_finite is not None:
            x[_not_finite(x)] = number(feature.replace_non_finite)
        if feature.offset is not None:
            x += number(feature.offset)
        if feature.scale is not None:
            x *= number(feature.scale)
        if feature.divisor is not None:
            x /= number(feature.divisor)
        if feature.clip is not None:
            ends = [None if end is None else number(end) for end in (feature.clip.lower, feature.clip.upper)]
            x = x if ends == [None, None] else np.clip(x, *ends)
        return x.astype(np.float32)


def _not_finite(values: Array) -> NDArray[np.bool_]:
    """Return what is replaced: in single precision as in CMSSW, whose ``catch_infs`` has a limit below infinity."""
    finite = np.isfinite(values)
    if values.dtype == np.float32:
        finite &= np.abs(values.astype(np.float64)) <= LARGEST_OF_CMSSW
    return ~finite


def _find(given: PreparedInput, name: str, arrays: Mapping[str, Any]) -> Any:  # noqa: ANN401 - any array
    for key in (f"{given.name}/{name}", name):
        if key in arrays:
            return arrays[key]
    raise InvalidError(
        f"there is no array {name!r} for the input {given.name!r}",
        code="preprocessing-no-array",
        hint=f"Give it as {name!r}, or as {f'{given.name}/{name}'!r}.",
    )


def _rows(name: str, told: Any) -> Rows:  # noqa: ANN401 - a list, an array, or offsets and values
    """Return a sequence feature as offsets and values."""
    if isinstance(told, tuple):
        if len(told) != 2:
            _bad(name, "a tuple is (offsets, values)")
        offsets, values = np.asarray(told[0]), np.ma.asarray(told[1])
        if offsets.ndim != 1 or values.ndim != 1 or not len(offsets) or offsets.dtype.kind not in "iu":
            _bad(name, "(offsets, values) are two arrays of one axis, the offsets integers")
        offsets = offsets.astype(np.int64)
        if offsets[0] != 0 or offsets[-1] != len(values) or (np.diff(offsets) < 0).any():
            _bad(name, "offsets rise from 0 to the number of values")
        return Rows(values, offsets)
    rows = [np.ma.asarray(row) for row in told]
    if any(row.ndim != 1 for row in rows):
        _bad(name, "a sequence is a list of rows, each with one axis")
    offsets = np.concatenate([[0], np.cumsum([len(row) for row in rows], dtype=np.int64)]).astype(np.int64)
    together = np.ma.concatenate(rows) if rows else np.ma.asarray([])  # type: ignore[no-untyped-call]  # numpy's
    return Rows(together, offsets)


def _order(given: PreparedInput, sequence: Sequence, arrays: Mapping[str, Any], offsets: Index) -> Index:
    """Return the order of all objects: as given, or by the sort key within each row; ties as given, NaN last."""
    if sequence.sort_key is None:
        return np.arange(offsets[-1])
    if sequence.sort_order is None:
        _bad(given.name, f"sorted by {sequence.sort_key!r}, but sort_order does not say which way")
    key = _rows(sequence.sort_key, _find(given, sequence.sort_key, arrays))
    if not np.array_equal(key.offsets, offsets):
        _bad(sequence.sort_key, "the rows of the sort key are not as long as those of the features")
    values = np.ma.filled(key.values.astype(np.float64), np.nan)
    row = np.repeat(np.arange(len(offsets) - 1), key.lengths)
    return np.lexsort((values if sequence.sort_order == "ascending" else -values, row))


def _places(sequence: Sequence, lengths: Index, offsets: Index) -> tuple[Index, NDArray[np.bool_]]:
    """Return, for each row and place, the number of its object, and whether there is one."""
    kept = lengths if sequence.max_length is None else np.minimum(lengths, sequence.max_length)
    width = max(sequence.min_length or 0, int(kept.max(initial=0)))
    place = np.arange(width)[None, :]
    filled = place < kept[:, None]
    if sequence.pad_mode == "wrap":
        filled = np.broadcast_to(kept[:, None] > 0, filled.shape)
        place = place % np.maximum(kept, 1)[:, None]
    index: Index = offsets[:-1, None] + place
    return index, filled


def _filler(feature: Feature, sequence: Sequence, filled: NDArray[np.bool_]) -> np.float32:
    """Return what stands where a row has no object."""
    if feature.pad_value is not None:
        return np.float32(feature.pad_value)
    if sequence.pad_mode != "wrap" and not filled.all():
        raise InvalidError(
            f"rows are shorter than their tensor, and nobody said what fills up {feature.name!r}",
            code="preprocessing-no-padding",
            hint="Say pad_value, or apply it row by row.",
        )
    return np.float32(0)


def _laid_out(given: PreparedInput, sequence: Sequence, tensor: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return (rows, features, objects) with the objects on the axis that the sequence says."""
    if sequence.axis == 0:
        if len(tensor) != 1:
            _bad(given.name, "objects stand on axis 0: there is no batch axis, and one row goes in at a time")
        return np.ascontiguousarray(tensor[0].T)
    if sequence.axis not in _AXES:
        _bad(given.name, f"a tensor of three axes has no axis {sequence.axis}")
    return np.ascontiguousarray(tensor.transpose(_AXES[sequence.axis]))


def _bad(name: str, why: str) -> NoReturn:
    raise InvalidError(f"{name!r}: {why}", code="preprocessing-bad-array")
