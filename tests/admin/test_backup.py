"""A backup opens as a registry, is sound, and is made while others write."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.admin.registries import BERT, NAME, Place, StopError, rules

from herdbook.kernel.errors import ConflictError, InvalidError, UnavailableError
from herdbook.service.garbage import GRACE_S

if TYPE_CHECKING:
    from tests.admin.conftest import Open


def test_a_backup_opens_as_a_registry_and_the_doctor_calls_it_sound(told: Place, tmp_path: Path) -> None:
    report = told.admin.backup(str(tmp_path / "copy"))
    assert report.blobs == len(list(told.context.blobs.list()))
    with Place(tmp_path / "copy", read_only=True) as copy:
        assert rules(copy.admin.doctor()) == set()
        for name in ("demo", "other"):
            assert copy.registry.journal.checkpoint(name) == told.registry.journal.checkpoint(name)
            assert copy.registry.journal.state_digest(name) == told.registry.journal.state_digest(name)
        with copy.registry.files.open(f"{NAME}:v1", "labels.txt") as stream:
            assert stream.read() == b"tau\njet\n"


def test_a_second_run_copies_only_what_is_new(told: Place, tmp_path: Path) -> None:
    told.admin.backup(str(tmp_path / "copy"))
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "copy" / "blobs").glob("*/*")}
    told.register(NAME, "new", {"m": b"new"})
    report = told.admin.backup(str(tmp_path / "copy"))
    assert (report.blobs, report.blob_bytes) == (1, 3)
    after = {path: path.stat().st_mtime_ns for path in (tmp_path / "copy" / "blobs").glob("*/*")}
    assert {path: after[path] for path in before} == before
    with Place(tmp_path / "copy", read_only=True) as copy:
        assert copy.registry.versions.get(f"{NAME}:new").ordinal == 4
        assert copy.admin.doctor().sound


def test_a_file_that_rotted_in_the_backup_is_copied_again_when_asked(told: Place, tmp_path: Path) -> None:
    told.admin.backup(str(tmp_path / "copy"))
    path = next((tmp_path / "copy" / "blobs").glob("*/*"))
    path.chmod(0o644)
    path.write_bytes(bytes(path.stat().st_size))
    assert told.admin.backup(str(tmp_path / "copy")).blobs == 0
    assert told.admin.backup(str(tmp_path / "copy"), verify=True).blobs == 1
    with Place(tmp_path / "copy", read_only=True) as copy:
        assert copy.admin.doctor().sound


def test_a_file_that_rotted_here_is_told_and_does_not_replace_the_good_copy(told: Place, tmp_path: Path) -> None:
    told.admin.backup(str(tmp_path / "copy"))
    sha256, size = next(told.context.blobs.list())
    told.blob(sha256).chmod(0o644)
    told.blob(sha256).write_bytes(bytes(size))
    (tmp_path / "copy" / "blobs" / sha256[7:9] / sha256[7:]).unlink()
    report = told.admin.backup(str(tmp_path / "copy"))
    assert rules(report) == {"blob-corrupt"}
    assert report.blobs == 0


def test_a_backup_that_breaks_off_leaves_the_one_before_as_good_as_it_was(told: Place, tmp_path: Path) -> None:
    told.admin.backup(str(tmp_path / "copy"))
    told.register(NAME, "new", {"m": b"new"})

    def step(*_: object) -> None:
        raise StopError

    with pytest.raises(StopError):
        told.admin.backup(str(tmp_path / "copy"), step=step)
    with Place(tmp_path / "copy", read_only=True) as copy:
        assert copy.admin.doctor().sound
        assert not copy.registry.versions.search("label = new").items
    told.admin.backup(str(tmp_path / "copy"))
    with Place(tmp_path / "copy", read_only=True) as copy:
        assert copy.admin.doctor().sound
        assert copy.registry.versions.get(f"{NAME}:new").ordinal == 4
    assert {path.name for path in (tmp_path / "copy").iterdir()} >= {
        "blobs",
        "catalogue.sqlite",
        "herdbook-backup.json",
    }
    assert not (tmp_path / "copy" / ".next").exists()


def test_others_register_and_collect_while_a_backup_is_made(place: Open, tmp_path: Path) -> None:
    ours = place()
    ours.many(30)
    other = place(actor=BERT)
    left = other.put(b"left over")
    ours.now[0] += 24 * 3600 + GRACE_S + 1
    other.now[0] = ours.now[0]
    count = 0

    def step(what: str, done: int, of: int) -> None:
        nonlocal count
        del what, done, of
        count += 1
        other.register("demo/late/m", f"v{count}", {"m": b"late %d" % count})
        other.admin.garbage(dry_run=False)

    ours.admin.backup(str(tmp_path / "copy"), step=step)
    assert count > 0
    with Place(tmp_path / "copy") as copy:
        assert copy.admin.doctor().sound
        assert not copy.blob(left).exists()


def test_only_one_s_own_backup_is_written_into(told: Place, place: Open, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    with pytest.raises(ConflictError) as caught:
        told.admin.backup(str(tmp_path / "full"))
    assert caught.value.code == "not-empty"
    place("other").admin.backup(str(tmp_path / "copy"))
    with pytest.raises(ConflictError) as caught:
        told.admin.backup(str(tmp_path / "copy"))
    assert caught.value.code == "other-registry"
    for inside in (told.folder, told.folder / "copy", told.folder.parent):
        with pytest.raises(InvalidError):
            told.admin.backup(str(inside))


def test_two_backups_at_once_into_one_folder_do_not_mix(told: Place, tmp_path: Path) -> None:
    told.admin.backup(str(tmp_path / "copy"))
    handle = os.open(tmp_path / "copy", os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    try:
        with pytest.raises(UnavailableError):
            told.admin.backup(str(tmp_path / "copy"))
    finally:
        os.close(handle)


def test_a_backup_that_is_killed_is_taken_up_again(told: Place, tmp_path: Path) -> None:
    told.many(20)
    script = (
        "import sys, os; sys.path.insert(0, sys.argv[1]); from pathlib import Path\n"
        "from tests.admin.registries import Place\n"
        "place = Place(Path(sys.argv[2]))\n"
        "place.context.blobs.list = lambda list_=place.context.blobs.list: "
        "(os.kill(os.getpid(), 9) if n == 10 else blob for n, blob in enumerate(list_()))\n"
        "import herdbook.service.backup as b; b.LOOK = 3\n"
        "place.admin.backup(sys.argv[3])"
    )
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-c", script, str(root), str(told.folder), str(tmp_path / "copy")], check=False
    )
    assert done.returncode == -9
    assert not (tmp_path / "copy" / "catalogue.sqlite").exists()
    told.admin.backup(str(tmp_path / "copy"))
    with Place(tmp_path / "copy") as copy:
        assert copy.admin.doctor().sound
