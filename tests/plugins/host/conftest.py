"""A pool that knows the formats that misbehave, and the watch that no process is left."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from herdbook.plugins.host.pool import WorkerPool
from herdbook.plugins.host.worker import Limits

from .workers import MISBEHAVING

HERE = Path(__file__).parent


@pytest.fixture(autouse=True)
def _importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(HERE))


@pytest.fixture(autouse=True)
def _no_process_left() -> Iterator[None]:
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    yield
    found = [child for child in psutil.Process().children(recursive=True) if child.pid not in before]
    left = [child for child in found if child.ppid() not in before]  # a server of other tests has its own children
    assert left == []


@pytest.fixture
def pool() -> Iterator[WorkerPool]:
    with WorkerPool(limits=Limits(seconds=1.5, memory=256 << 20), formats=[MISBEHAVING]) as made:
        yield made
