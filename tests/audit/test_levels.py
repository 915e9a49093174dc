"""The rules of levels and medals, from scores alone."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # tests are no package that is installed
from tests.audit.evidences import rerun, trained

from herdbook.model.audits import Absent, Checked, Level, Ran, Score, Stated, Structured
from herdbook.service import auditing_levels, checklist
from herdbook.service.auditing_evidence import Evidence, Parent

ITEMS = checklist.core().items
TITLES = {item.id: item.title for item in ITEMS}
RAN = Ran(check="c", at="2026-11-21T00:00:00Z", on="x")
SCORES: list[Score] = [Absent(why="w"), Stated(where="w"), Structured(where="w"), Checked(ran=RAN)]


def scores(**changed: int) -> dict[str, Score]:
    return {item.id: SCORES[changed.get(item.id, 0)] for item in ITEMS}


def level(*evidence: Evidence, **changed: int) -> Level:
    return auditing_levels.level(scores(**changed), evidence[0] if evidence else trained(), TITLES)[0]


DESCRIBED = {"T1": 1, "T2": 1, "T3": 1, "T6": 1}
PINNED = {"T1": 2, "T2": 1, "T3": 2, "T6": 2, "T5": 2, "T8": 2}
SAME = rerun(trained(), equal=True)


def test_each_level_needs_all_of_the_one_below() -> None:
    assert level() == 0
    assert level(**DESCRIBED) == 1
    assert level(**PINNED) == 2
    assert level(**PINNED, T10=3) == 3
    assert level(**PINNED, T10=3, T12=3) == 4
    assert level(SAME, **PINNED, T10=3, T12=3) == 5
    assert level(SAME, **PINNED, T12=3) == 2
    assert level(SAME, **DESCRIBED, T10=3, T12=3) == 1
    assert level(SAME, T10=3, T12=3) == 0
    assert level(SAME, **PINNED, T10=2, T12=3) == 2


def test_what_holds_a_level_back_is_said_with_the_item_and_why() -> None:
    reached, why = auditing_levels.level(scores(**{**PINNED, "T5": 1}), trained(), TITLES)
    assert reached == 1
    assert why == ("T5 (How the data were divided) is 1, not 2: w",)


def test_a_parent_that_is_not_pinned_holds_its_child_back() -> None:
    for parent in (Parent("p"), Parent("p", "demo/p@1", 1)):
        assert level(replace(trained(), parents=(parent,)), **PINNED) == 1
    assert level(replace(trained(), parents=(Parent("p", "demo/p@1", 2),)), **PINNED) == 2


def test_another_seed_gives_four_and_never_five() -> None:
    other = rerun(trained(), within=True, unequal=("seeds", "command"))
    assert level(other, **PINNED, T10=3, T12=3) == 4
    lied = rerun(trained(), equal=True, unequal=("environment",), faults=("its environment is not the original's",))
    reached, why = auditing_levels.level(scores(**PINNED, T10=3, T12=3), lied, TITLES)
    assert reached == 4
    assert "its environment" in why[0]


@given(st.lists(st.integers(0, 3), min_size=len(ITEMS), max_size=len(ITEMS)), st.integers(0, len(ITEMS) - 1))
def test_knowing_more_never_lowers_a_level_or_a_profile(drawn: list[int], which: int) -> None:
    before = dict(zip(TITLES, drawn, strict=True))
    name = ITEMS[which].id
    after = {**before, name: min(3, before[name] + 1)}
    assert level(**after) >= level(**before)
    shares = [auditing_levels.profile(ITEMS, scores(**each)) for each in (before, after)]
    assert all(shares[1][category] >= share for category, share in shares[0].items())
    assert all(0 <= share <= 1 for each in shares for share in each.values())


def test_gates_decide_about_medals_whatever_the_average_is() -> None:
    full = {item.id: 3 for item in ITEMS}

    def medal(**changed: int) -> str | None:
        return auditing_levels.medal(ITEMS, scores(**{**full, **changed}), Level.EXECUTABLE)

    assert medal() == "gold"
    assert auditing_levels.medal(ITEMS, scores(**full), Level.PINNED) == "silver"
    assert medal(R8=2) == "silver"
    assert medal(R1=1) == "bronze"
    assert medal(A1=1) is None
    assert medal(F2=0) is None
