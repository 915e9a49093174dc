"""The disk store under the contract that all blob stores are under."""

from __future__ import annotations

from pathlib import Path

import pytest

from herdbook.stores.disk.blobs import DiskBlobs
from herdbook.testing.blobs import BlobStoreContract, Spoil
from herdbook.testing.uploads import Reopen, UploadsContract


class TestDiskBlobs(BlobStoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> DiskBlobs:
        return DiskBlobs(tmp_path / "blobs")

    @pytest.fixture
    def spoil(self, store: DiskBlobs) -> Spoil:
        def overwrite(sha256: str, data: bytes) -> None:
            path = store.root / sha256[7:9] / sha256[7:]
            path.chmod(0o600)
            path.write_bytes(data)

        return overwrite


class TestDiskUploads(UploadsContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> DiskBlobs:
        return DiskBlobs(tmp_path / "blobs")

    @pytest.fixture
    def reopen(self, tmp_path: Path) -> Reopen:
        return lambda: DiskBlobs(tmp_path / "blobs")
