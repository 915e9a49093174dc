"""LocalRegistry, over SQLite and a local disk, under the contract that all registries are under."""

from __future__ import annotations

import pytest

from herdbook.ports.registry import Registry
from herdbook.testing.registry import RegistryContract
from tests.registry.opened import Open


class TestLocalRegistry(RegistryContract):
    @pytest.fixture
    def registry(self, open_as: Open) -> Registry:
        return open_as()

    @pytest.fixture
    def other(self, registry: Registry, open_as: Open) -> Registry:
        assert registry
        return open_as()
