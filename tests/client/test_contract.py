"""RemoteRegistry, over real HTTP, under the contract: of SQLite and a disk, of PostgreSQL and S3."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.client.connected import Connect
from tests.servers.places import S3Place

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
        place = f'[[blobs]]\nname = "s3"\nurl = "s3://{s3_place.bucket}/{s3_place.prefix}"\n'
        with (pg_folder / "registry.toml").open("a", encoding="utf-8") as file:
            file.write(f'{place}endpoint = "{s3_place.endpoint}"\n')
        return pg_folder


def test_one_file_speaks_http() -> None:
    folder = Path(client.__file__).parent
    assert [path.name for path in folder.glob("*.py") if "httpx2" in path.read_text("utf-8")] == ["transport.py"]
