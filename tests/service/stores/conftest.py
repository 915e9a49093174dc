"""Registries whose blobs are in three folders."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))  # the tests are no package that is installed

from tests.service.stores.places import Stores


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[Stores]:
    """Return a registry with the stores first, second and third."""
    made = Stores(tmp_path / "registry")
    yield made
    made.close()
