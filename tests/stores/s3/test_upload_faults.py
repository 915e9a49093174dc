"""Uploads to a bad store, and by two at once: what is told to be there is there, and what is lost may come again."""

from __future__ import annotations

import io
import threading

import pytest
from tests.servers.faulty_s3 import FaultyS3
from tests.servers.places import S3Place
from tests.stores.s3.bad import impatient, proxy, store
from tests.stores.s3.conftest import OpenBlobs

from herdbook.kernel.errors import ConflictError, HerdbookError, MissingError, UnavailableError
from herdbook.stores.s3 import sweeping
from herdbook.stores.s3.blobs import S3Blobs
from herdbook.testing.blobs import expected, sample
from herdbook.testing.uploads import begun, gone

__all__ = ["impatient", "proxy", "store"]  # pytest looks here for fixtures

DATA = sample((17 << 20) + 5)
PART, STATE, END = "partNumber=", "/state", r"/whole\?uploadId"


def send_all(store: S3Blobs, upload: str, tries: int = 6) -> None:
    """Send what is missing until all is there, as a client does that asks for the offset after each error."""
    for _ in range(tries):
        try:
            at = store.uploads.offset(upload)
            store.uploads.append(upload, at, io.BytesIO(DATA[at:]))
        except UnavailableError:
            continue
        return
    pytest.fail("it never came to an end")


def finished(store: S3Blobs, upload: str) -> None:
    """Finish, keep and verify."""
    staged = store.uploads.finish(upload)
    assert staged.content.model_dump() == expected(DATA)
    assert staged.keep()
    store.verify(staged.content.sha256)
    assert gone(store, upload)


@pytest.mark.parametrize(
    "what", [pytest.param("status", marks=pytest.mark.slow), "loses", pytest.param("drops", marks=pytest.mark.slow)]
)
@pytest.mark.parametrize(
    ("method", "where"),
    [
        ("PUT", PART),
        ("PUT", STATE),
        ("GET", STATE),
        ("GET", "uploadId"),
        ("POST", END),
        ("HEAD", ""),
        ("POST", "uploads"),
    ],
)
def test_a_request_that_fails_once_is_sat_out(
    store: S3Blobs, proxy: FaultyS3, what: str, method: str, where: str
) -> None:
    fault = proxy.fault(what, method, where, status=500, code="InternalError")
    upload = begun(store, DATA)
    finished(store, upload)
    assert fault.happened.is_set()


@pytest.mark.parametrize(("what", "where"), [("lies", PART), ("lies", STATE), ("lies", "partNumber=2")])
def test_bytes_that_a_store_only_says_it_took_are_not_acknowledged(
    store: S3Blobs, proxy: FaultyS3, what: str, where: str
) -> None:
    upload = store.uploads.begin()
    proxy.fault(what, "PUT", where)
    with pytest.raises(UnavailableError) as caught:
        store.uploads.append(upload, 0, io.BytesIO(DATA))
    assert caught.value.code == "store-altered"
    assert store.uploads.offset(upload) < len(DATA)
    send_all(store, upload)
    finished(store, upload)


@pytest.mark.parametrize("honest", [False, True])
def test_a_part_that_is_stored_otherwise_ends_the_upload(store: S3Blobs, proxy: FaultyS3, honest: bool) -> None:
    upload = store.uploads.begin()
    proxy.fault("spoils", "PUT", PART, honest=honest)
    with pytest.raises(UnavailableError) as caught:
        store.uploads.append(upload, 0, io.BytesIO(DATA))
    assert caught.value.code == "store-altered"
    assert gone(store, upload)
    assert list(store.list()) == []


def test_a_rest_that_is_stored_otherwise_is_not_acknowledged(store: S3Blobs, proxy: FaultyS3) -> None:
    upload = store.uploads.begin()
    proxy.fault("spoils", "PUT", STATE)
    with pytest.raises(UnavailableError) as caught:
        store.uploads.append(upload, 0, io.BytesIO(DATA))
    assert caught.value.code == "store-altered"
    assert gone(store, upload)


def test_what_is_spoilt_on_the_way_back_gets_no_digest_of_its_own(store: S3Blobs, proxy: FaultyS3) -> None:
    upload = begun(store, DATA)
    fault = proxy.fault("flips", "GET", r"/whole$")
    finished(store, upload)
    assert fault.happened.is_set()


