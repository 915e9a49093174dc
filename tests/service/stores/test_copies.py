"""Filling and mending stores: nothing sound is ever removed, and what is said to be mended is."""

from __future__ import annotations

import ctypes
import os
import shutil
from pathlib import Path

import pytest
from tests.service.stores.places import Stores
from tests.small_disk import small_disk

from herdbook.kernel import digests
from herdbook.kernel.errors import CorruptError, HerdbookError, InvalidError, MissingError, UnavailableError
from herdbook.service.tiers import Tiers
from herdbook.stores.disk.blobs import DiskBlobs
from herdbook.testing.blobs import put, sample

__all__ = ["small_disk"]


def sound(stores: Stores) -> bool:
    return all(report.sound for report in stores.admin.verify_stores())


# -- copy


def test_a_second_store_is_filled_with_what_records_need_and_no_more(stores: Stores) -> None:
    stores.keep(*(sample(size, size) for size in (0, 1, 300_000)))
    put(stores.disks["first"], b"not needed")
    report = stores.admin.copy_store("first", "second")
    assert (report.mended, report.bytes, report.ok, report.sound) == (3, 300_001, 0, True)
    again = stores.admin.copy_store("first", "second")
    assert (again.mended, again.ok) == (0, 3)
    assert sum(1 for _ in stores.disks["second"].list()) == 3


def test_copying_passes_on_nothing_that_is_rotten(stores: Stores) -> None:
    rotten, fine = stores.keep(sample(5000, 1), sample(5000, 2))
    stores.flip("first", rotten)
    report = stores.admin.copy_store("first", "second")
    assert not report.sound
    assert (report.mended, report.missing) == (1, 1)
    assert [sha256 for sha256, _ in stores.disks["second"].list()] == [fine]
    assert {finding.where for finding in report.findings} == {rotten}


def test_copying_makes_whole_what_was_cut(stores: Stores) -> None:
    (cut,) = stores.keep(sample(5000))
    stores.fill("second")
    stores.cut("second", cut, 100)
    assert stores.admin.copy_store("first", "second").mended == 1
    stores.disks["second"].verify(cut)


@pytest.mark.parametrize(
    ("source", "target", "error"), [("first", "first", InvalidError), ("first", "x", MissingError)]
)
def test_copying_to_itself_or_to_nowhere_is_refused(
    stores: Stores, source: str, target: str, error: type[HerdbookError]
) -> None:
    with pytest.raises(error) as caught:
        stores.admin.copy_store(source, target)
    assert caught.value.hint


# -- repair


def test_lost_and_rotten_copies_are_replaced_from_whoever_has_them_sound(stores: Stores) -> None:
    lost, rotten, cut, both = stores.keep(*(sample(5000, seed) for seed in range(4)))
    stores.fill()
    stores.lose("first", lost)
    stores.flip("second", rotten)
    stores.cut("third", cut, 10)
    stores.flip("first", both)
    stores.lose("second", both)
    stores.admin.verify_stores()
    assert [(each.store, each.mended, each.sound) for each in stores.admin.repair_stores()] == [
        ("first", 2, True),
        ("second", 2, True),
        ("third", 1, True),
    ]
    assert [entry.verification.corrupt for entry in stores.admin.stores() if entry.verification] == [0, 0, 0]
    assert sound(stores)


def test_what_no_store_has_sound_stays_as_it_is_and_is_named(stores: Stores) -> None:
    rotten, lost = stores.keep(sample(5000, 1), sample(5000, 2))
    stores.fill("second")
    for name in ("first", "second"):
        stores.flip(name, rotten)
        stores.lose(name, lost)
    with pytest.raises(UnavailableError) as caught:
        stores.admin.repair_stores()
    assert caught.value.code == "store-empty"
    shutil.copytree(stores.folder / "second", stores.folder / "third", dirs_exist_ok=True)
    stores.admin.verify_stores()
    for report in stores.admin.repair_stores():
        assert (report.corrupt, report.missing, report.mended) == (1, 1, 0)
        assert {(each.rule, each.where) for each in report.findings if each.severity == "error"} == {
            ("blob-corrupt", rotten),
            ("blob-missing", lost),
        }
        assert stores.at(report.store, rotten).exists(), "even wrong bytes are somebody's last hope"


