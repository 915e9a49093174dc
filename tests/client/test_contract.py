"""RemoteRegistry, over real HTTP, under the contract that all registries are under."""

from __future__ import annotations

import pytest
from tests.client.connected import Connect

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
