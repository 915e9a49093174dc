"""Half-open intervals, compared with the plain set of points they stand for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from herdbook.kernel.errors import InvalidError
from herdbook.kernel.intervals import Interval

BEYOND = 60
_closed = st.tuples(st.integers(0, 40), st.integers(1, 10)).map(lambda pair: Interval(pair[0], sum(pair)))
_open = st.integers(0, 40).map(Interval)
_intervals = st.one_of(_closed, _open)


def _points(interval: Interval | None) -> set[int]:
    return set() if interval is None else {point for point in range(BEYOND) if point in interval}


@given(_intervals, _intervals)
def test_an_overlap_holds_exactly_the_points_of_both(one: Interval, other: Interval) -> None:
    both = one.overlap(other)
    assert _points(both) == _points(one) & _points(other)
    assert both == other.overlap(one)


@given(_intervals)
def test_the_first_point_belongs_and_the_last_does_not(interval: Interval) -> None:
    assert interval.first in interval
    assert interval.first - 1 not in interval
    if interval.last is None:
        assert 10**15 in interval
    else:
        assert interval.last - 1 in interval
        assert interval.last not in interval


@given(st.lists(_intervals, max_size=8))
def test_open_and_closed_intervals_sort_together(intervals: list[Interval]) -> None:
    far = 10**9
    keys = [(one.first, far if one.last is None else one.last) for one in sorted(intervals)]
    assert keys == sorted(keys)


@pytest.mark.parametrize(("first", "last"), [(1, 1), (2, 1)])
def test_an_empty_interval_is_refused_with_the_rule(first: int, last: int) -> None:
    with pytest.raises(InvalidError, match="half-open") as refused:
        Interval(first, last)
    assert refused.value.code == "bad-interval"


def test_neighbours_do_not_overlap() -> None:
    assert Interval(1, 5).overlap(Interval(5, 9)) is None
    assert str(Interval(1, 5)) == "[1, 5)"
    assert str(Interval(5)) == "[5, \u2026)"
