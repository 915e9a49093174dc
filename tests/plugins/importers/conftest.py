"""Repositories that the tests make, and sources that are closed behind them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from herdbook.plugins.importers.git import Git, GitSource
from herdbook.testing.repositories import Repository

Opener = Callable[..., GitSource]


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """Return an empty bare repository."""
    return Repository(tmp_path / "made.git")


@pytest.fixture
def opened() -> Iterator[Opener]:
    """Return a function that opens a repository, a path or a bundle."""
    sources: list[GitSource] = []

    def open_(place: Repository | Path | str, name: str = "") -> GitSource:
        source = Git().open(str(place.folder if isinstance(place, Repository) else place), name=name)
        assert isinstance(source, GitSource)
        sources.append(source)
        return source

    yield open_
    for source in sources:
        source.close()
