"""Which bundles come into which registry: copies are brought up to date, and never mixed up."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.admin.bundle_edits import edit_events, edit_manifest, stranger
from tests.admin.registries import NAME, Place, StopError, rules

from herdbook.kernel.errors import ConflictError, InvalidError, UnavailableError

if TYPE_CHECKING:
    from tests.admin.conftest import Open


def test_a_copy_is_only_read_and_is_brought_up_to_date_by_the_next_bundle(
    told: Place, bundle: Path, place: Open
) -> None:
    other = place("other")
    other.admin.import_bundle(str(bundle))
    with pytest.raises(UnavailableError) as caught:
        other.register(NAME, "v9", {"m": b"x"})
    assert caught.value.code == "not-home"
    assert other.admin.import_bundle(str(bundle)).events == 0
    told.register(NAME, "v9", {"m": b"nine"})
    told.registry.versions.undo(f"{NAME}:v2", reason="not good")
    told.admin.export_bundle(str(bundle.with_name("next")), [])
    report = other.admin.import_bundle(str(bundle.with_name("next")))
    assert (report.events, report.blobs, report.sound) == (2, 1, True)
    assert other.registry.journal.state_digest("demo") == told.registry.journal.state_digest("demo")
    assert [entry.reference for entry in other.registry.versions.search("state = withdrawn").items] == [
        entry.reference for entry in told.registry.versions.search("state = withdrawn").items
    ]
    # An older bundle into a newer copy changes nothing.
    assert other.admin.import_bundle(str(bundle)).events == 0
    assert other.admin.doctor().sound


def test_a_namespace_at_home_here_is_never_overwritten(bundle: Path, place: Open) -> None:
    other = place("other")
    other.register(NAME, "mine", {"m": b"mine"})
    before = other.registry.journal.state_digest("demo")
    with pytest.raises(ConflictError) as caught:
        other.admin.import_bundle(str(bundle))
    assert caught.value.code == "home-here"
    assert other.registry.journal.state_digest("demo") == before
    assert [entry.namespace for entry in other.registry.namespaces.list()] == ["demo"]
    assert len(list(other.context.blobs.list())) == 1


def test_a_journal_that_diverged_is_refused_with_the_first_difference(told: Place, tmp_path: Path) -> None:
    told.admin.backup(str(tmp_path / "twin"))
    told.register(NAME, "here", {"m": b"here"})
    with Place(tmp_path / "twin") as twin:  # somebody opened a backup, and went on writing there
        twin.register(NAME, "there", {"m": b"there"})
        first = twin.registry.journal.checkpoint("demo").seq
        twin.register(NAME, "there2", {"m": b"there2"})
        twin.admin.export_bundle(str(tmp_path / "b"), ["demo"])
    with pytest.raises(ConflictError) as caught:
        told.admin.import_bundle(str(tmp_path / "b"))
    assert caught.value.code == "diverged"
    assert caught.value.details["seq"] == first


def test_a_home_that_lost_its_tail_gets_it_back_from_its_own_bundle(told: Place, tmp_path: Path) -> None:
    told.admin.backup(str(tmp_path / "yesterday"))
    told.register(NAME, "late", {"m": b"late"})
    told.admin.export_bundle(str(tmp_path / "b"), [])
    mark = told.registry.journal.checkpoint("demo")
    with Place(tmp_path / "yesterday") as restored:
        assert restored.admin.import_bundle(str(tmp_path / "b")).events == 1
        assert restored.registry.journal.checkpoint("demo") == mark
        assert restored.register(NAME, "later", {"m": b"later"}).seq == mark.seq + 1
        assert restored.admin.doctor().sound


def test_an_import_that_broke_off_goes_on_where_it_was(
    bundle: Path, place: Open, told: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("herdbook.service.replay.CHUNK_OPS", 1)
    other = place("other")

    def step(what: str, done: int, of: int) -> None:
        del of
        if what.startswith("replaying demo") and done == 5:
            raise StopError

    with pytest.raises(StopError):
        other.admin.import_bundle(str(bundle), step=step)
    assert other.registry.journal.checkpoint("demo").seq == 5  # an older copy, correct in itself
    assert rules(other.admin.doctor()) == set()
    assert other.admin.garbage(dry_run=False).candidates == ()  # its blobs wait under leases
    brought = len(list(other.context.blobs.list()))
    assert brought > 0
    report = other.admin.import_bundle(str(bundle))
    assert brought + report.blobs == len(list(bundle.glob("blobs/*/*")))  # none came twice
    assert other.registry.journal.checkpoint("demo") == told.registry.journal.checkpoint("demo")
    assert other.admin.doctor().sound


def test_a_part_is_taken_only_where_it_follows(told: Place, bundle: Path, place: Open) -> None:
    seq = told.registry.journal.checkpoint("demo").seq
    told.register(NAME, "next", {"m": b"next"})
    told.admin.export_bundle(str(bundle.with_name("whole")), ["demo"])
    part = bundle.with_name("part")
    shutil.copytree(bundle.with_name("whole"), part)
    edit_events(part, lambda lines: lines[seq:])
    edit_manifest(part, lambda value: value["journals"][0].update(first=seq + 1))
    lines = (part / "journals" / "demo.ndjson").read_text()
    wanted = {path for path in part.glob("bodies/*/*") if path.name in lines}
    blobs = {path for path in part.glob("blobs/*/*") if any(path.name in body.read_text() for body in wanted)}
    for path in {*part.glob("bodies/*/*"), *part.glob("blobs/*/*")} - wanted - blobs:
        path.unlink()
    report = told.admin.verify_bundle(str(part))
    assert report.sound, report.findings
    assert not report.complete
    assert report.states == {}
    assert stranger(part).returncode == 0
    empty, copy = place("empty"), place("copy")
    with pytest.raises(InvalidError) as caught:
        empty.admin.import_bundle(str(part))
    assert caught.value.code == "bundle-part"
    copy.admin.import_bundle(str(bundle))
    assert copy.admin.import_bundle(str(part)).events == 1
    assert copy.registry.journal.state_digest("demo") == told.registry.journal.state_digest("demo")


def test_files_that_were_lost_or_absent_come_back_with_a_bundle_that_has_them(told: Place, bundle: Path) -> None:
    lost = sorted(told.context.blobs.list())[:3]
    for sha256, _ in lost:
        told.blob(sha256).unlink()
    assert rules(told.admin.doctor()) == {"blob-gone"}
    report = told.admin.import_bundle(str(bundle))
    assert (report.events, report.blobs) == (0, 3)
    assert told.admin.doctor().sound
