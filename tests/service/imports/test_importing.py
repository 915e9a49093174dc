"""Applying a plan: one batch, all of it or nothing; once more brings only what is new; every blob is accounted for."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from herdbook.kernel.errors import ConflictError, CorruptError, MissingError
from herdbook.model.drafts import (
    DraftActivity,
    DraftBlob,
    DraftDataset,
    DraftModel,
    Drafts,
    DraftSaid,
    DraftVersion,
    DraftWithdrawal,
)
from herdbook.model.statements import Said
from herdbook.ports.registry import Registry
from herdbook.service import importing, plans

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))  # tests are no package that is installed
from tests.service.imports.drafted import (
    READ,
    RULES,
    TAGS,
    MemorySource,
    drafts,
    git,
    identity,
    key_of,
    origin,
    version,
)
from tests.service.imports.test_plans import edit

ONE = {"core.pb": b"core one", "config.pbtxt": b"shared"}
TWO = {"core.pb": b"core two", "config.pbtxt": b"shared"}
ALL = [*ONE.values(), *TWO.values(), b"train: yaml"]
RUN = "0123456789abcdef0123456789abcdef"


def history(**more: Any) -> Drafts:
    """Return two versions with what a source may say of them."""
    one = version("demo/tau/deep", ONE, "v1", "v1_V1", said=(identity("core.pb", "V1", "V2"), origin(first="V1")))
    two = version("demo/tau/deep", TWO, "v2", first="V2", said=(identity("core.pb", "V2"), origin(first="V2")))
    training = DraftActivity(
        activity={
            "kind": "training",
            "status": "unknown",
            "ids": [{"scheme": "mlflow-run", "value": RUN}],
            "inputs": [{"role": "config"}],
        },
        outputs=(key_of("demo/tau/deep", ONE), key_of("demo/tau/deep", TWO)),
        blobs={"/inputs/0/blob": git(b"train: yaml")},
        evidence={"/ids/0": {"how": "asserted", "where": "commit:" + "c" * 40}},
        issued="2020-01-01T00:00:00Z",
    )
    described = DraftSaid(type="herdbook/description/1", body={"title": "a list"}, issued="2020-01-01T00:00:00Z")
    dataset = DraftDataset(dataset={"id": {"scheme": "cms-dbs", "value": "/A/B/C"}}, said=(described,))
    release = Said.read(
        {
            "type": "herdbook/release/1",
            "subject": [{"id": {"scheme": "cms-release-cycle", "value": "CMSSW_1_X"}}],
            "body": {"packages": [{"package": "Toy-Pack", "tag": "V1"}], "source": "toy/tau"},
            "issued": "2020-01-01T00:00:00Z",
            "evidence": READ,
        }
    )
    withdrawal = DraftWithdrawal(
        key="w1",
        versions=(one.key,),
        replacement=two.key,
        reason="a bug",
        issued="2020-01-02T00:00:00Z",
        evidence={"": {"how": "asserted"}},
    )
    given: dict[str, Any] = {
        "activities": (training,),
        "datasets": (dataset,),
        "statements": (release,),
        "withdrawals": (withdrawal,),
        "models": (DraftModel(name="demo/tau/deep", rule="r", profile={"title": "Deep tau"}),),
        "blobs": (
            DraftBlob(digest=git(b"doc"), paths=("README.md",), fate="skipped", reason="no model"),
            DraftBlob(digest=git(b"train: yaml"), paths=("train.yaml",), fate="skipped", reason="a configuration"),
        ),
        "tags": TAGS[:2],
    }
    return drafts(one, two, **{**given, **more})


def run(registry: Registry, found: Drafts, contents: list[bytes] | None = None, plan: Any = None) -> Any:
    source = MemorySource(found, ALL if contents is None else contents)
    report = importing.apply(registry, source, found, plan or plans.make(found))
    return report, source


def test_an_import_is_one_batch_that_holds_all_that_the_source_tells(registry: Registry) -> None:
    planned = importing.preview(registry, history(), plans.make(history()))
    assert (planned.outcome, planned.new, planned.batch) == ("planned", 2, "")
    assert registry.namespaces.list() == []
    report, _ = run(registry, history())
    assert report.outcome == "applied"
    assert report.sound
    assert (report.models, report.versions, report.new, report.unresolved) == (1, 2, 2, 0)
    assert (report.distinct, report.taken, report.duplicate, report.absent, report.skipped) == (5, 3, 0, 0, 2)
    assert report.proposed == 1
    batch = registry.imports.get("demo", report.batch)
    assert batch.versions == 2
    one = registry.versions.get("demo/tau/deep:v1")
    assert set(one.labels) == {"v1", "v1_V1"}
    assert registry.files.open("demo/tau/deep:v2", "core.pb").read() == b"core two"
    assert registry.models.get("demo/tau/deep").profile is not None
    activity = registry.activities.get(f"mlflow-run:{RUN}").activity
    assert activity.inputs is not None
    assert str(activity.inputs[0].blob).startswith("sha256:")
    assert [part.record for part in activity.outputs or ()] == sorted(
        registry.versions.get(f"demo/tau/deep:{label}").record for label in ("v1", "v2")
    )
    evidence = registry.statements.list(registry.activities.get(f"mlflow-run:{RUN}").record, kind="evidence")
    assert evidence.items[0].statement.evidence is not None
    origins = registry.statements.list("demo/tau/deep:v1", kind="origin").items
    author = origins[0].statement.body["author"]
    assert {person.id: person.name for person in registry.people.list()}[author] == "Jane"
    assert registry.datasets.get("cms-dbs:/A/B/C").title == "a list"
    assert registry.releases.get("CMSSW_1_X").packages[0].tag == "V1"
    (found,) = registry.identities.find("cms-fileinpath:Toy/Pack/data/core.pb", tag="V1")
    assert found.reference == "demo/tau/deep:v1"
    assert registry.versions.get("demo/tau/deep:v1").state == "current"


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


def test_a_label_that_leads_elsewhere_is_dropped_and_told(registry: Registry) -> None:
    run(registry, drafts(version("demo/tau/deep", {"core.pb": b"mine"}, "v1", "v1_V1")), [b"mine"])
    theirs = version("demo/tau/deep", ONE, "V1", "other")
    lone = version("demo/tau/deep", TWO, "v1_v1")
    report, _ = run(registry, drafts(theirs, lone, state="s2"))
    assert [finding.code for finding in report.findings] == ["label-held", "label-held"]
    assert registry.versions.get("demo/tau/deep:v1").ordinal == 1
    assert registry.versions.get("demo/tau/deep:other").ordinal == 2
    spare = f"v1_v1_g{lone.key[:10]}"
    assert registry.versions.get("demo/tau/deep@3").labels == (spare,)
    again, _ = run(registry, drafts(theirs, lone, state="s3"))
    assert again.new == 0
    assert registry.models.get("demo/tau/deep").versions == 3


def test_what_the_plan_leaves_out_is_accounted_for_and_not_brought(registry: Registry) -> None:
    plan = edit(plans.make(history()), "versions", 0, skip="too old", labels=())
    report, source = run(registry, history(), plan=plan)
    assert report.sound
    assert (report.versions, report.taken, report.skipped) == (1, 2, 3)
    (left,) = [blob for blob in report.blobs if blob.digest == git(b"core one")]
    assert left.reason == "skipped by the plan: too old"
    assert git(b"core one") not in source.opened
    assert len(registry.activities.get(f"mlflow-run:{RUN}").activity.outputs or ()) == 1


def test_models_can_be_renamed_merged_and_split(registry: Registry) -> None:
    found = drafts(
        version("demo/a/x", ONE, "v1"), version("demo/b/y", TWO, "v2"), version("demo/b/y", {"z": b"shared"}, "v3")
    )
    plan = edit(edit(plans.make(found), "models", 0, name="demo/tau/one"), "models", 1, name="demo/tau/one")
    plan = edit(plan, "versions", 2, model="demo/tau/three")
    run(registry, found, plan=plan)
    assert {model.name: model.versions for model in registry.models.list().items} == {
        "demo/tau/one": 2,
        "demo/tau/three": 1,
    }
    again, _ = run(registry, found, plan=plan)
    assert again.outcome == "unchanged"


def test_a_profile_that_a_person_wrote_stays(registry: Registry) -> None:
    from herdbook.model.models import Profile

    registry.models.profile("demo/tau/deep", Profile(title="Mine"))
    run(registry, history())
    profile = registry.models.get("demo/tau/deep").profile
    assert profile is not None
    assert profile.title == "Mine"


def test_bytes_that_others_brought_before_are_duplicates(registry: Registry) -> None:
    run(registry, drafts(version("demo/other/model", {"c": b"shared"}, "x")))
    report, source = run(registry, history(state="s2"))
    assert report.sound
    assert (report.taken, report.duplicate) == (2, 1)
    assert git(b"shared") not in source.opened


def test_a_source_that_moved_since_the_plan_is_refused_before_anything_is_written(registry: Registry) -> None:
    found = history()
    source = MemorySource(history(state="s2"), ALL)
    with pytest.raises(ConflictError) as caught:
        importing.apply(registry, source, found, plans.make(found))
    assert caught.value.code == "source-moved"
    assert registry.namespaces.list() == []
    assert source.opened == []


def test_a_source_that_gives_other_bytes_than_it_names_is_refused(registry: Registry) -> None:
    source = MemorySource(history(), ALL)
    source.contents[git(b"core one")] = b"something else"
    with pytest.raises(CorruptError) as caught:
        importing.apply(registry, source, history(), plans.make(history()))
    assert caught.value.code == "source-corrupt"
    assert registry.namespaces.list() == []
    report, again = run(registry, history())  # what came before the interruption is not read again
    assert report.outcome == "applied"
    assert report.duplicate == 0
    assert len(again.opened) < 4


def test_an_activity_whose_file_is_absent_names_it_by_gits_digest(registry: Registry) -> None:
    absent = DraftBlob(digest=git(b"train: yaml"), paths=("train.yaml",), fate="absent")
    report, _ = run(registry, history(blobs=(absent,)), ALL[:-1])
    assert report.sound
    inputs = registry.activities.get(f"mlflow-run:{RUN}").activity.inputs
    assert inputs is not None
    assert str(inputs[0].id) == git(b"train: yaml")


def test_an_undone_import_can_be_made_again_with_all_that_it_said(registry: Registry) -> None:
    report, _ = run(registry, history())
    registry.imports.undo("demo", report.batch, reason="wrong names")
    assert importing.unchanged(registry, MemorySource(history()), RULES) is None
    again, _ = run(registry, history())
    assert again.outcome == "applied"
    assert registry.versions.get("demo/tau/deep:v1").state == "current"
    assert len(registry.identities.find("cms-fileinpath:Toy/Pack/data/core.pb")) == 2
    assert importing.unchanged(registry, MemorySource(history()), RULES) is not None


def test_versions_that_are_one_set_under_one_name_become_one(registry: Registry) -> None:
    found: list[DraftVersion] = [version("demo/a/x", ONE, "v1"), version("demo/b/y", ONE, "v2")]
    plan = edit(plans.make(drafts(*found)), "models", 1, name="demo/a/x")
    report, _ = run(registry, drafts(*found), plan=plan)
    assert (report.versions, report.models) == (1, 1)
    assert set(registry.versions.get("demo/a/x:v1").labels) == {"v1", "v2"}


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


def test_a_look_writes_nothing_even_where_bytes_wait_for_an_import(folder: Path, open_as: Any) -> None:
    from herdbook.stores.sql.catalogue import SqlCatalogue

    registry = open_as()
    source = MemorySource(history(), ALL[:2])  # the third file cannot be had: killed half-way, as it were
    with pytest.raises(MissingError):
        importing.apply(registry, source, history(), plans.make(history()))
    catalogue = SqlCatalogue.open(folder / "catalogue.sqlite", create=False, read_only=True)
    looking = open_as(registry.principal, catalogue=catalogue)
    report = importing.preview(looking, history(), plans.make(history()))
    assert (report.new, report.duplicate) == (2, 0)


def test_progress_counts_every_byte_once_and_steps_are_told(registry: Registry) -> None:
    seen: list[int] = []
    steps: list[str] = []
    found = history()
    importing.apply(
        registry, MemorySource(found, ALL), found, plans.make(found), progress=seen.append, step=steps.append
    )
    assert sum(seen) == sum(map(len, set(ALL)))
    assert steps == ["looking at what is here", "bringing bytes", "writing"]
