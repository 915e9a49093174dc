"""What is done to numbers, against the conventions of the programs that do it, each written here on its own."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from herdbook.kernel.errors import InvalidError
from herdbook.model.contracts import Bounds, Feature, Sequence
from herdbook.model.preprocessing import PreparedInput, PreprocessingSpec
from herdbook.service import preprocessing

f32 = np.float32
values = st.floats(width=32, allow_nan=True, allow_infinity=True)
constants = st.floats(-1e6, 1e6)


def one(*features: Feature, sequence: Sequence | None = None) -> PreprocessingSpec:
    return PreprocessingSpec(inputs=(PreparedInput(name="in", features=features, sequence=sequence),))


def applied(spec: PreprocessingSpec, arrays: dict[str, Any], **more: Any) -> Any:
    return preprocessing.apply(spec, arrays, **more)["in"]


def center_norm_pad(raw: list[float], info: dict[str, float], least: int, most: int) -> list[np.float32]:
    """Do to one variable of one jet what CMSSW does with preprocess.json: all in single precision."""
    filled = []
    for place in range(min(max(len(raw), least), most)):
        if place >= len(raw):
            filled.append(f32(info["pad"]))
            continue
        value = f32(raw[place])
        if not abs(float(value)) <= 1e32:  # NaN, too
            value = f32(info["replace_inf_value"])
        value = f32(f32(value - f32(info["median"])) * f32(info["norm_factor"]))
        filled.append(min(max(value, f32(info["lower_bound"])), f32(info["upper_bound"])))
    return filled


@settings(max_examples=300, deadline=None)
@given(
    raw=st.lists(st.tuples(values, values), max_size=9),
    told=st.tuples(*[constants] * 4),
    ends=st.tuples(constants, constants).map(sorted),
    lengths=st.tuples(st.integers(0, 6), st.integers(0, 6)).map(sorted),
)
def test_weaver_every_bit_is_as_cmssw_has_it(raw: Any, told: Any, ends: Any, lengths: Any) -> None:
    median, factor, replaced, pad = told
    info = {"median": median, "norm_factor": factor, "replace_inf_value": replaced, "pad": pad}
    info |= {"lower_bound": ends[0], "upper_bound": ends[1]}
    fields: dict[str, Any] = {"offset": -median, "scale": factor, "replace_non_finite": replaced, "pad_value": pad}
    clip = Bounds(lower=ends[0], upper=ends[1])
    sequence = Sequence(axis=2, min_length=lengths[0], max_length=lengths[1], pad_mode="constant")
    spec = one(Feature(name="a", clip=clip, **fields), Feature(name="b", clip=clip, **fields), sequence=sequence)
    columns = [np.array([row[index] for row in raw], f32) for index in (0, 1)]
    found = applied(spec, {"a": [columns[0]], "b": [columns[1]]}, precision="float32")
    with np.errstate(all="ignore"):
        expected = [center_norm_pad(list(map(float, column)), info, *lengths) for column in columns]
    assert found.dtype == f32
    assert found.shape == (1, 2, len(expected[0]))
    assert np.array_equal(found[0], np.array(expected, f32).reshape(found[0].shape))


@settings(max_examples=200, deadline=None)
@given(
    raw=st.lists(values, min_size=1, max_size=5),
    offset=constants,
    scale=constants,
    default=st.none() | constants,
)
def test_lwtnn_adds_and_multiplies_in_double_precision_and_a_default_stands_for_nan(
    raw: list[float], offset: float, scale: float, default: float | None
) -> None:
    spec = one(Feature(name="x", offset=offset, scale=scale, missing_value=default))
    found = applied(spec, {"x": np.array(raw)})
    replaced = [default if default is not None and math.isnan(x) else x for x in raw]
    with np.errstate(all="ignore"):
        expected = np.array([(x + offset) * scale for x in replaced]).astype(f32)
    assert np.array_equal(found[:, 0], expected, equal_nan=True)


def test_a_scaler_takes_the_mean_away_and_divides_by_the_deviation() -> None:
    rng = np.random.default_rng(7)
    mean, std = rng.normal(size=5), rng.uniform(0.1, 3, size=5)
    x = rng.normal(size=(100, 5))
    spec = one(*(Feature(name=f"v{i}", offset=-mean[i], divisor=std[i]) for i in range(5)))
    found = applied(spec, {f"v{i}": x[:, i] for i in range(5)})
    assert np.array_equal(found, ((x - mean) / std).astype(f32))


def test_tmva_takes_the_training_range_to_minus_one_and_one() -> None:
    spec = one(Feature(name="pt", offset=-15.0, divisor=10.0))  # of [5, 25]
    x = np.array([5.0, 15.0, 25.0, 30.0])
    assert np.array_equal(applied(spec, {"pt": x})[:, 0], (2 * (x - 5) / (25 - 5) - 1).astype(f32))


def test_a_dictionary_of_normalisation_clips_what_it_has_scaled() -> None:
    spec = one(Feature(name="n", offset=-2.0, divisor=3.0, clip=Bounds(lower=-5.0, upper=5.0)))
    assert applied(spec, {"n": [2, 5, 1000, -1000]})[:, 0].tolist() == [0, 1, 5, -5]
    half = one(Feature(name="n", clip=Bounds(upper=3)))
    assert applied(half, {"n": [-math.inf, 7]})[:, 0].tolist() == [-math.inf, 3]


def test_single_and_double_precision_differ_by_a_last_bit_and_no_more() -> None:
    x = np.random.default_rng(3).normal(size=20_000).astype(f32)
    spec = one(Feature(name="x", offset=-0.1, scale=0.3))
    single, double = (applied(spec, {"x": x}, precision=each)[:, 0] for each in ("float32", "float64"))
    assert not np.array_equal(single, double)
    assert np.array_equal(double, ((x.astype(float) - 0.1) * 0.3).astype(f32))
    assert np.abs(single - double).max() <= 2 * np.spacing(f32(1))


def test_missing_values_are_nan_or_masked_and_give_way_before_what_is_not_finite() -> None:
    x = np.ma.masked_array([1.0, 2.0, math.nan, math.inf], mask=[False, True, False, False])
    both = one(Feature(name="x", missing_value=-5, replace_non_finite=9, scale=2))
    assert applied(both, {"x": x})[:, 0].tolist() == [2, -10, -10, 18]
    finite = one(Feature(name="x", replace_non_finite=9))
    assert applied(finite, {"x": x.data})[:, 0].tolist() == [1, 2, 9, 9]
    with pytest.raises(InvalidError, match="missing_value"):
        applied(finite, {"x": x})


def ragged(spec: PreprocessingSpec, rows: list[list[float]], **more: Any) -> Any:
    return applied(spec, {"x": rows, **more})


def test_sequences_come_as_rows_as_an_array_or_as_offsets_and_values() -> None:
    spec = one(Feature(name="x", pad_value=-1), sequence=Sequence(min_length=1, max_length=3))
    rows = [[1.0, 2.0], [], [3.0, 4.0, 5.0, 6.0]]
    expected = [[[1, 2, -1]], [[-1, -1, -1]], [[3, 4, 5]]]
    assert ragged(spec, rows).tolist() == expected
    assert ragged(spec, [np.array(row) for row in rows]).tolist() == expected  # type: ignore[misc]  # arrays are rows, too
    flat = (np.array([0, 2, 2, 6]), np.arange(1.0, 7.0))
    assert applied(spec, {"x": flat}).tolist() == expected
    assert applied(spec, {"x": np.ones((2, 3))}).tolist() == [[[1, 1, 1]]] * 2
    assert applied(spec, {"x": []}).shape == (0, 1, 1)


def test_rows_are_sorted_then_cut_ties_as_they_came_and_nan_last() -> None:
    rows = [[1.0, 2.0, 3.0, 4.0], [5.0, 6.0]]
    key = [[10.0, math.nan, 30.0, 10.0], [1.0, 2.0]]
    sequence = Sequence(max_length=3, sort_key="pt", sort_order="descending")
    spec = one(Feature(name="x", pad_value=0), sequence=sequence)
    assert ragged(spec, rows, pt=key).tolist() == [[[3, 1, 4]], [[6, 5, 0]]]
    rising = one(Feature(name="x", pad_value=0), sequence=sequence.model_copy(update={"sort_order": "ascending"}))
    assert ragged(rising, rows, pt=key).tolist() == [[[1, 4, 3]], [[5, 6, 0]]]


@settings(max_examples=100, deadline=None)
@given(rows=st.lists(st.lists(st.integers(0, 9), max_size=6), min_size=1, max_size=4), most=st.integers(0, 5))
def test_sorting_and_cutting_are_those_of_a_plain_loop(rows: list[list[int]], most: int) -> None:
    sequence = Sequence(min_length=2, max_length=most + 2, sort_key="x", sort_order="descending", axis=1)
    spec = one(Feature(name="x", pad_value=-1), Feature(name="y", pad_value=-2), sequence=sequence)
    marks = [[float(index) for index in range(len(row))] for row in rows]
    found = applied(spec, {"x": rows, "y": marks})
    kept = [sorted(enumerate(row), key=lambda each: -each[1])[: most + 2] for row in rows]
    width = max(2, *(len(row) for row in kept))
    expected = [[[x, index] for index, x in row] + [[-1, -2]] * (width - len(row)) for row in kept]
    assert found.tolist() == expected


def test_a_wrapped_row_repeats_its_own_objects() -> None:
    spec = one(Feature(name="x"), sequence=Sequence(min_length=5, max_length=5, pad_mode="wrap"))
    assert ragged(spec, [[1.0, 2.0], [], [1.0] * 7]).tolist() == [[[1, 2, 1, 2, 1]], [[0] * 5], [[1] * 5]]
    padded = one(Feature(name="x", pad_value=-1), sequence=Sequence(min_length=2, pad_mode="wrap"))
    assert ragged(padded, [[], [1.0, 2.0, 3.0]]).tolist() == [[[-1, -1, -1]], [[1, 2, 3]]]


def test_objects_stand_on_the_axis_that_the_contract_says() -> None:
    features = (Feature(name="x", pad_value=0), Feature(name="y", pad_value=0))
    arrays = {"x": [[1.0, 2.0, 3.0]], "y": [[4.0, 5.0, 6.0]]}
    shapes = {None: (1, 2, 3), 2: (1, 2, 3), -1: (1, 2, 3), 1: (1, 3, 2), -2: (1, 3, 2), 0: (3, 2)}
    for axis, shape in shapes.items():
        found = applied(one(*features, sequence=Sequence(axis=axis)), arrays)
        assert found.shape == shape
        assert found.flags["C_CONTIGUOUS"]
    with pytest.raises(InvalidError, match="axis 3"):
        applied(one(*features, sequence=Sequence(axis=3)), arrays)
    two = {"x": [[1.0], [2.0]], "y": [[1.0], [2.0]]}
    with pytest.raises(InvalidError, match="one row goes in at a time"):
        applied(one(*features, sequence=Sequence(axis=0)), two)


def test_the_same_name_may_mean_different_values_in_two_inputs() -> None:
    spec = PreprocessingSpec(
        inputs=tuple(PreparedInput(name=name, features=(Feature(name="v"),)) for name in ("a", "b"))
    )
    found = preprocessing.apply(spec, {"a/v": [1.0], "v": [2.0]})
    assert (found["a"].tolist(), found["b"].tolist()) == ([[1]], [[2]])


PLAIN = Sequence(min_length=1)


@pytest.mark.parametrize(
    ("spec", "arrays", "code"),
    [
        (one(Feature(name="x")), {}, "preprocessing-no-array"),
        (one(Feature(name="x"), Feature(name="y")), {"x": [1.0], "y": [1.0, 2.0]}, "preprocessing-bad-array"),
        (one(Feature(name="x")), {"x": [[1.0]]}, "preprocessing-bad-array"),
        (one(Feature(name="x", transform="log")), {"x": [1.0]}, "preprocessing-transform"),
        (one(Feature(name="x"), sequence=PLAIN), {"x": [[1.0], []]}, "preprocessing-no-padding"),
        (one(Feature(name="x"), sequence=PLAIN), {"x": [1.0]}, "preprocessing-bad-array"),
        (one(Feature(name="x"), sequence=PLAIN), {"x": ([0, 3], [1.0, 2.0])}, "preprocessing-bad-array"),
        (one(Feature(name="x"), sequence=PLAIN), {"x": ([0, 2, 1, 2], [1.0, 2.0])}, "preprocessing-bad-array"),
        (one(Feature(name="x"), sequence=PLAIN), {"x": ([], [])}, "preprocessing-bad-array"),
        (one(Feature(name="x"), sequence=PLAIN), {"x": ([0], [1.0], [1.0])}, "preprocessing-bad-array"),
        (
            one(Feature(name="x"), Feature(name="y"), sequence=PLAIN),
            {"x": [[1.0]], "y": [[1.0, 2.0]]},
            "preprocessing-bad-array",
        ),
        (one(Feature(name="x"), sequence=Sequence(sort_key="k")), {"x": [[1.0]]}, "preprocessing-bad-array"),
        (
            one(Feature(name="x"), sequence=Sequence(sort_key="k", sort_order="ascending")),
            {"x": [[1.0]], "k": [[1.0, 2.0]]},
            "preprocessing-bad-array",
        ),
    ],
)
def test_what_cannot_be_done_is_refused_and_not_guessed(spec: Any, arrays: Any, code: str) -> None:
    with pytest.raises(InvalidError) as caught:
        preprocessing.apply(spec, arrays)
    assert caught.value.code == code


def test_inputs_with_one_name_or_of_different_length_are_refused() -> None:
    part = PreparedInput(name="a", features=(Feature(name="x"),))
    with pytest.raises(InvalidError) as caught:
        preprocessing.apply(PreprocessingSpec(inputs=(part, part)), {"x": [1.0]})
    assert caught.value.code == "preprocessing-name-twice"
    other = PreparedInput(name="b", features=(Feature(name="y"),))
    with pytest.raises(InvalidError, match="2 rows"):
        preprocessing.apply(PreprocessingSpec(inputs=(part, other)), {"x": [1.0], "y": [1.0, 2.0]})
    with pytest.raises(InvalidError):
        preprocessing.apply(PreprocessingSpec(inputs=(part,)), {"x": [1.0]}, precision="float16")  # type: ignore[arg-type]  # that is the point


def test_the_given_arrays_are_left_as_they_are() -> None:
    x = np.array([math.nan, 1.0])
    applied(one(Feature(name="x", missing_value=0, offset=1)), {"x": x})
    assert np.array_equal(x, [math.nan, 1.0], equal_nan=True)


def test_herdbook_has_it_by_its_name_and_numpy_comes_only_when_it_is_used(clean_python: Any) -> None:
    said = clean_python(
        "import sys, herdbook; from herdbook import preprocessing; herdbook.preprocessing.apply;"
        "print('numpy' in sys.modules)"
    )
    assert said == "False"