def test_what_the_doctor_found_rotten_is_mended_without_a_verification(stores: Stores) -> None:
    (rotten,) = stores.keep(sample(5000))
    stores.fill()
    stores.flip("second", rotten)
    report = stores.admin.doctor()
    assert report.sound, "another store has it"
    assert [(each.rule, each.where) for each in report.findings] == [("copy-corrupt", rotten)]
    assert "herdbook store repair" in report.findings[0].message
    assert [each.mended for each in stores.admin.repair_stores()] == [0, 1, 0]
    assert stores.admin.doctor().findings == ()


def test_a_store_that_has_nothing_is_not_filled_unasked(stores: Stores) -> None:
    stores.keep(b"needed")
    with pytest.raises(UnavailableError) as caught:
        stores.admin.repair_stores()
    assert caught.value.code == "store-empty"
    assert "herdbook store copy first second" in caught.value.hint
    assert not (stores.folder / "second").exists()


def test_one_store_alone_says_what_is_wrong_and_removes_nothing(stores: Stores) -> None:
    (rotten,) = stores.keep(sample(5000))
    stores.context.blobs = DiskBlobs(stores.folder / "first")
    stores.flip("first", rotten)
    assert [each.name for each in stores.admin.stores()] == ["blobs"]
    assert not stores.admin.verify_stores()[0].sound
    (report,) = stores.admin.repair_stores()
    assert (report.corrupt, report.mended) == (1, 0)
    assert stores.at("first", rotten).exists()


def test_a_copy_that_somebody_mended_meanwhile_is_left_alone(stores: Stores) -> None:
    (rotten,) = stores.keep(sample(5000))
    stores.fill("second")
    stores.flip("second", rotten)
    stores.admin.verify_stores(["second"])
    stores.flip("second", rotten)
    inode = stores.at("second", rotten).stat().st_ino
    stores.context.blobs = Tiers({name: stores.disks[name] for name in ("first", "second")})
    assert all(report.sound for report in stores.admin.repair_stores())
    assert stores.at("second", rotten).stat().st_ino == inode


def test_a_folder_in_the_place_of_a_blob_is_told_and_stops_nothing(stores: Stores) -> None:
    blocked, lost, _ = stores.keep(*(sample(5000, seed) for seed in range(3)))
    stores.fill()
    stores.lose("second", blocked)
    stores.at("second", blocked).mkdir()
    stores.lose("second", lost)
    reports = {report.store: report for report in stores.admin.repair_stores()}
    assert (reports["second"].mended, reports["second"].sound) == (1, False)
    stores.disks["second"].verify(lost)


# -- doctor and garbage collection over all stores


def test_the_doctor_tells_a_copy_that_is_missing_from_bytes_that_are_gone(stores: Stores) -> None:
    one, all_ = stores.keep(sample(5000, 1), sample(5000, 2))
    stores.fill()
    stores.lose("second", one)
    for name in ("first", "second", "third"):
        stores.lose(name, all_)
    found = {(each.rule, str(each.severity), each.where) for each in stores.admin.doctor().findings}
    assert found == {("copy-missing", "warning", one), ("blob-gone", "error", all_)}


def test_the_doctor_calls_rotten_in_all_stores_an_error(stores: Stores) -> None:
    (rotten,) = stores.keep(sample(5000))
    stores.fill()
    for name in ("first", "second", "third"):
        stores.flip(name, rotten)
    report = stores.admin.doctor()
    assert not report.sound
    assert [each.rule for each in report.findings] == ["blob-corrupt"] * 3


def test_garbage_goes_from_all_stores(stores: Stores) -> None:
    (needed,) = stores.keep(b"needed")
    stores.fill()
    for disk in stores.disks.values():
        put(disk, b"garbage")
    report = stores.admin.garbage(dry_run=False)
    assert report.candidates == (digests.of(b"garbage"),)
    assert [[sha256 for sha256, _ in disk.list()] for disk in stores.disks.values()] == [[needed]] * 3


