"""RemoteRegistry, over real HTTP, under the contract that all registries are under."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.client.connected import Connect

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


def test_one_file_speaks_http() -> None:
    folder = Path(client.__file__).parent
    assert [path.name for path in folder.glob("*.py") if "httpx2" in path.read_text("utf-8")] == ["transport.py"]
