"""LocalRegistry, over SQLite or PostgreSQL and a local disk, under the contract that all registries are under."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.registry.opened import Open
from tests.servers.places import S3Place, kept_in

from herdbook.ports.registry import Registry
from herdbook.testing.registry import RegistryContract


class TestLocalRegistry(RegistryContract):
    @pytest.fixture
    def registry(self, open_as: Open) -> Registry:
        return open_as()

    @pytest.fixture
    def other(self, registry: Registry, open_as: Open) -> Registry:
        assert registry.url
        return open_as()


class TestOnPostgres(TestLocalRegistry):
    @pytest.fixture
    def folder(self, pg_folder: Path) -> Path:
        return pg_folder

    @pytest.mark.slow
    def test_a_batch_beyond_one_event_is_cut_into_parts_with_one_id(self, registry: Registry) -> None:
        super().test_a_batch_beyond_one_event_is_cut_into_parts_with_one_id(registry)

    @pytest.mark.slow
    def test_a_batch_beyond_one_event_is_undone_in_parts(self, registry: Registry) -> None:
        super().test_a_batch_beyond_one_event_is_undone_in_parts(registry)


@pytest.mark.slow
class TestOnS3(TestLocalRegistry):
    @pytest.fixture
    def folder(self, folder: Path, s3_place: S3Place) -> Path:
        return kept_in(folder, s3_place)


@pytest.mark.slow
class TestOnPostgresAndS3(TestLocalRegistry):
    @pytest.fixture
    def folder(self, pg_folder: Path, s3_place: S3Place) -> Path:
        return kept_in(pg_folder, s3_place)


def test_no_rule_of_the_contract_hides_another_of_the_same_name() -> None:
    names = [name for part in RegistryContract.__mro__ for name in vars(part) if name.startswith("test_")]
    assert len(names) == len(set(names))
    assert len(names) >= 187