def test_a_backup_takes_each_blob_from_whoever_has_it_sound(stores: Stores, tmp_path: Path) -> None:
    lost, rotten = stores.keep(sample(5000, 1), sample(9_000_000, 2))
    stores.fill("second")
    stores.lose("first", lost)
    stores.flip("first", rotten, 5)
    report = stores.admin.backup(str(tmp_path / "backup"))
    assert report.findings == ()
    backup = DiskBlobs(tmp_path / "backup" / "blobs")
    for sha256 in (lost, rotten):
        backup.verify(sha256)


# -- disks that are full or will not be written


def test_a_full_disk_ends_a_copy_in_a_sentence_and_leaves_nothing_half_written(
    stores: Stores, small_disk: Path
) -> None:
    stores.keep(*(sample(1_500_000, seed) for seed in range(5)))
    small = DiskBlobs(small_disk / "blobs")
    stores.context.blobs = Tiers({"first": stores.disks["first"], "small": small})
    with pytest.raises(UnavailableError) as caught:
        stores.admin.copy_store("first", "small")
    assert caught.value.code == "disk-full"
    for sha256, _ in small.list():
        small.verify(sha256)
    assert list((small_disk / "blobs" / "tmp").glob("*.part")) == []
    with pytest.raises(UnavailableError):
        stores.admin.repair_stores()
    assert all(report.sound for report in stores.admin.verify_stores(["first"]))


def test_a_rotten_copy_on_a_full_disk_stays_until_there_is_room(stores: Stores, small_disk: Path) -> None:
    (rotten,) = stores.keep(sample(2_500_000))
    small = DiskBlobs(small_disk / "blobs")
    stores.context.blobs = Tiers({"first": stores.disks["first"], "small": small})
    stores.admin.copy_store("first", "small")
    path = small.root / rotten[7:9] / rotten[7:]
    path.chmod(0o600)
    with path.open("r+b") as file:
        file.write(b"rot")
    assert not stores.admin.verify_stores(["small"])[0].sound
    with pytest.raises(UnavailableError):
        stores.admin.repair_stores()
    assert path.exists()
    assert put(stores.context.blobs, b"goes on").size == 7


def test_a_store_on_a_disk_that_turned_read_only_is_read_and_refuses_to_be_mended(
    stores: Stores, small_disk: Path
) -> None:
    rotten, fine = stores.keep(sample(5000, 1), sample(5000, 2))
    small = DiskBlobs(small_disk / "blobs")
    stores.context.blobs = Tiers({"small": small, "first": stores.disks["first"]})
    stores.admin.copy_store("first", "small")
    path = small.root / rotten[7:9] / rotten[7:]
    path.chmod(0o600)
    with path.open("r+b") as file:
        file.write(b"rot")
    small.close()  # its lock is a file open for writing
    _remount(small_disk, read_only=True)
    try:
        assert not stores.admin.verify_stores(["small"])[0].sound
        for sha256 in (rotten, fine):
            blob = stores.context.blobs.open(sha256)
            with blob.stream() as stream:
                assert digests.of(stream.read()) == sha256
            blob.close()
        for write in (lambda: put(stores.context.blobs, b"new"), stores.admin.repair_stores):
            with pytest.raises(UnavailableError) as caught:
                write()
            assert caught.value.code == "read-only"
    finally:
        _remount(small_disk, read_only=False)
    assert [report.mended for report in stores.admin.repair_stores()] == [1, 0]


def _remount(folder: Path, *, read_only: bool) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    remount, ro = 32, 1  # MS_REMOUNT and MS_RDONLY of Linux's sys/mount.h
    if libc.mount(None, os.fsencode(folder), None, remount | (ro if read_only else 0), None) != 0:
        pytest.skip(f"the disk cannot be made read-only here: {os.strerror(ctypes.get_errno())}")


def test_a_rotten_copy_is_never_given_out_while_it_waits_for_repair(stores: Stores) -> None:
    (rotten,) = stores.keep(sample(5000))
    stores.flip("first", rotten)
    with pytest.raises(CorruptError), stores.context.blobs.open(rotten).stream() as stream:
        stream.read()
