"""No key, a wrong key, no bucket, nobody there: one sentence each, a hint, and no secret."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest
from tests.servers.places import S3Place

from herdbook.kernel.errors import DeniedError, HerdbookError, InvalidError, UnavailableError
from herdbook.stores.s3 import bucket, sending
from herdbook.stores.s3.blobs import S3Blobs
from herdbook.testing.blobs import ABSENT, put, sample


def refusals(store: S3Blobs) -> list[HerdbookError]:
    """Return what each way to use a store says."""
    said = []
    for ask in (
        lambda: store.stage(io.BytesIO(b"abc")),
        lambda: store.open(ABSENT),
        lambda: store.size(ABSENT),
        lambda: store.verify(ABSENT),
        lambda: store.delete(ABSENT),
        lambda: list(store.list()),
        lambda: store.sweep(0),
        store.uploads.begin,
    ):
        with pytest.raises(HerdbookError) as caught:
            ask()
        assert caught.value.hint
        said.append(caught.value)
    store.close()
    return said


def test_a_bucket_that_is_not_there_is_named_whatever_is_asked(s3_place: S3Place) -> None:
    for error in refusals(S3Blobs("no-such-bucket-here", endpoint=s3_place.endpoint)):
        assert isinstance(error, InvalidError)
        assert error.code == "s3-no-bucket"
        assert "no-such-bucket-here" in error.message


def test_a_name_that_no_bucket_can_have_is_refused(s3_place: S3Place) -> None:
    for error in refusals(S3Blobs("not a bucket!", endpoint=s3_place.endpoint)):
        assert isinstance(error, InvalidError)


def test_without_credentials_the_variables_are_named(s3_place: S3Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    for error in refusals(S3Blobs(s3_place.bucket, endpoint=s3_place.endpoint)):
        assert isinstance(error, DeniedError)
        assert error.code == "s3-denied"
        assert "AWS_ACCESS_KEY_ID" in error.hint
        assert "AWS_PROFILE" in error.hint


def test_a_profile_that_is_not_there_is_denied(s3_place: S3Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    for error in refusals(S3Blobs(s3_place.bucket, endpoint=s3_place.endpoint)):
        assert isinstance(error, DeniedError)


def test_credentials_come_from_a_profile_too(
    s3_place: S3Place, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "credentials"
    server = s3_place.server
    file.write_text(f"[herd]\naws_access_key_id = {server.key}\naws_secret_access_key = {server.secret}\n")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
    monkeypatch.setenv("AWS_PROFILE", "herd")
    store = S3Blobs(s3_place.bucket, s3_place.prefix, endpoint=s3_place.endpoint)
    store.verify(put(store, b"abc").sha256)
    store.close()


def test_nobody_at_the_end_point_is_unavailable(s3_place: S3Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bucket, "ATTEMPTS", 1)
    for error in refusals(S3Blobs(s3_place.bucket, endpoint="http://127.0.0.1:9")):
        assert isinstance(error, UnavailableError)
        assert error.code == "store-unavailable"
        assert "http://127.0.0.1:9" in error.message


@pytest.mark.parametrize("endpoint", ["", "nonsense", "http://", "https://me:secret@example.org"])
def test_an_end_point_that_is_none_is_refused_and_not_repeated(endpoint: str) -> None:
    with pytest.raises(InvalidError) as caught:
        S3Blobs("models", endpoint=endpoint)
    assert caught.value.code == "s3-bad-endpoint"
    assert "secret" not in str(caught.value)


def test_prefixes_and_foreign_objects_do_not_disturb(s3_place: S3Place) -> None:
    client, base = s3_place.server.client, s3_place.prefix
    for key in ("README", "9c/readme", f"9c/{'0' * 64}", f"aa/{'a' * 63}", "zz/last", "tmp.txt"):
        client.put_object(Bucket=s3_place.bucket, Key=f"{base}/{key}", Body=b"foreign")
    stores = [
        S3Blobs(s3_place.bucket, prefix, endpoint=s3_place.endpoint)
        for prefix in (base, f"/{base}/", f"{base}/deeper/still")
    ]
    sha256 = put(stores[0], b"abc").sha256
    assert list(stores[0].list()) == list(stores[1].list()) == [(sha256, 3)]
    assert list(stores[2].list()) == []
    assert stores[2].size(sha256) is None
    for store in stores:
        store.close()
    found = client.list_objects_v2(Bucket=s3_place.bucket, Prefix=base)
    assert found["KeyCount"] == 7


def test_a_list_goes_on_over_pages(s3_place: S3Place, monkeypatch: pytest.MonkeyPatch) -> None:
    store = S3Blobs(s3_place.bucket, s3_place.prefix, endpoint=s3_place.endpoint)
    wanted = sorted(put(store, b"%d" % number).sha256 for number in range(7))
    ask = bucket.Bucket.ask

    def small(self: bucket.Bucket, operation: str, *, patient: bool = False, **more: object) -> dict[str, object]:
        pages = {"MaxKeys": 2} if operation == "list_objects_v2" else {}
        return ask(self, operation, patient=patient, **more, **pages)

    monkeypatch.setattr(bucket.Bucket, "ask", small)
    assert [sha256 for sha256, _ in store.list()] == wanted
    store.close()


def test_a_file_too_large_for_one_copy_is_copied_in_parts(s3_place: S3Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "COPY_WHOLE", 6 << 20)
    monkeypatch.setattr(sending, "COPY_PART", 5 << 20)
    store = S3Blobs(s3_place.bucket, s3_place.prefix, endpoint=s3_place.endpoint)
    store.verify(put(store, sample((17 << 20) + 5)).sha256)
    store.close()


_FORKS = """
import io, os, sys
from herdbook.stores.s3.blobs import S3Blobs
store = S3Blobs(sys.argv[1], sys.argv[2], endpoint=sys.argv[3])
store.stage(io.BytesIO(b"of the parent")).keep()
if (child := os.fork()) == 0:
    store.stage(io.BytesIO(b"of the child")).keep()
    os._exit(0)
for number in range(20):
    store.stage(io.BytesIO(b"%d" % number)).keep()
assert os.waitpid(child, 0)[1] == 0
assert sum(1 for _ in store.list()) == 22
"""


def test_a_forked_child_speaks_on_connections_of_its_own(s3_place: S3Place) -> None:
    arguments = [sys.executable, "-c", _FORKS, s3_place.bucket, s3_place.prefix, s3_place.endpoint]
    subprocess.run(arguments, check=True, timeout=120)


_GROWS = """
import io, resource, sys
from herdbook.stores.s3.blobs import S3Blobs
from herdbook.testing.streams import Zeros
store = S3Blobs(sys.argv[1], sys.argv[2], endpoint=sys.argv[3])
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
def source(size): return io.BufferedReader(Zeros(size), 1 << 20)
def all_ways(size):
    sha256 = store.stage(source(size)).content.sha256
    upload = store.uploads.begin()
    store.uploads.append(upload, 0, source(size))
    store.uploads.finish(upload).keep()
    store.verify(sha256)
    with store.open(sha256) as blob, blob.stream() as stream:
        while stream.read(1 << 20): pass
all_ways(1000)
before = peak()
all_ways(300 << 20)
print(peak() - before)
"""


def test_memory_does_not_grow_with_the_file(s3_place: S3Place) -> None:
    arguments = [sys.executable, "-c", _GROWS, s3_place.bucket, s3_place.prefix, s3_place.endpoint]
    done = subprocess.run(arguments, check=True, capture_output=True, text=True, timeout=250)
    assert int(done.stdout) < 100, "MB of resident memory for 300 MB staged, uploaded, verified and read"
