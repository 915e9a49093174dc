"""Writers that are killed: nothing at an address that is not whole, a sweep cleans up, and an upload goes on."""

from __future__ import annotations

import contextlib
import io
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
from tests.servers.faulty_s3 import FaultyS3, faulty
from tests.servers.places import S3Place
from tests.stores.s3.conftest import OpenBlobs

from herdbook.kernel.errors import MissingError
from herdbook.stores.s3 import sweeping
from herdbook.stores.s3.blobs import S3Blobs
from herdbook.testing.blobs import expected, put, sample
from herdbook.testing.uploads import begun, gone

DATA = sample((18 << 20) + 77)
_BEGIN = """
import io, sys
from herdbook.stores.s3.blobs import S3Blobs
bucket, prefix, endpoint, upload = sys.argv[1:]
store = S3Blobs(bucket, prefix, endpoint=endpoint)
"""


@pytest.fixture
def proxy(s3_place: S3Place) -> Iterator[FaultyS3]:
    with faulty(s3_place.server) as server:
        yield server


@contextlib.contextmanager
def child(script: str, place: S3Place, endpoint: str, upload: str = "") -> Iterator[subprocess.Popen[bytes]]:
    """Run a script with a store, its input a pipe; kill it at the end."""
    arguments = [sys.executable, "-c", _BEGIN + script, place.bucket, place.prefix, endpoint, upload]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.kill()


def feed(process: subprocess.Popen[bytes], data: bytes) -> None:
    """Give a child what it stages, and no end."""
    assert process.stdin is not None
    process.stdin.write(data)
    process.stdin.flush()


def told(process: subprocess.Popen[bytes]) -> str:
    """Return the next line that a child prints."""
    assert process.stdout is not None
    return process.stdout.readline().decode().strip()


def swept(store: S3Blobs, place: S3Place, monkeypatch: pytest.MonkeyPatch) -> int:
    """Sweep as a day and a week later; nothing but kept blobs is left then."""
    kept = sum(size for _, size in store.list())
    monkeypatch.setattr(sweeping, "STAGED_S", 0.0)
    monkeypatch.setattr(sweeping, "UPLOADS_S", 0.0)
    freed = store.sweep(0)
    client = place.server.client
    left = client.list_objects_v2(Bucket=place.bucket, Prefix=place.prefix).get("Contents", ())
    assert sum(item["Size"] for item in left) == kept
    assert "Uploads" not in client.list_multipart_uploads(Bucket=place.bucket, Prefix=place.prefix)
    return freed


def test_a_writer_killed_while_it_stages_leaves_what_a_sweep_takes(
    store: S3Blobs, s3_place: S3Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    with child("store.stage(sys.stdin.buffer)", s3_place, s3_place.endpoint) as process:
        feed(process, DATA[: 17 << 20])
        until = time.monotonic() + 60
        parts = 0
        while parts < 2 and time.monotonic() < until:
            client = s3_place.server.client
            found = client.list_multipart_uploads(Bucket=s3_place.bucket, Prefix=s3_place.prefix).get("Uploads", ())
            for item in found:
                ids = {"Key": item["Key"], "UploadId": item["UploadId"]}
                parts = len(client.list_parts(Bucket=s3_place.bucket, **ids).get("Parts", ()))
            time.sleep(0.05)
        assert parts == 2
    assert list(store.list()) == []
    assert store.sweep(0) == 0, "nobody sees from here that it is dead"
    assert swept(store, s3_place, monkeypatch) == 16 << 20


@pytest.mark.parametrize("size", [100, len(DATA)])
def test_a_writer_killed_before_it_keeps_leaves_what_a_sweep_takes(
    store: S3Blobs, s3_place: S3Place, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    script = f"staged = store.stage(io.BytesIO(bytes({size}))); print('staged', flush=True); sys.stdin.read()"
    other = put(store, b"of somebody else").sha256
    with child(script, s3_place, s3_place.endpoint) as process:
        assert told(process) == "staged"
    assert list(store.list()) == [(other, 16)]
    assert swept(store, s3_place, monkeypatch) == size


@pytest.mark.parametrize("what", ["drops", "holds"])
def test_a_writer_killed_while_it_keeps_leaves_the_whole_blob_or_none(
    store: S3Blobs, s3_place: S3Place, proxy: FaultyS3, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    copying = proxy.fault("holds" if what == "holds" else "slow", "PUT", r"/[0-9a-f]{64}$", seconds=2)
    script = f"store.stage(io.BytesIO(bytes({len(DATA)}))).keep()"
    with child(script, s3_place, proxy.server.endpoint) as process:
        assert copying.happened.wait(60)
        if what == "holds":  # the copy is made, and nobody was told
            until = time.monotonic() + 60
            while not list(store.list()) and time.monotonic() < until:
                time.sleep(0.05)
        process.kill()
    for sha256, size in store.list():
        assert size == len(DATA)
        store.verify(sha256)
    assert swept(store, s3_place, monkeypatch) == len(DATA)
    put(store, bytes(len(DATA)))


def test_an_append_that_was_killed_is_gone_on_with_from_what_came(store: S3Blobs, s3_place: S3Place) -> None:
    upload = begun(store, DATA[:100])
    with child("store.uploads.append(upload, 100, sys.stdin.buffer)", s3_place, s3_place.endpoint, upload) as process:
        feed(process, DATA[100 : 17 << 20])
        until = time.monotonic() + 60
        while store.uploads.offset(upload) < 16 << 20 and time.monotonic() < until:
            time.sleep(0.05)
    at = store.uploads.offset(upload)
    assert at == 16 << 20, "all full parts, and no more than came"
    store.uploads.append(upload, at, io.BytesIO(DATA[at:]))
    staged = store.uploads.finish(upload)
    assert staged.content.model_dump() == expected(DATA)
    assert staged.keep()


@pytest.mark.parametrize(
    ("what", "method", "where"),
    [
        ("slow", "PUT", "partNumber=3"),  # before the rest is sent
        ("holds", "PUT", "partNumber=3"),  # after
        ("slow", "POST", "uploadId"),  # before the parts are put together
        ("holds", "POST", "uploadId"),  # after
        ("holds", "GET", "/whole$"),  # while it is read back
        ("slow", "PUT", r"/[0-9a-f]{64}$"),  # before it is copied
        ("holds", "PUT", r"/[0-9a-f]{64}$"),  # after
        ("holds", "DELETE", "/state"),  # before all is tidied up
    ],
)
def test_a_finish_that_was_killed_at_any_step_is_done_by_another(
    reopen: OpenBlobs, s3_place: S3Place, proxy: FaultyS3, what: str, method: str, where: str
) -> None:
    store = reopen()
    upload = begun(store, DATA)
    fault = proxy.fault(what, method, where, seconds=2)
    with child("store.uploads.finish(upload).keep()", s3_place, proxy.server.endpoint, upload):
        assert fault.happened.wait(60)
        time.sleep(0.2 if what == "holds" else 0)
    for sha256, size in store.list():
        assert size == len(DATA)
        store.verify(sha256)
    if method == "DELETE":
        with contextlib.suppress(MissingError):
            store.uploads.finish(upload).keep()
    else:
        assert store.uploads.offset(upload) == len(DATA)
        assert store.uploads.finish(upload).content.model_dump() == expected(DATA)
        store.uploads.finish(upload).keep()
    store.verify(str(expected(DATA)["sha256"]))
    assert gone(store, upload)
