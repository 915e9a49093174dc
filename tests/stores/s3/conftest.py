"""The servers of these tests, as fixtures."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from tests.servers.localstack import localstack, s3_place
from tests.servers.places import S3Place

from herdbook.stores.s3.blobs import S3Blobs

__all__ = ["localstack", "s3_place"]  # pytest looks here for fixtures

OpenBlobs = Callable[[], S3Blobs]


@pytest.fixture
def reopen(s3_place: S3Place) -> Iterator[OpenBlobs]:
    """Give a function that opens the place of this test, as often as it is called."""
    opened: list[S3Blobs] = []

    def again() -> S3Blobs:
        opened.append(S3Blobs(s3_place.bucket, s3_place.prefix, endpoint=s3_place.endpoint))
        return opened[-1]

    yield again
    for store in opened:
        store.close()


@pytest.fixture
def store(reopen: OpenBlobs) -> S3Blobs:
    """Give an empty store."""
    return reopen()
