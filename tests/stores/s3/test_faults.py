"""A store that lies, spoils, cuts and forgets: nothing wrong is kept or handed out, and trying again works."""

from __future__ import annotations

import hashlib
import io
import json
import shutil

import pytest
from tests.servers.faulty_s3 import FaultyS3
from tests.servers.places import S3Place
from tests.stores.s3.bad import impatient, proxy, store

from herdbook.kernel.errors import CorruptError, UnavailableError
from herdbook.stores.s3.blobs import S3Blobs
from herdbook.testing.blobs import put, sample

__all__ = ["impatient", "proxy", "store"]  # pytest looks here for fixtures

SMALL = sample(100_000)
LARGE = sample((17 << 20) + 5)
SHA = "sha256:" + hashlib.sha256(SMALL).hexdigest()
TMP, FINAL = "/tmp/", r"/[0-9a-f]{2}/[0-9a-f]{64}"
FOREVER = 1_000_000


def refused(store: S3Blobs, data: bytes) -> UnavailableError:
    """Return why this could not be staged; nothing is there then, and the next time it works."""
    with pytest.raises(UnavailableError) as caught:
        store.stage(io.BytesIO(data))
    assert caught.value.hint
    assert list(store.list()) == []
    store.verify(put(store, data).sha256)
    return caught.value


# -- sending


@pytest.mark.parametrize("what", ["lies", "spoils"])
def test_a_store_that_takes_a_file_and_has_another_or_none_is_found_out(
    store: S3Blobs, proxy: FaultyS3, what: str
) -> None:
    proxy.fault(what, "PUT", TMP)
    assert refused(store, SMALL).code == "store-altered"


def test_a_part_that_is_stored_otherwise_is_found_out(store: S3Blobs, proxy: FaultyS3) -> None:
    proxy.fault("spoils", "PUT", "partNumber=2")
    assert refused(store, LARGE).code == "store-altered"


@pytest.mark.parametrize("where", ["partNumber=2", "uploadId"])
def test_a_part_or_an_end_that_was_only_acknowledged_is_found_out(store: S3Blobs, proxy: FaultyS3, where: str) -> None:
    proxy.fault("lies", "PUT" if "part" in where else "POST", where)
    assert refused(store, LARGE).code in {"store-altered", "store-unavailable"}


def test_what_is_spoilt_only_on_the_way_back_is_read_once_more(store: S3Blobs, proxy: FaultyS3) -> None:
    fault = proxy.fault("flips", "GET", TMP)
    store.verify(put(store, SMALL).sha256)
    assert fault.happened.is_set()


@pytest.mark.parametrize("method", ["PUT", "HEAD", "GET", "POST", "DELETE"])
@pytest.mark.parametrize(
    "what", [pytest.param("status", marks=pytest.mark.slow), "loses", pytest.param("drops", marks=pytest.mark.slow)]
)
def test_a_burst_of_errors_is_sat_out(store: S3Blobs, proxy: FaultyS3, method: str, what: str) -> None:
    fault = proxy.fault(what, method, status=500, code="InternalError")
    staged = store.stage(io.BytesIO(LARGE))
    assert staged.keep()
    store.verify(staged.content.sha256)
    assert list(store.list()) == [(staged.content.sha256, len(LARGE))]
    assert fault.happened.is_set()


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(("data", "method"), [(SMALL, "PUT"), (LARGE, "PUT"), (LARGE, "POST"), (SMALL, "GET")])
def test_a_store_that_stays_away_is_named_with_what_it_was_asked(
    store: S3Blobs, proxy: FaultyS3, data: bytes, method: str
) -> None:
    fault = proxy.fault("status", method, times=FOREVER)
    with pytest.raises(UnavailableError) as caught:
        store.stage(io.BytesIO(data))
    assert caught.value.code == "store-unavailable"
    assert proxy.server.endpoint in str(caught.value)
    assert str(caught.value.details["operation"]) in str(caught.value)
    fault.times = 0
    assert list(store.list()) == []
    store.verify(put(store, data).sha256)


@pytest.mark.usefixtures("impatient")
def test_a_store_that_is_slow_is_asked_again_and_given_up_in_bounded_time(store: S3Blobs, proxy: FaultyS3) -> None:
    proxy.fault("slow", "PUT", TMP, seconds=1.5, times=2)
    assert refused(store, SMALL).code == "store-unavailable"
    proxy.fault("slow", "PUT", TMP, seconds=1.5)
    store.verify(put(store, sample(99)).sha256)


@pytest.mark.parametrize(("status", "code"), [(507, "InsufficientStorage"), (403, "QuotaExceeded")])
def test_a_full_store_says_so(store: S3Blobs, proxy: FaultyS3, status: int, code: str) -> None:
    proxy.fault("status", "PUT", TMP, status=status, code=code)
    assert refused(store, SMALL).code == "disk-full"


# -- keeping


@pytest.mark.parametrize("what", ["lies", "status", "loses", "drops"])
def test_a_copy_that_was_not_made_is_noticed_and_made_again(store: S3Blobs, proxy: FaultyS3, what: str) -> None:
    staged = store.stage(io.BytesIO(SMALL))
    proxy.fault(what, "PUT", FINAL)
    if what == "lies":
        with pytest.raises(UnavailableError) as caught:
            staged.keep()
        assert caught.value.code == "store-altered"
        assert store.size(SHA) is None
    assert staged.keep()
    store.verify(SHA)


