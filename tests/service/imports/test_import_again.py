"""Importing again: nothing is said or read twice; what is new is brought, what was open is resolved."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from herdbook.model.drafts import (
    Drafts,
    DraftSaid,
)
from herdbook.model.statements import Said
from herdbook.ports.registry import Registry
from herdbook.service import importing, plans

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))  # tests are no package that is installed
from tests.service.imports.applied import ALL, ONE, TWO, history, run
from tests.service.imports.drafted import (
    READ,
    RULES,
    TAGS,
    MemorySource,
    drafts,
    git,
    identity,
    origin,
    version,
)
from tests.service.imports.test_plans import edit


def test_a_second_run_reads_no_byte_and_writes_nothing(registry: Registry) -> None:
    assert importing.unchanged(registry, MemorySource(history()), RULES) is None
    run(registry, history())
    head = registry.namespaces.list()
    source = MemorySource(history(), ALL)
    told = importing.unchanged(registry, source, RULES, plans.make(history()))
    assert told is not None
    assert (told.outcome, source.drafted) == ("unchanged", 0)
    report, source = run(registry, history())
    assert (report.outcome, report.batch, source.opened) == ("unchanged", "", [])
    assert (report.taken, report.duplicate, report.new) == (3, 0, 0)
    assert report.sound
    assert registry.namespaces.list() == head


def test_other_rules_another_state_or_an_edited_plan_may_have_something_to_do(registry: Registry) -> None:
    run(registry, history())
    same = MemorySource(history())
    assert importing.unchanged(registry, same, RULES.model_copy(update={"package": "Other/Pack"})) is None
    assert importing.unchanged(registry, MemorySource(history(state="s2")), RULES) is None
    assert importing.unchanged(registry, same, RULES.model_copy(update={"namespace": "other"})) is None
    plan = edit(plans.make(history()), "withdrawals", 0, accept=True)
    assert importing.unchanged(registry, same, RULES, plan) is None
    report, _ = run(registry, history(), plan=plan)
    assert report.outcome == "applied"
    assert report.proposed == 0
    assert importing.unchanged(registry, same, RULES, plan) is not None
    assert importing.unchanged(registry, same, RULES) is not None
    withdrawn = registry.versions.get("demo/tau/deep:v1")
    assert withdrawn.state == "withdrawn"
    told = registry.statements.list("demo/tau/deep:v1", kind="withdrawal").items[0].statement
    assert told.body == {"reason": "a bug", "replacement": "demo/tau/deep:v2"}


def test_a_tag_range_closes_when_the_bytes_change(registry: Registry) -> None:
    run(registry, history())
    three = version("demo/tau/deep", {"core.pb": b"three"}, "v3", first="V3", said=(identity("core.pb", "V3"),))
    one, two = history().versions
    closed = (identity("core.pb", "V2", "V3"), *two.said[1:])
    moved = history(state="s2", tags=TAGS)
    moved = drafts(
        one,
        two.model_copy(update={"said": closed}),
        three,
        **{name: getattr(moved, name) for name in ("activities", "datasets", "statements", "models", "source", "tags")},
    )
    report, source = run(registry, moved, [*ALL, b"three"])
    assert (report.new, source.opened) == (1, [git(b"three")])
    found = registry.identities.find("cms-fileinpath:Toy/Pack/data/core.pb")
    assert [(item.reference.partition(":")[2], item.first, item.last) for item in found] == [
        ("v1", "V1", "V2"),
        ("v2", "V2", "V3"),
        ("v3", "V3", None),
    ]
    told = registry.statements.list("source:toy/tau", kind="source").items
    assert [entry.statement.body["state"] for entry in told] == ["s2"]
    again, _ = run(registry, moved, [*ALL, b"three"])
    assert again.outcome == "unchanged"
    assert len(registry.statements.list("source:Toy/Pack", kind="source").items) == 1


def partial(state: str = "partial") -> Drafts:
    one = version("demo/tau/deep", ONE, "v1", absent=["core.pb"])
    return drafts(one, version("demo/tau/deep", TWO, "v2", absent=["core.pb"]), state=state)


def test_bytes_that_a_fuller_clone_brings_resolve_what_an_import_left_open(registry: Registry) -> None:
    report, _ = run(registry, partial())
    assert (report.unresolved, report.taken, report.absent) == (2, 1, 2)
    assert report.sound
    before = {label: registry.versions.get(f"demo/tau/deep:{label}") for label in ("v1", "v2")}
    full = drafts(version("demo/tau/deep", ONE, "v1"), version("demo/tau/deep", TWO, "v2"), state="full")
    report, _ = run(registry, full)
    assert (report.unresolved, report.new, report.taken) == (0, 0, 3)
    for label, old in before.items():
        now = registry.versions.get(f"demo/tau/deep:{label}")
        assert (now.ordinal, now.record, now.labels) == (old.ordinal, old.record, old.labels)
        assert now.version.resolved
    assert registry.files.open("demo/tau/deep:v1", "core.pb").read() == b"core one"
    again, _ = run(registry, partial())  # the poorer clone once more: it says less, and nothing is lost or doubled
    assert again.new == 0
    assert registry.models.get("demo/tau/deep").versions == 2
    assert registry.versions.get("demo/tau/deep:v2").version.resolved


def test_half_of_the_missing_bytes_neither_double_nor_break_a_version(registry: Registry) -> None:
    nothing = version("demo/tau/deep", TWO, "v2", absent=["core.pb", "config.pbtxt"])
    run(registry, drafts(nothing, state="s1"))
    half = version("demo/tau/deep", TWO, "v2", absent=["config.pbtxt"])
    report, _ = run(registry, drafts(half, state="s2"), [b"core two"])
    assert (report.unresolved, report.new) == (1, 0)
    assert registry.files.open("demo/tau/deep:v2", "core.pb").read() == b"core two"
    run(registry, drafts(version("demo/tau/deep", TWO, "v2"), state="s3"))
    entry = registry.versions.get("demo/tau/deep:v2")
    assert (entry.ordinal, entry.version.resolved) == (1, True)
    assert registry.models.get("demo/tau/deep").versions == 1


def test_a_version_without_labels_is_resolved_too(registry: Registry) -> None:
    run(registry, drafts(version("demo/tau/deep", ONE, absent=["core.pb"]), state="s1"))
    run(registry, drafts(version("demo/tau/deep", ONE), state="s2"))
    assert registry.models.get("demo/tau/deep").versions == 1
    assert registry.versions.get("demo/tau/deep@1").version.resolved


def test_an_undone_import_can_be_made_again_with_all_that_it_said(registry: Registry) -> None:
    report, _ = run(registry, history())
    registry.imports.undo("demo", report.batch, reason="wrong names")
    assert importing.unchanged(registry, MemorySource(history()), RULES) is None
    again, _ = run(registry, history())
    assert again.outcome == "applied"
    assert registry.versions.get("demo/tau/deep:v1").state == "current"
    assert len(registry.identities.find("cms-fileinpath:Toy/Pack/data/core.pb")) == 2
    assert importing.unchanged(registry, MemorySource(history()), RULES) is not None


def said(type_: str, body: dict[str, Any]) -> DraftSaid:
    return DraftSaid(type=f"herdbook/{type_}/1", body=body, issued="2020-01-01T00:00:00Z", evidence=READ)


def told(registry: Registry, subject: str, kind: str) -> list[dict[str, Any]]:
    return [entry.statement.body for entry in registry.statements.list(subject, kind=kind).items]


def test_what_the_source_tells_otherwise_now_takes_the_place_of_what_it_told(registry: Registry) -> None:
    md5 = {"title": "MD5 declared in config.pbtxt", "declared": [{"file": "core.pb", "md5": "0" * 32}]}
    absent = said("note", {**md5, "declared": [{"file": "core.pb", "status": "content-missing"}]})
    before = version("demo/tau/deep", ONE, "v1", absent=["core.pb"], said=(absent, origin()), first=None)
    run(registry, drafts(before, state="s1", tags=(), statements=history().statements))
    now = version("demo/tau/deep", ONE, "v1", said=(said("note", md5), origin(first="V1")))
    (release,) = history().statements
    moved = release.model_copy(update={"body": {"packages": [], "source": "toy/tau"}})
    run(registry, drafts(now, state="s2", tags=("V1",), statements=(moved,)))
    assert told(registry, "demo/tau/deep:v1", "note") == [md5]
    assert [body["first"] for body in told(registry, "demo/tau/deep:v1", "origin")] == ["V1"]
    assert told(registry, "cms-release-cycle:CMSSW_1_X", "release") == [{"packages": [], "source": "toy/tau"}]
    report, _ = run(registry, drafts(now, state="s2", tags=("V1",), statements=(moved,)))
    assert report.outcome == "unchanged"


def test_what_a_person_put_in_place_of_an_imported_statement_stays(registry: Registry) -> None:
    run(registry, history())
    (old,) = registry.statements.list("demo/tau/deep:v1", kind="origin").items
    mine = Said(type="herdbook/origin/1", subject=old.statement.subject, body={"source": "by hand"})
    registry.statements.add("demo", [mine.model_copy(update={"supersedes": (old.digest,)})])
    run(registry, history(state="s2"))
    assert told(registry, "demo/tau/deep:v1", "origin") == [{"source": "by hand"}]


def test_an_import_without_the_plan_that_was_edited_is_told(registry: Registry) -> None:
    run(registry, history(), plan=edit(plans.make(history()), "models", 0, name="demo/tau/renamed"))
    report = importing.preview(registry, history(state="s2"), plans.make(history(state="s2")))
    assert "plan-not-edited" in {finding.code for finding in report.findings}
