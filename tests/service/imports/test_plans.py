"""Plans: an edit survives planning again, or is told as a conflict; nonsense is refused before anything is written."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from herdbook.kernel.errors import ConflictError, InvalidError
from herdbook.model.drafts import DraftBlob, Drafts, DraftWithdrawal, SourceState
from herdbook.model.plans import Conflict, Plan, PlanModel, PlanVersion, PlanWithdrawal
from herdbook.service import plan_items, plans

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))  # tests are no package that is installed
from tests.service.imports.drafted import drafts, git, key_of, version

A = {"a.pb": b"a"}
B = {"b.pb": b"b"}


def two() -> Drafts:
    withdrawal = DraftWithdrawal(
        key="w1", versions=(key_of("demo/tau/one", A),), reason="bug", evidence={"": {"how": "asserted"}}
    )
    skipped = DraftBlob(digest=git(b"doc"), paths=("README", "doc/README"), fate="skipped", reason="no model")
    return drafts(
        version("demo/tau/one", A, "v1"),
        version("demo/tau/two", B, "v1", "v1_V1"),
        withdrawals=(withdrawal,),
        blobs=(skipped,),
    )


def edit(plan: Plan, section: str, index: int, **fields: Any) -> Plan:
    items = list(getattr(plan, section))
    items[index] = items[index].model_copy(update=fields)
    return plan.model_copy(update={section: tuple(items)})


def test_a_plan_takes_everything_as_it_was_drafted_and_says_what_it_leaves_out() -> None:
    plan = plans.make(two())
    assert [(row.model, row.labels, row.state) for row in plans.table(plan)] == [
        ("demo/tau/one", ("v1",), "new"),
        ("demo/tau/two", ("v1", "v1_V1"), "new"),
    ]
    assert plan.skipped == {"README": "no model", "doc/README": "no model"}
    assert plan_items.edits(plan) == []
    plans.check(plan, two())


def test_edits_survive_planning_again_when_the_source_moved_elsewhere() -> None:
    plan = edit(plans.make(two()), "models", 0, name="demo/tau/renamed")
    plan = edit(plan, "versions", 1, labels=("mine",))
    plan = edit(plan, "withdrawals", 0, accept=True)
    more = version("demo/tau/two", {"b.pb": b"newer"}, "v2")
    moved = two().model_copy(update={"source": SourceState(kind="memory", name="toy/tau", state="s2")})
    moved = moved.model_copy(update={"versions": (*moved.versions, more)})
    merged = plans.merge(plan, plans.make(moved))
    assert merged.models[0].name == "demo/tau/renamed"
    assert merged.versions[1].labels == ("mine",)
    assert merged.withdrawals[0].accept
    assert len(merged.versions) == 3
    assert not merged.conflicts
    plans.check(merged, moved)
    assert plans.merge(merged, plans.make(moved)) == merged


def test_an_edit_of_what_the_source_changed_as_well_is_a_conflict_that_stays_until_decided() -> None:
    plan = edit(plans.make(two()), "versions", 0, labels=("mine",))
    fresh = plans.make(drafts(version("demo/tau/one", A, "theirs"), version("demo/tau/two", B, "v1", "v1_V1")))
    merged = plans.merge(plan, fresh)
    assert [(c.field, c.planned, c.yours, c.source) for c in merged.conflicts] == [
        ("labels", ["v1"], ["mine"], ["theirs"])
    ]
    assert merged.versions[0].labels == ("mine",)
    again = plans.merge(merged, fresh)
    assert again.conflicts == merged.conflicts
    decided = again.model_copy(update={"conflicts": ()})
    assert plans.merge(decided, fresh).conflicts == ()
    assert plans.merge(decided, fresh).versions[0].labels == ("mine",)
    assert plans.merge(edit(again, "versions", 0, labels=("theirs",)), fresh).conflicts == ()


def test_an_edited_item_that_the_source_no_longer_has_is_told() -> None:
    plan = edit(plans.make(two()), "versions", 0, skip="too old")
    merged = plans.merge(plan, plans.make(drafts(version("demo/tau/two", B, "v1", "v1_V1"))))
    (conflict,) = merged.conflicts
    assert (conflict.field, conflict.yours) == ("skip", "too old")
    assert "no longer has it" in conflict.message


def test_an_entry_that_was_deleted_is_back_and_told() -> None:
    plan = plans.make(two())
    cut = plan.model_copy(update={"versions": plan.versions[1:]})
    with pytest.raises(InvalidError, match="lacks"):
        plans.check(cut, two())
    merged = plans.merge(cut, plans.make(two()))
    assert [conflict.field for conflict in merged.conflicts] == ["entry"]
    assert len(merged.versions) == 2


def test_two_models_of_one_name_are_merged_and_a_version_can_be_split_off() -> None:
    plan = edit(plans.make(two()), "models", 1, name="demo/tau/one")
    with pytest.raises(InvalidError, match="'v1' stands twice"):
        plans.check(plan, two())
    plan = edit(plan, "versions", 1, labels=("v2",))
    plans.check(plan, two())
    assert {choice.model for choice in plan_items.chosen(plan).values()} == {"demo/tau/one"}
    split = edit(plans.make(two()), "versions", 1, model="demo/tau/three")
    plans.check(split, two())
    assert plans.table(split)[1].model == "demo/tau/three"


def test_a_skipped_model_takes_its_versions_along_but_for_those_that_were_split_off() -> None:
    plan = edit(plans.make(two()), "models", 0, skip="not ours")
    assert [row.state for row in plans.table(plan, {key_of("demo/tau/two", B)})] == ["skip", "known"]
    plan = edit(plan, "versions", 0, model="demo/tau/three")
    assert [row.state for row in plans.table(plan)] == ["new", "new"]


@pytest.mark.parametrize(
    ("section", "index", "fields", "code"),
    [
        ("models", 0, {"name": "demo/tau/One two"}, "bad-name"),
        ("models", 0, {"name": "demo/tau/TWO"}, "bad-plan"),
        ("models", 0, {"name": "demo/tau/two/inner"}, "bad-plan"),
        ("models", 0, {"name": "cms/tau/one"}, "bad-plan"),
        ("models", 0, {"key": "demo/tau/other"}, "bad-plan"),
        ("models", 0, {"key": "demo/tau/two"}, "bad-plan"),
        ("models", 0, {"skip": "true"}, "bad-plan"),
        ("versions", 0, {"labels": ("a", "A")}, "bad-plan"),
        ("versions", 0, {"labels": ("a", "a")}, "bad-plan"),
        ("versions", 0, {"labels": ("2018",)}, "bad-label"),
        ("versions", 0, {"skip": " "}, "bad-plan"),
        ("versions", 0, {"key": "0" * 16}, "bad-plan"),
        ("versions", 0, {"of": "demo/tau/two"}, "bad-plan"),
        ("versions", 0, {"files": {"a.pb": git(b"other")}}, "bad-plan"),
        ("versions", 0, {"model": "demo/tau/two/x"}, "bad-plan"),
        ("withdrawals", 0, {"key": "w2"}, "bad-plan"),
    ],
)
def test_nonsense_is_refused(section: str, index: int, fields: dict[str, Any], code: str) -> None:
    plan = edit(plans.make(two()), section, index, **fields)
    with pytest.raises(InvalidError) as caught:
        plans.check(plan, two())
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("update", "code"),
    [
        ({"namespace": "other"}, "other-plan"),
        ({"source": SourceState(kind="memory", name="toy/other", state="s1")}, "other-plan"),
        ({"source": SourceState(kind="memory", name="toy/tau", state="s0")}, "source-moved"),
        ({"rules": "other sha256:0"}, "source-moved"),
        ({"conflicts": (Conflict(key="versions/x", field="labels"),)}, "plan-conflicts"),
    ],
)
def test_a_plan_of_something_else_or_undecided_is_refused(update: dict[str, Any], code: str) -> None:
    with pytest.raises(ConflictError) as caught:
        plans.check(plans.make(two()).model_copy(update=update), two())
    assert caught.value.code == code


def test_a_plan_of_another_source_is_not_merged() -> None:
    plan = plans.make(two())
    with pytest.raises(ConflictError, match="not of memory source"):
        plans.merge(plan.model_copy(update={"namespace": "cms"}), plan)


KEYS = st.sampled_from(["k1", "k2", "k3"])
LABELS = st.lists(st.sampled_from(["a", "b", "c"]), max_size=2, unique=True).map(tuple)
SKIPS = st.none() | st.sampled_from(["old", "broken"])
NAMES = st.sampled_from(["demo/a/x", "demo/a/y"])


def whole(models: dict[str, Any], versions: dict[str, Any], withdrawals: dict[str, bool]) -> Plan:
    plan = Plan(
        source=SourceState(kind="git", name="s", state="1"),
        rules="r",
        namespace="demo",
        models=tuple(PlanModel(key=key, name=name, skip=skip) for key, (name, skip) in models.items()),
        versions=tuple(
            PlanVersion(key=key, of="m", files={"f": git(key.encode())}, labels=labels, skip=skip, model=model)
            for key, (labels, skip, model) in versions.items()
        ),
        withdrawals=tuple(
            PlanWithdrawal(key=key, versions=("k1",), reason="r", accept=accept) for key, accept in withdrawals.items()
        ),
    )
    base = {plan_items.place(part, item.key): plan_items.planned(part, item) for part, item in plan_items.items(plan)}
    return plan.model_copy(update={"base": base})


PLANS = st.builds(
    whole,
    st.dictionaries(KEYS, st.tuples(NAMES, SKIPS)),
    st.dictionaries(KEYS, st.tuples(LABELS, SKIPS, st.none() | NAMES)),
    st.dictionaries(KEYS, st.booleans()),
)


@settings(max_examples=200, deadline=None)
@given(planned=PLANS, desired=PLANS, fresh=PLANS)
def test_no_edit_is_lost_silently(planned: Plan, desired: Plan, fresh: Plan) -> None:
    edited = desired.model_copy(update={"base": planned.base})
    merged = plans.merge(edited, fresh)
    now = {(plan_items.place(part, item.key)): item for part, item in plan_items.items(merged)}
    told = {(conflict.key, conflict.field): conflict for conflict in merged.conflicts}
    for part, item in plan_items.items(edited):
        where = plan_items.place(part, item.key)
        for field in plan_items.EDITABLE[part]:
            yours, default = plan_items.value_of(item, field), plan_items.default(item.key, field)
            before = planned.base.get(where, {}).get(field, default)
            if yours == before:
                continue
            kept = where in now and plan_items.value_of(now[where], field) == yours
            assert kept or told[where, field].yours == yours
    # What nobody edited follows the source, and the base is always the source's.
    assert merged.base == fresh.base
    for part, item in plan_items.items(fresh):
        where = plan_items.place(part, item.key)
        mine = next((old for other, old in plan_items.items(edited) if (other, old.key) == (part, item.key)), None)
        if mine is None:
            assert now[where] == item
    # Merging is stable: once more changes nothing, and conflicts wait for a person.
    assert plans.merge(merged, fresh) == merged
