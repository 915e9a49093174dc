"""A server in a thread over an empty registry, and a client of it."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))  # tests are no package that is installed
from tests.registry.opened import empty, lent
from tests.server.conftest import opened
from tests.server.operation.asking import ACTOR
from tests.servers.served import Served, thread_server
from tests.small_disk import small_disk

from herdbook.ports.formats import Readers
from herdbook.service.serving import Serving

__all__ = ["empty", "lent", "small_disk"]


@pytest.fixture
def folder(empty: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(empty, tmp_path / "registry"))


@pytest.fixture
def serving(folder: Path, lent: Readers) -> Iterator[Serving]:
    made = opened(folder, lent)
    yield made
    made.close()


@pytest.fixture
def served(serving: Serving) -> Iterator[Served]:
    with thread_server(serving) as found:
        yield found


@pytest.fixture
def http(served: Served) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=served.url, headers={"Herdbook-Principal": ACTOR}, timeout=30) as client:
        yield client
