"""Stores in a declared order under the contract that all blob stores are under."""

from __future__ import annotations

from pathlib import Path

import pytest

from herdbook.service import tier_stream
from herdbook.service.tiers import Tiers
from herdbook.stores.disk.blobs import DiskBlobs
from herdbook.testing.blobs import BlobStoreContract, Spoil
from herdbook.testing.uploads import Reopen, UploadsContract


def three(folder: Path) -> Tiers:
    return Tiers({name: DiskBlobs(folder / name) for name in ("first", "second", "third")}, note=lambda *_: None)


def spoiler(*roots: Path) -> Spoil:
    def overwrite(sha256: str, data: bytes) -> None:
        for root in roots:
            path = root / sha256[7:9] / sha256[7:]
            path.chmod(0o600)
            path.write_bytes(data)

    return overwrite


class TestTiers(BlobStoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Tiers:
        return three(tmp_path)

    @pytest.fixture
    def spoil(self, tmp_path: Path) -> Spoil:
        return spoiler(tmp_path / "first")


class TestTiersOfStreams(TestTiers):
    """As with stores far away: nothing but what is very small is compared beforehand."""

    @pytest.fixture(autouse=True)
    def _far(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(tier_stream, "SMALL", 10)
        monkeypatch.setattr(tier_stream, "NEAR", 10)


class TestTiersInTiers(BlobStoreContract):
    """One store, and stores within stores: wrappers that add nothing lose nothing."""

    @pytest.fixture
    def store(self, tmp_path: Path) -> Tiers:
        return Tiers({"all": three(tmp_path), "alone": Tiers({"one": DiskBlobs(tmp_path / "one")})})

    @pytest.fixture
    def spoil(self, tmp_path: Path) -> Spoil:
        return spoiler(tmp_path / "first")


class TestTiersUploads(UploadsContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Tiers:
        return three(tmp_path)

    @pytest.fixture
    def reopen(self, tmp_path: Path) -> Reopen:
        return lambda: three(tmp_path)
