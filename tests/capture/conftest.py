"""A working folder with a training, and a registry beside it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # tests are no package that is installed
from tests.capture import workplace
from tests.capture.workplace import Workplace
from tests.small_disk import small_disk

__all__ = ["small_disk"]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workplace:
    """Return a working folder, with a registry that the command finds and nobody made yet."""
    monkeypatch.setenv("HERDBOOK_REGISTRY", str(tmp_path / "registry"))
    return workplace.make(tmp_path / "work")


@pytest.fixture
def registered(place: Workplace) -> Workplace:
    """Return a working folder with a registry that has the namespace demo."""
    place.herdbook("init", "--namespace", "demo")
    return place
