"""Model sets: which member serves, what is never guessed, and where a set has holes and overlaps."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from herdbook.kernel.errors import ConflictError, InvalidError, MissingError
from herdbook.model.contracts import Member
from herdbook.model.members import select
from herdbook.service.contracts import members as sets


def member(name: str, *when: dict[str, Any]) -> Member:
    return Member.read({"name": name, "files": [f"{name}.onnx"], "when": list(when)})


def rules(*members: Member) -> list[str]:
    return [each.rule for each in sets.findings(members)]


EVEN = member("even", {"of": "event_number", "modulo": 2, "remainder": 0})
ODD = member("odd", {"of": "event_number", "modulo": 2, "remainder": 1})


def test_each_event_of_a_two_fold_set_has_its_member() -> None:
    assert select([EVEN, ODD], {"event_number": 7}).name == "odd"
    assert select([EVEN, ODD], {"event_number": -4}).name == "even"
    assert not rules(EVEN, ODD)


def test_a_fold_that_is_missing_or_stands_twice_is_found() -> None:
    three = [member(str(i), {"of": "event_number", "modulo": 3, "remainder": i}) for i in range(3)]
    assert not rules(*three)
    assert rules(*three[1:]) == ["set-hole"]
    assert "mod 3 = 0" in sets.findings(three[1:])[0].message
    assert rules(*three, EVEN).count("set-overlap") == 3


def test_a_bin_has_its_lower_end_and_not_its_upper_one() -> None:
    low = member("low", {"of": "pt", "upper": 30, "unit": "GeV"})
    high = member("high", {"of": "pt", "lower": 30, "unit": "GeV"})
    assert select([low, high], {"pt": 30}).name == "high"
    assert select([low, high], {"pt": 29.999}).name == "low"
    assert not rules(low, high)


def test_gev_and_mev_are_never_taken_for_each_other() -> None:
    low = member("low", {"of": "pt", "upper": 30, "unit": "GeV"})
    high = member("high", {"of": "pt", "lower": 30, "unit": "GeV"})
    assert select([low, high], {"pt": (45, "GeV")}).name == "high"
    with pytest.raises(InvalidError, match=r"in MeV.*in GeV"):
        select([low, high], {"pt": (45000, "MeV")})
    with pytest.raises(InvalidError, match="no unit that anybody told"):
        select([member("a", {"of": "pt", "upper": 30})], {"pt": (4, "GeV")})
    mixed = member("high", {"of": "pt", "lower": 30000, "unit": "MeV"})
    assert rules(low, mixed) == ["set-unit"]
    assert rules(low, member("high", {"of": "pt", "lower": 30})) == ["set-unit"]


def test_forward_and_backward_share_the_bins_of_the_absolute_value() -> None:
    barrel = member("barrel", {"of": "eta", "lower": 0, "upper": 1.5, "absolute": True})
    endcap = member("endcap", {"of": "eta", "lower": 1.5, "upper": 2.5, "absolute": True})
    assert select([barrel, endcap], {"eta": -1.7}).name == "endcap"
    assert [each.message for each in sets.findings([barrel, endcap])] == ["no member serves |eta| from 2.5 on"]
    gap = member("endcap", {"of": "eta", "lower": 1.6, "upper": 2.5, "absolute": True})
    assert rules(barrel, gap) == ["set-hole", "set-end"]
    backward = member("backward", {"of": "eta", "lower": -5, "upper": -1.5})
    found = sets.findings([barrel, backward])
    assert "no member serves eta = -1.5" in [each.message for each in found], "the one point that neither bin has"


def test_parts_eras_and_formats_are_told_apart_by_lists() -> None:
    parts = [member(part, {"of": "part", "among": [part]}) for part in ("core", "inner", "outer")]
    assert select(parts, {"part": "inner"}).name == "inner"
    assert not rules(*parts)
    eras = [member("old", {"of": "era", "among": ["2016", "2017"]}), member("new", {"of": "era", "among": ["2017"]})]
    assert rules(*eras) == ["set-overlap"]
    with pytest.raises(ConflictError, match="2 members"):
        select(eras, {"era": "2017"})
    with pytest.raises(MissingError, match="no member serves era = '2018'"):
        select(eras, {"era": "2018"})


def test_a_coordinate_that_decides_must_be_given_and_one_that_nothing_names_is_refused() -> None:
    binned = member("b", {"of": "event_number", "modulo": 2, "remainder": 1}, {"of": "pt", "lower": 10, "unit": "GeV"})
    with pytest.raises(InvalidError, match="depends on pt"):
        select([EVEN, binned], {"event_number": 3})
    assert select([EVEN, binned], {"event_number": 2}).name == "even"
    with pytest.raises(InvalidError, match="evt"):
        select([EVEN, ODD], {"evt": 3})
    for wrong in (2.0, "2", True):
        with pytest.raises(InvalidError, match="event_number is"):
            select([EVEN, ODD], {"event_number": wrong})


def test_nan_lies_in_no_bin() -> None:
    whole = member("a", {"of": "pt", "lower": 0})
    with pytest.raises(MissingError):
        select([whole], {"pt": math.nan})


def test_members_without_conditions_all_serve_always() -> None:
    assert rules(member("a"), member("b")) == ["set-overlap"]
    assert not rules(member("a"))


def test_so_many_combinations_that_nobody_looks_are_said_to_be_so() -> None:
    many = [member(f"m{i}", *({"of": f"x{axis}", "lower": i, "upper": i + 1} for axis in range(8))) for i in range(10)]
    assert rules(*many) == ["set-unexamined"]
    assert rules(EVEN, member("big", {"of": "event_number", "modulo": 99_999, "remainder": 1})) == ["set-unexamined"]
    both = member("both", {"of": "event_number", "lower": 5})
    assert rules(EVEN, both) == ["set-unexamined"]


def test_many_holes_are_counted_and_not_all_told() -> None:
    bins = [member(str(i), {"of": "pt", "lower": 2 * i, "upper": 2 * i + 1}) for i in range(40)]
    found = [each for each in sets.findings(bins) if each.rule == "set-hole"]
    assert len(found) == sets.SHOWN
    assert "and 19 more" in found[-1].message


ends = st.lists(st.floats(-1e6, 1e6, allow_nan=False), min_size=2, max_size=12, unique=True).map(sorted)


@given(ends, st.floats(-2e6, 2e6, allow_nan=False))
def test_bins_that_touch_have_neither_holes_nor_overlaps_and_each_value_one_member(
    edges: list[float], value: float
) -> None:
    bins = [
        member(f"b{i}", {"of": "x", "lower": low, "upper": high})
        for i, (low, high) in enumerate(itertools.pairwise(edges))
    ]
    assert {each.rule for each in sets.findings(bins)} <= {"set-end"}
    first = member("below", {"of": "x", "upper": edges[0]})
    last = member("above", {"of": "x", "lower": edges[-1]})
    whole = [first, *bins, last]
    assert not sets.findings(whole)
    assert select(whole, {"x": value}).name
    for edge in edges:
        assert select(whole, {"x": edge}).when[0].lower == edge


bin_ = st.tuples(st.integers(-6, 6), st.integers(1, 5), st.booleans())


@given(st.lists(bin_, min_size=1, max_size=5))
def test_what_is_found_is_what_looking_everywhere_finds(told: list[tuple[int, int, bool]]) -> None:
    members = [
        member(
            f"b{i}",
            {"of": "x", "lower": low, "upper": low + width, **({"absolute": True} if absolute else {})},
        )
        for i, (low, width, absolute) in enumerate(told)
    ]
    everywhere = [value / 2 for value in range(-40, 41)]
    serving = [sum(_serves(each, value) for each in members) for value in everywhere]
    found = rules(*members)
    assert ("set-overlap" in found) == (max(serving) > 1)
    assert bool({"set-hole", "set-end"} & set(found)) == (0 in serving)


def _serves(each: Member, value: float) -> bool:
    try:
        return select([each], {"x": value}) is each
    except MissingError:
        return False
