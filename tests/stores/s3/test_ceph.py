"""The same contracts against a real Ceph radosgw, which believes in no checksums but Content-MD5."""

from __future__ import annotations

import pytest
from tests.servers.ceph import ceph_place, radosgw
from tests.servers.places import S3Place
from tests.stores.s3.test_contract import TestS3Blobs, TestS3Uploads

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
