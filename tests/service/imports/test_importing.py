"""Applying a plan: one batch, all of it or nothing; every blob of the source is accounted for."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from herdbook.kernel.errors import ConflictError, CorruptError, MissingError
from herdbook.model.drafts import (
    DraftBlob,
    DraftVersion,
)
from herdbook.ports.registry import Registry
from herdbook.service import importing, plans

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))  # tests are no package that is installed
from tests.service.imports.applied import ALL, ONE, RUN, TWO, history, run
from tests.service.imports.drafted import (
    MemorySource,
    drafts,
    git,
    version,
)
from tests.service.imports.test_plans import edit


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


def test_versions_that_are_one_set_under_one_name_become_one(registry: Registry) -> None:
    found: list[DraftVersion] = [version("demo/a/x", ONE, "v1"), version("demo/b/y", ONE, "v2")]
    plan = edit(plans.make(drafts(*found)), "models", 1, name="demo/a/x")
    report, _ = run(registry, drafts(*found), plan=plan)
    assert (report.versions, report.models) == (1, 1)
    assert set(registry.versions.get("demo/a/x:v1").labels) == {"v1", "v2"}


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
