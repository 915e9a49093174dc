"""Status and verify: what moved, what differs, and whether that is an alarm; nothing is ever written."""

from __future__ import annotations

import sys
from pathlib import Path

from herdbook.model.drafts import DraftModel
from herdbook.model.models import Profile
from herdbook.ports.registry import Registry
from herdbook.service import drifts, importing, plans

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))  # tests are no package that is installed
from tests.service.imports.applied import ALL, ONE, TWO, history, run
from tests.service.imports.drafted import RULES, MemorySource, drafts, git, identity, version
from tests.service.imports.test_import_again import partial
from tests.service.imports.test_plans import edit


def told(status: object) -> list[tuple[str, str]]:
    return [(drift.what, drift.reference) for drift in status.drifts]  # type: ignore[attr-defined]  # a Status


def test_a_source_that_did_not_move_is_not_read(registry: Registry) -> None:
    source = MemorySource(history(), ALL)
    never = drifts.status(registry, source, RULES)
    assert (never.moved, never.imported, told(never)) == (
        True,
        "",
        [("new", "demo/tau/deep:v1"), ("new", "demo/tau/deep:v2")],
    )
    run(registry, history())
    source.drafted = 0
    status = drifts.status(registry, source, RULES)
    assert (status.moved, status.imported, status.drifts, source.drafted) == (False, "s1", (), 0)


def test_what_is_new_changed_and_gone_is_told_and_nothing_written(registry: Registry) -> None:
    run(registry, history())
    head = registry.namespaces.list()
    one, _ = history().versions
    changed = version("demo/tau/deep", {"core.pb": b"other"}, "v2", first="V3")
    fresh = version("demo/tau/new", {"core.pb": b"new"}, "v1")
    moved = MemorySource(drafts(one, changed, fresh, state="s2"), ALL)
    status = drifts.status(registry, moved, RULES)
    assert (status.moved, status.imported, status.checked) == (True, "s1", 3)
    assert told(status) == [
        ("changed", "demo/tau/deep:v2"),
        ("gone", "demo/tau/deep:v2"),
        ("new", "demo/tau/new:v1"),
    ]
    assert not status.alarm
    assert registry.namespaces.list() == head


def test_a_version_that_came_otherwise_is_never_gone(registry: Registry) -> None:
    from herdbook.testing.registry_samples import register

    run(registry, history())
    register(registry, "demo/tau/deep:by-hand")
    register(registry, "demo/other/model:v1", "another")
    status = drifts.status(registry, MemorySource(drafts(*history().versions, state="s2"), ALL), RULES)
    assert told(status) == []


def test_drift_of_a_model_whose_master_is_the_registry_is_an_alarm(registry: Registry) -> None:
    run(registry, history(models=(DraftModel(name="demo/tau/deep", rule="r"),)))
    registry.models.profile("demo/tau/deep", Profile(title="Deep tau", master="registry"))
    one, _ = history().versions
    source = MemorySource(drafts(one, version("demo/tau/deep", {"core.pb": b"x"}, "v2"), state="s2"), ALL)
    status = drifts.status(registry, source, RULES)
    assert status.alarm
    assert {drift.master for drift in status.drifts} == {"registry"}


def test_names_that_a_plan_gave_are_no_drift(registry: Registry) -> None:
    plan = edit(plans.make(history()), "models", 0, name="demo/tau/renamed")
    plan = edit(plan, "versions", 1, skip="too old")
    run(registry, history(), plan=plan)
    moved = MemorySource(history(state="s2"), ALL)
    assert told(drifts.status(registry, moved, RULES, plan=plan)) == []
    assert told(drifts.status(registry, moved, RULES)) == [("new", "demo/tau/deep:v2")]
    assert told(drifts.verify(registry, moved, RULES, plan=plan)) == []


def test_verify_reads_every_content_once_and_agrees_after_an_import(registry: Registry) -> None:
    run(registry, history())
    source = MemorySource(history(), ALL)
    seen: list[int] = []
    status = drifts.verify(registry, source, RULES, progress=seen.append)
    assert (status.moved, status.drifts, status.checked) == (False, (), 3)
    assert sorted(source.opened) == sorted(git(data) for data in {*ONE.values(), *TWO.values()})
    assert sum(seen) == sum(map(len, {*ONE.values(), *TWO.values()}))


def test_verify_tells_bytes_that_rotted_here_or_there(registry: Registry, folder: Path) -> None:
    run(registry, history())
    source = MemorySource(history(), ALL)
    source.contents[git(b"core one")] = b"core 0ne"
    del source.contents[git(b"core two")]
    entry = registry.versions.get("demo/tau/deep:v1").version.file("config.pbtxt")
    assert entry is not None
    (blob,) = [path for path in (folder / "blobs").rglob("*") if path.name in entry.digest and path.is_file()]
    blob.chmod(0o600)
    blob.write_bytes(b"shareD")
    status = drifts.verify(registry, source, RULES)
    assert sorted((drift.what, drift.reference) for drift in status.drifts) == [
        ("corrupt", "demo/tau/deep:v1"),
        ("corrupt", "demo/tau/deep:v1"),
        ("corrupt", "demo/tau/deep:v2"),
        ("missing", "demo/tau/deep:v2"),
    ]


def test_verify_tells_labels_and_identities_that_do_not_stand_as_in_the_source(registry: Registry) -> None:
    run(registry, history())
    one, two = history().versions
    said = (identity("core.pb", "V1", "V3"), *one.said[1:])
    source = MemorySource(drafts(one.model_copy(update={"said": said}), two, state="s1"), ALL)
    registry.versions.undo("demo/tau/deep:v1_V1", reason="a typing error")
    status = drifts.verify(registry, source, RULES)
    assert sorted(drift.what for drift in status.drifts) == ["identity", "identity", "label"]
    assert any("v1_V1" in drift.message for drift in status.drifts)


def test_bytes_that_only_the_source_has_are_offered(registry: Registry) -> None:
    run(registry, partial())
    full = drafts(version("demo/tau/deep", ONE, "v1"), version("demo/tau/deep", TWO, "v2"), state="full")
    status = drifts.status(registry, MemorySource(full, ALL), RULES)
    assert told(status) == [("unresolved", "demo/tau/deep:v1"), ("unresolved", "demo/tau/deep:v2")]
    assert importing.unchanged(registry, MemorySource(full, ALL), RULES) is None
