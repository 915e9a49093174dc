"""The S3 store under the contracts that all blob stores are under."""

from __future__ import annotations

import pytest
from tests.servers.places import S3Place
from tests.stores.s3.conftest import OpenBlobs

from herdbook.stores.s3.blobs import S3Blobs
from herdbook.testing.blobs import BlobStoreContract, Spoil
from herdbook.testing.uploads import UploadsContract


class TestS3Blobs(BlobStoreContract):
    @pytest.fixture
    def store(self, store: S3Blobs) -> S3Blobs:
        return store

    @pytest.fixture
    def spoil(self, s3_place: S3Place) -> Spoil:
        def overwrite(sha256: str, data: bytes) -> None:
            key = f"{s3_place.prefix}/{sha256[7:9]}/{sha256[7:]}"
            s3_place.server.client.put_object(Bucket=s3_place.bucket, Key=key, Body=data)

        return overwrite


class TestS3Uploads(UploadsContract):
    @pytest.fixture
    def store(self, store: S3Blobs) -> S3Blobs:
        return store

    @pytest.fixture
    def reopen(self, reopen: OpenBlobs) -> OpenBlobs:
        return reopen
