"""Stores in an order when one of them is S3: the contract, breaks in the middle, and bytes that move there."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.servers.faulty_s3 import FaultyS3, faulty
from tests.servers.localstack import localstack, s3_place
from tests.servers.places import S3Place
from tests.service.stores.places import Stores

from herdbook.bootstrap import parts, registry_file
from herdbook.kernel import digests
from herdbook.kernel.errors import CorruptError, UnavailableError
from herdbook.service.tiers import Tiers
from herdbook.stores.disk.blobs import DiskBlobs
from herdbook.stores.s3 import bucket
from herdbook.stores.s3.blobs import S3Blobs
from herdbook.testing.blobs import BlobStoreContract, Spoil, put, sample
from herdbook.testing.uploads import Reopen, UploadsContract

__all__ = ["localstack", "s3_place"]

LARGE = sample((17 << 20) + 5)
SHA256 = digests.of(LARGE)


def spoil_in(place: S3Place, sha256: str, data: bytes) -> None:
    key = f"{place.prefix}/{sha256[7:9]}/{sha256[7:]}"
    place.server.client.put_object(Bucket=place.bucket, Key=key, Body=data)


def flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


@pytest.fixture
def s3(s3_place: S3Place) -> Iterator[S3Blobs]:
    made = S3Blobs(s3_place.bucket, s3_place.prefix, endpoint=s3_place.endpoint)
    yield made
    made.close()


@pytest.fixture
def disk(tmp_path: Path) -> DiskBlobs:
    return DiskBlobs(tmp_path / "disk")


class TestS3ThenDisk(BlobStoreContract):
    @pytest.fixture
    def store(self, s3: S3Blobs, disk: DiskBlobs) -> Tiers:
        return Tiers({"s3": s3, "disk": disk}, note=lambda *_: None)

    @pytest.fixture
    def spoil(self, s3_place: S3Place) -> Spoil:
        return lambda sha256, data: spoil_in(s3_place, sha256, data)


@pytest.mark.slow
class TestDiskThenS3(BlobStoreContract):
    @pytest.fixture
    def store(self, s3: S3Blobs, disk: DiskBlobs) -> Tiers:
        return Tiers({"disk": disk, "s3": s3}, note=lambda *_: None)


@pytest.mark.slow
class TestUploadsToS3ThenDisk(UploadsContract):
    @pytest.fixture
    def reopen(self, s3_place: S3Place, disk: DiskBlobs) -> Iterator[Reopen]:
        opened: list[Tiers] = []

        def again() -> Tiers:
            s3 = S3Blobs(s3_place.bucket, s3_place.prefix, endpoint=s3_place.endpoint)
            opened.append(Tiers({"s3": s3, "disk": disk}))
            return opened[-1]

        yield again
        for store in opened:
            store.close()

    @pytest.fixture
    def store(self, reopen: Reopen) -> object:
        return reopen()


# -- breaks on the way


@pytest.fixture
def proxy(s3_place: S3Place) -> Iterator[FaultyS3]:
    with faulty(s3_place.server) as server:
        yield server


@pytest.fixture
def behind(s3_place: S3Place, proxy: FaultyS3, disk: DiskBlobs, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tiers]:
    """S3 behind a proxy that spoils what it is told to, then a disk; each has the large blob."""
    monkeypatch.setattr(bucket, "ATTEMPTS", 2)
    monkeypatch.setattr(bucket, "READ_S", 1.0)
    monkeypatch.setattr(bucket, "PATIENT_S", 1.0)
    tiers = Tiers(
        {"s3": S3Blobs(s3_place.bucket, s3_place.prefix, endpoint=proxy.server.endpoint), "disk": disk},
        note=lambda *_: None,
    )
    for store in tiers.stores.values():
        put(store, LARGE)
    yield tiers
    tiers.close()


def read(tiers: Tiers) -> bytes:
    blob, sink = tiers.open(SHA256), io.BytesIO()
    with blob.stream() as stream:
        shutil.copyfileobj(stream, sink, 1 << 20)
    blob.close()
    return sink.getvalue()


@pytest.mark.parametrize("what", ["cuts", "status", "loses"])
def test_a_stream_that_breaks_off_for_good_is_gone_on_with_from_the_disk(
    behind: Tiers, proxy: FaultyS3, what: str
) -> None:
    blob, sink = behind.open(SHA256), io.BytesIO()
    with blob.stream() as stream:
        sink.write(stream.read(1 << 20))
        proxy.fault(what, "GET", times=1_000_000)
        shutil.copyfileobj(stream, sink, 1 << 20)
    blob.close()
    assert sink.getvalue() == LARGE


def test_a_store_that_is_gone_from_the_start_is_passed_over(behind: Tiers, proxy: FaultyS3) -> None:
    proxy.fault("loses", times=1_000_000)
    assert read(behind) == LARGE
    asked = len(proxy.asked)
    assert read(behind) == LARGE
    assert len(proxy.asked) == asked, "for a while it is asked last"


def test_wrong_bytes_of_a_large_object_are_taken_back_and_then_come_right(behind: Tiers, s3_place: S3Place) -> None:
    spoil_in(s3_place, SHA256, flipped(LARGE, 5))
    with pytest.raises(CorruptError) as caught:
        read(behind)
    assert caught.value.code == "bytes-taken-back"
    assert read(behind) == LARGE


# -- a registry whose bytes move


def declare(folder: Path, place: S3Place, *names: str) -> None:
    tables = {
        "disk": '[[blobs]]\nname = "disk"\nurl = "file:first"\n',
        "s3": f'[[blobs]]\nname = "s3"\nurl = "s3://{place.bucket}/{place.prefix}"\nendpoint = "{place.endpoint}"\n',
    }
    (folder / registry_file.NAME).write_text("\n".join(tables[name] for name in names), "utf-8")


@pytest.fixture
def moving(stores: Stores, s3_place: S3Place) -> Iterator[Stores]:
    """A registry on disk and in S3, opened as its file says."""
    declare(stores.folder, s3_place, "disk", "s3")
    stores.context.blobs = parts.open_blobs(stores.folder)
    yield stores
    stores.context.blobs.close()


def test_bytes_move_to_s3_are_mended_both_ways_and_the_disk_retires(moving: Stores, s3_place: S3Place) -> None:
    contents = [sample(50_000 + seed, seed) for seed in range(6)]
    sha256s = moving.keep(*contents)
    assert moving.admin.copy_store("disk", "s3").mended == 6
    assert all(report.sound for report in moving.admin.verify_stores())
    spoil_in(s3_place, sha256s[0], flipped(contents[0], 9))
    spoil_in(s3_place, sha256s[1], contents[1][:100])
    moving.flip("first", sha256s[2])
    moving.lose("first", sha256s[3])
    found = {report.store: report for report in moving.admin.verify_stores()}
    assert {(each.rule, each.where) for each in found["s3"].findings} == {
        ("blob-corrupt", sha256s[0]),
        ("blob-size", sha256s[1]),
    }
    assert (found["disk"].corrupt, found["disk"].missing) == (1, 1)
    assert [(report.mended, report.sound) for report in moving.admin.repair_stores()] == [(2, True), (2, True)]
    assert all(report.sound for report in moving.admin.verify_stores())
    assert moving.admin.doctor().findings == ()
    moving.context.blobs.close()
    declare(moving.folder, s3_place, "s3")
    moving.context.blobs = parts.open_blobs(moving.folder)
    shutil.rmtree(moving.folder / "first")
    assert moving.admin.doctor().sound
    for sha256, data in zip(sha256s, contents, strict=True):
        blob = moving.context.blobs.open(sha256)
        with blob.stream() as stream:
            assert stream.read() == data
        blob.close()


def test_garbage_goes_from_both(moving: Stores) -> None:
    (needed,) = moving.keep(b"needed")
    moving.admin.copy_store("disk", "s3")
    assert isinstance(moving.context.blobs, Tiers)
    for store in moving.context.blobs.stores.values():
        put(store, b"garbage")
    assert moving.admin.garbage(dry_run=False).candidates == (digests.of(b"garbage"),)
    assert [[sha256 for sha256, _ in store.list()] for store in moving.context.blobs.stores.values()] == [[needed]] * 2


def test_an_interrupted_verification_of_s3_goes_on(
    stores: Stores, s3_place: S3Place, proxy: FaultyS3, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bucket, "ATTEMPTS", 2)
    monkeypatch.setattr(bucket, "READ_S", 1.0)
    stores.many(60)
    s3 = S3Blobs(s3_place.bucket, s3_place.prefix, endpoint=proxy.server.endpoint)
    stores.context.blobs = Tiers({"first": stores.disks["first"], "s3": s3})
    assert stores.admin.copy_store("first", "s3").mended == 60
    fault = proxy.fault("loses", "GET", r"/[0-9a-f]{64}$", times=1_000_000, skip=30)
    with pytest.raises(UnavailableError):
        stores.admin.verify_stores(["s3"])
    fault.times = 0
    before = len(proxy.asked)
    (report,) = stores.admin.verify_stores(["s3"])
    assert report.resumed
    assert (report.ok, report.sound) == (60, True)
    gets = [asked for asked in proxy.asked[before:] if asked.startswith("GET") and "list-type" not in asked]
    assert len(gets) < 60
    s3.close()


# -- what the file may say


@pytest.mark.parametrize(
    ("url", "word"),
    [("file:", "no place"), ("s3:bucket", "no place"), ("https://x/y", "no place"), ("s3://", "no place")],
)
def test_a_place_that_is_none_is_refused_with_its_name(tmp_path: Path, url: str, word: str) -> None:
    (tmp_path / registry_file.NAME).write_text(f'[[blobs]]\nname = "odd"\nurl = "{url}"\n', "utf-8")
    with pytest.raises(Exception, match=word) as caught:
        parts.open_blobs(tmp_path)
    assert "'odd'" in str(caught.value)
    assert json.dumps(url)[1:-1] in str(caught.value)


@pytest.mark.parametrize(
    ("one", "other"),
    [("file:blobs", "file:./blobs"), ("file:blobs", "file:x/../blobs"), ("s3://b/p", "s3://b/p/")],
)
def test_one_place_under_two_names_is_refused(tmp_path: Path, one: str, other: str) -> None:
    (tmp_path / registry_file.NAME).write_text(
        f'[[blobs]]\nname = "a"\nurl = "{one}"\n[[blobs]]\nname = "b"\nurl = "{other}"\n', "utf-8"
    )
    with pytest.raises(Exception, match="'b' is where another one is"):
        parts.open_blobs(tmp_path)


def test_a_place_below_the_folder_or_anywhere_is_opened(tmp_path: Path) -> None:
    (tmp_path / "with space").mkdir()
    (tmp_path / registry_file.NAME).write_text(
        f'[[blobs]]\nname = "a"\nurl = "file:in%20here"\n[[blobs]]\nname = "b"\nurl = "file://{tmp_path}/with%20space"\n',
        "utf-8",
    )
    blobs = parts.open_blobs(tmp_path)
    assert isinstance(blobs, Tiers)
    put(blobs, b"x")
    assert (tmp_path / "in here" / "tmp").is_dir()
    assert blobs.places["b"] == f"file:{tmp_path.resolve()}/with space"
    blobs.close()


def test_without_a_word_about_blobs_they_are_in_the_folder(tmp_path: Path) -> None:
    blobs = parts.open_blobs(tmp_path)
    assert isinstance(blobs, DiskBlobs)
    assert blobs.root == tmp_path / "blobs"
