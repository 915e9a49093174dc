"""Registries in which small, real trainings are on record."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # tests are no package that is installed
from tests.retrain.trainings import Training, trained

from herdbook.bootstrap import places
from herdbook.bootstrap.open import open_registry
from herdbook.ports.places import Places
from herdbook.ports.registry import Registry


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    """Return an empty registry with the namespace ``demo``."""
    monkeypatch.setenv("HERDBOOK_REGISTRY", str(tmp_path / "registry"))
    with open_registry(str(tmp_path / "registry")) as found:
        found.namespaces.create("demo")
        yield found


@pytest.fixture
def open_places() -> Iterator[Places]:
    """Return what asks places."""
    with places.opened() as found:
        yield found


@pytest.fixture
def training(registry: Registry, tmp_path: Path) -> Training:
    """Return a training that is on record with everything; its working copy is gone."""
    made = trained(registry, tmp_path / "author")
    made.forget()
    return made
