"""The catalogues on SQLite and PostgreSQL under the contract that all catalogues are under."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from herdbook.stores.sql.catalogue import SqlCatalogue
from herdbook.testing.catalogue import CatalogueContract


class TestSqlCatalogue(CatalogueContract):
    @pytest.fixture
    def catalogue(self, tmp_path: Path) -> Iterator[SqlCatalogue]:
        catalogue = SqlCatalogue.open(tmp_path / "catalogue.sqlite", create=True)
        yield catalogue
        assert catalogue.check() == []
        catalogue.close()


class TestOnPostgres(CatalogueContract):
    @pytest.fixture
    def catalogue(self, postgres_url: str) -> Iterator[SqlCatalogue]:
        catalogue = SqlCatalogue.connect(postgres_url)
        yield catalogue
        assert catalogue.check() == []
        catalogue.close()