def test_an_upload_that_comes_back_otherwise_each_time_is_not_kept(store: S3Blobs, proxy: FaultyS3) -> None:
    upload = begun(store, DATA)
    fault = proxy.fault("flips", "GET", r"/whole$", times=100)
    with pytest.raises(UnavailableError) as caught:
        store.uploads.finish(upload)
    assert caught.value.code == "store-altered"
    fault.times = 0
    finished(store, upload)


@pytest.mark.parametrize("times", [1, 100])
def test_a_stale_list_of_parts_loses_nothing(store: S3Blobs, proxy: FaultyS3, times: int) -> None:
    upload = begun(store, DATA)
    fault = proxy.fault("stale", "GET", "uploadId", times=times)
    if times > 1:
        with pytest.raises(UnavailableError):
            store.uploads.finish(upload)
        assert list(store.list()) == []
        fault.times = 0
    assert store.uploads.offset(upload) == len(DATA)
    finished(store, upload)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(("method", "where"), [("PUT", PART), ("PUT", STATE), ("GET", STATE), ("POST", END)])
def test_a_store_that_goes_away_is_gone_on_with_when_it_is_back(
    store: S3Blobs, proxy: FaultyS3, method: str, where: str
) -> None:
    upload = begun(store, DATA[: 9 << 20])
    fault = proxy.fault("status", method, where, times=1000)
    with pytest.raises(UnavailableError) as caught:  # noqa: PT012 - one of the two, by what was asked
        store.uploads.append(upload, 9 << 20, io.BytesIO(DATA[9 << 20 :]))
        store.uploads.finish(upload)
    assert caught.value.code == "store-unavailable"
    fault.times = 0
    assert store.uploads.offset(upload) >= 9 << 20
    send_all(store, upload)
    finished(store, upload)


def test_a_request_that_was_cut_off_and_its_successor_do_not_mix(store: S3Blobs, reopen: OpenBlobs) -> None:
    # A client lost its connection, and its request still hangs in one server while it goes on at another.
    upload, said, go = begun(store, DATA[:100]), threading.Event(), threading.Event()
    wrong: list[Exception] = []

    class Hanging(io.RawIOBase):
        def readable(self) -> bool:
            return True

        def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]  # enough for this test
            if not said.is_set():
                said.set()
                buffer[:50] = DATA[100:150]
                return 50
            go.wait(60)
            raise OSError(104, "Connection reset by peer")

    def first() -> None:
        try:
            store.uploads.append(upload, 100, Hanging())  # type: ignore[arg-type]  # a raw stream will do
        except HerdbookError as error:
            wrong.append(error)

    thread = threading.Thread(target=first)
    thread.start()
    assert said.wait(60)
    other = reopen()
    assert other.uploads.append(upload, 100, io.BytesIO(DATA[100:-7])) == len(DATA) - 7
    go.set()
    thread.join(60)
    assert [type(error) for error in wrong] == [ConflictError]
    assert other.uploads.offset(upload) == len(DATA) - 7
    other.uploads.append(upload, len(DATA) - 7, io.BytesIO(DATA[-7:]))
    finished(other, upload)


def test_uploads_that_nobody_goes_on_with_are_swept_and_the_living_are_not(
    store: S3Blobs, reopen: OpenBlobs, s3_place: S3Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    left, done = begun(store, DATA), begun(store, DATA[:99])
    store.uploads.finish(done)
    client = s3_place.server.client
    orphan = f"{s3_place.prefix}/uploads/{'1' * 32}/whole"
    client.create_multipart_upload(Bucket=s3_place.bucket, Key=orphan)
    assert reopen().sweep(0) == 0
    monkeypatch.setattr(sweeping, "UPLOADS_S", 0.0)
    assert reopen().sweep(0) > len(DATA) + 99
    assert gone(store, left)
    assert gone(store, done)
    assert "Uploads" not in client.list_multipart_uploads(Bucket=s3_place.bucket, Prefix=s3_place.prefix)
    assert not client.list_objects_v2(Bucket=s3_place.bucket, Prefix=s3_place.prefix)["KeyCount"]


def test_an_upload_whose_parts_a_lifecycle_rule_took_is_no_more(store: S3Blobs, s3_place: S3Place) -> None:
    upload = begun(store, DATA)
    client = s3_place.server.client
    for item in client.list_multipart_uploads(Bucket=s3_place.bucket, Prefix=s3_place.prefix)["Uploads"]:
        client.abort_multipart_upload(Bucket=s3_place.bucket, Key=item["Key"], UploadId=item["UploadId"])
    with pytest.raises(MissingError):
        store.uploads.offset(upload)
    assert gone(store, upload)