@pytest.mark.parametrize("other", [SMALL[:-1], SMALL[:-1] + b"\0"], ids=["cut", "spoilt"])
def test_a_copy_that_is_another_is_taken_away_again(
    store: S3Blobs, proxy: FaultyS3, s3_place: S3Place, other: bytes
) -> None:
    staged = store.stage(io.BytesIO(SMALL))
    held = proxy.fault("lies", "PUT", FINAL)
    key = f"{s3_place.prefix}/{SHA[7:9]}/{SHA[7:]}"
    s3_place.server.client.put_object(Bucket=s3_place.bucket, Key=key, Body=other[:-5])
    proxy.fault("flips", "HEAD", FINAL, times=0)
    with pytest.raises(UnavailableError) as caught:
        staged.keep()
    assert caught.value.code == "store-altered"
    assert held.happened.is_set()
    assert store.size(SHA) is None
    assert staged.keep()
    store.verify(SHA)


def test_bytes_that_a_sweep_took_before_they_were_kept_are_asked_for_again(store: S3Blobs, s3_place: S3Place) -> None:
    staged = store.stage(io.BytesIO(SMALL))
    client = s3_place.server.client
    for item in client.list_objects_v2(Bucket=s3_place.bucket, Prefix=f"{s3_place.prefix}/tmp/")["Contents"]:
        client.delete_object(Bucket=s3_place.bucket, Key=item["Key"])
    with pytest.raises(UnavailableError) as caught:
        staged.keep()
    assert caught.value.code == "staged-gone"
    assert list(store.list()) == []


# -- reading


def test_a_byte_that_was_flipped_is_never_the_last_word(store: S3Blobs, proxy: FaultyS3) -> None:
    sha256 = put(store, LARGE).sha256
    proxy.fault("flips", "GET", FINAL)
    with pytest.raises(CorruptError):
        store.verify(sha256)
    proxy.fault("flips", "GET", FINAL)
    with store.open(sha256) as blob, blob.stream() as stream, pytest.raises(CorruptError):
        shutil.copyfileobj(stream, io.BytesIO())
    store.verify(sha256)


def test_a_connection_that_is_cut_again_and_again_still_brings_the_whole(store: S3Blobs, proxy: FaultyS3) -> None:
    sha256 = put(store, LARGE).sha256
    cut = proxy.fault("cuts", "GET", FINAL, times=5)
    with store.open(sha256) as blob, blob.stream() as stream:
        assert stream.read() == LARGE
    assert cut.times == 0
    proxy.fault("cuts", "GET", FINAL, times=3)
    with store.open(sha256) as blob:
        assert blob.read_at(1000, 2 << 20) == LARGE[1000 : 1000 + (2 << 20)]


@pytest.mark.usefixtures("impatient")
def test_a_store_that_goes_away_while_it_is_read_is_unavailable_not_corrupt(store: S3Blobs, proxy: FaultyS3) -> None:
    sha256 = put(store, LARGE).sha256
    proxy.fault("cuts", "GET", FINAL)
    gone = proxy.fault("loses", "GET", FINAL, times=FOREVER)
    with store.open(sha256) as blob, blob.stream() as stream:
        with pytest.raises(UnavailableError) as caught:
            stream.read()
        assert caught.value.code == "store-unavailable"
        gone.times = 0
        stream.seek(0)
        assert stream.read() == LARGE


def test_a_store_that_does_not_know_yet_what_it_was_given_is_asked_again(store: S3Blobs, proxy: FaultyS3) -> None:
    for method in ("HEAD", "GET"):
        proxy.fault("status", method, TMP, status=404, code="NoSuchKey", times=2)
    staged = store.stage(io.BytesIO(SMALL))
    proxy.fault("status", "HEAD", FINAL, status=404, code="NoSuchKey", times=2)
    assert staged.keep()
    store.verify(SHA)


def test_a_range_that_is_answered_with_the_whole_is_not_believed(
    store: S3Blobs, proxy: FaultyS3, monkeypatch: pytest.MonkeyPatch
) -> None:
    sha256 = put(store, LARGE).sha256
    forward = proxy.forward

    def whole(method: str, path: str, headers: dict[str, str], body: bytes) -> object:
        return forward(method, path, {name: value for name, value in headers.items() if name != "Range"}, body)

    monkeypatch.setattr(proxy, "forward", whole)
    with store.open(sha256) as blob, pytest.raises(UnavailableError, match="another range"):
        blob.read_at(5, 1000)


# -- listing


def test_a_stale_list_forgets_but_never_invents(store: S3Blobs, proxy: FaultyS3) -> None:
    kept = put(store, SMALL).sha256
    proxy.fault("stale", "GET", "list-type=2", times=1)
    assert list(store.list()) == []
    assert list(store.list()) == [(kept, len(SMALL))]
    assert store.size(kept) == len(SMALL)


def test_no_error_and_no_name_of_the_store_tells_a_secret(
    store: S3Blobs, proxy: FaultyS3, monkeypatch: pytest.MonkeyPatch, s3_place: S3Place
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "very-secret-indeed")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDWHOISIT")
    store = S3Blobs(s3_place.bucket, s3_place.prefix, endpoint=proxy.server.endpoint)
    said = [repr(store), repr(vars(store))]
    proxy.fault("status", "PUT", TMP, status=403, code="InvalidAccessKeyId")
    with pytest.raises(Exception, match="denied") as caught:
        store.stage(io.BytesIO(SMALL))
    error: BaseException | None = caught.value
    while error is not None:
        said += [str(error), repr(error), json.dumps(vars(error), default=repr)]
        error = error.__cause__
    store.close()
    assert not [text for text in said if "very-secret" in text or "AKIDWHO" in text]
