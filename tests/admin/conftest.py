"""Registries for the tests of what an owner of the machine does."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # the tests are no package that is installed

from tests.admin.registries import Place, story

Open = Callable[..., Place]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Open]:
    """Return a function that opens a registry in a folder of this test, made when it is not there."""
    opened: list[Place] = []

    def open_(name: str = "registry", **given: Any) -> Place:
        opened.append(Place(tmp_path / name, **given))
        return opened[-1]

    yield open_
    for each in opened:
        each.close()


@pytest.fixture
def told(place: Open) -> Place:
    """Return a registry that has seen a bit of everything."""
    made = place()
    story(made)
    return made


@pytest.fixture
def bundle(told: Place, tmp_path: Path) -> Path:
    """Return a bundle of all that the registry has seen."""
    told.admin.export_bundle(str(tmp_path / "bundle"), [])
    return tmp_path / "bundle"
