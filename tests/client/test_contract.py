"""RemoteRegistry, over real HTTP, under the contract: of SQLite and a disk, of PostgreSQL and S3."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.client.connected import Connect
from tests.servers.places import S3Place, kept_in

from herdbook import client
from herdbook.ports.registry import Registry
from herdbook.testing.registry import RegistryContract


class TestRemoteRegistry(RegistryContract):
    @pytest.fixture
    def registry(self, connect: Connect) -> Registry:
        return connect()

    @pytest.fixture
    def other(self, registry: Registry, connect: Connect) -> Registry:
        assert registry.url
        return connect()


class TestRemoteOnPostgresAndS3(TestRemoteRegistry):
    @pytest.fixture
    def folder(self, pg_folder: Path, s3_place: S3Place) -> Path:
        return kept_in(pg_folder, s3_place)


@pytest.mark.slow
class TestRemoteOnPostgres(TestRemoteRegistry):
    @pytest.fixture
    def folder(self, pg_folder: Path) -> Path:
        return pg_folder


@pytest.mark.slow
class TestRemoteOnS3(TestRemoteRegistry):
    @pytest.fixture
    def folder(self, folder: Path, s3_place: S3Place) -> Path:
        return kept_in(folder, s3_place)


def test_one_file_speaks_http() -> None:
    folder = Path(client.__file__).parent
    assert [path.name for path in folder.glob("*.py") if "httpx2" in path.read_text("utf-8")] == ["transport.py"]
