"""The same contracts against a real Ceph radosgw, which believes in no checksums but Content-MD5."""

from __future__ import annotations

import pytest
from tests.servers.ceph import ceph_place, radosgw
from tests.servers.places import S3Place
from tests.stores.s3.test_contract import TestS3Blobs, TestS3Uploads
from tests.stores.s3.test_refusals import refusals

from herdbook.kernel.errors import DeniedError
from herdbook.stores.s3 import sending
from herdbook.stores.s3.blobs import S3Blobs
from herdbook.testing.blobs import put, sample

__all__ = ["ceph_place", "radosgw"]  # pytest looks here for fixtures

pytestmark = pytest.mark.slow


@pytest.fixture
def s3_place(ceph_place: S3Place) -> S3Place:
    """Give a place in Ceph to all fixtures that ask for one."""
    return ceph_place


class TestCephBlobs(TestS3Blobs):
    pass


class TestCephUploads(TestS3Uploads):
    pass


del TestS3Blobs, TestS3Uploads  # they run in their own file


@pytest.mark.parametrize(("name", "value"), [("AWS_SECRET_ACCESS_KEY", "wrong"), ("AWS_ACCESS_KEY_ID", "NOBODYS")])
def test_a_wrong_key_is_denied_and_not_repeated(
    s3_place: S3Place, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    for error in refusals(S3Blobs(s3_place.bucket, endpoint=s3_place.endpoint)):
        assert isinstance(error, DeniedError)
        assert error.code == "s3-denied"
        assert value not in str(error)
        assert "AWS_SECRET_ACCESS_KEY" in error.hint


def test_a_large_file_is_copied_in_parts(store: S3Blobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "COPY_WHOLE", 6 << 20)
    monkeypatch.setattr(sending, "COPY_PART", 5 << 20)
    data = sample((17 << 20) + 5)
    store.verify(put(store, data).sha256)
