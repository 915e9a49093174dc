"""The Rucio server, and a registry with a version."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.servers.rucio import rucio, rucio_server

import herdbook
from herdbook.bootstrap.places import opened
from herdbook.ports.places import Places
from herdbook.ports.registry import Registry

__all__ = ["rucio", "rucio_server"]


@pytest.fixture
def places() -> Iterator[Places]:
    """Give the places, and let their connections go."""
    with opened() as found:
        yield found


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    """Give an empty registry with the namespace demo."""
    with herdbook.open(str(tmp_path / "registry")) as made:
        made.namespaces.create("demo")
        yield made
