"""A store behind a bad server: what the tests of faults share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.servers.faulty_s3 import FaultyS3, faulty
from tests.servers.places import S3Place

from herdbook.stores.s3 import bucket
from herdbook.stores.s3.blobs import S3Blobs


@pytest.fixture
def proxy(s3_place: S3Place) -> Iterator[FaultyS3]:
    """Give a proxy that spoils what a test tells it to, and nothing else."""
    with faulty(s3_place.server) as server:
        yield server


@pytest.fixture
def store(s3_place: S3Place, proxy: FaultyS3) -> Iterator[S3Blobs]:
    """Give an empty store behind the proxy."""
    store = S3Blobs(s3_place.bucket, s3_place.prefix, endpoint=proxy.server.endpoint)
    yield store
    store.close()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait less long, and try less often, for what does not come."""
    monkeypatch.setattr(bucket, "ATTEMPTS", 2)
    monkeypatch.setattr(bucket, "READ_S", 1.0)
    monkeypatch.setattr(bucket, "PATIENT_S", 1.0)
