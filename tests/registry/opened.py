"""Registries for tests: a copy of an empty one, with the session's own readers, for as many principals as wanted."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest

import herdbook
from herdbook.bootstrap import parts as parts_
from herdbook.kernel import digests
from herdbook.model.facts import Facts
from herdbook.model.principals import Principal
from herdbook.plugins.host.pool import WorkerPool
from herdbook.ports.formats import Listing, ReadAt, Readers
from herdbook.ports.registry import Registry
from herdbook.service.context import Context
from herdbook.service.registry import LocalRegistry

Open = Callable[..., LocalRegistry]


class Lent:
    """The session's readers, which outlive the registry that borrows them."""

    def __init__(self, pool: WorkerPool) -> None:
        self._pool = pool

    def prepare(self) -> None:
        self._pool.prepare()

    def read(self, files: Sequence[tuple[str, ReadAt]], listing: Listing) -> list[Facts | None]:
        return self._pool.read(files, listing)

    @property
    def versions(self) -> Mapping[str, str]:
        return self._pool.versions

    def close(self) -> None:
        """Leave them running."""


@pytest.fixture(scope="session")
def lent() -> Iterator[Readers]:
    with WorkerPool() as pool:
        yield Lent(pool)


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("empty") / "registry"
    herdbook.open(str(folder)).close()
    return folder


@pytest.fixture
def folder(empty: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(empty, tmp_path / "registry"))


@pytest.fixture
def open_as(folder: Path, lent: Readers) -> Iterator[Open]:
    """Return a function that opens the test's registry as a principal; settings of the context may be given."""
    opened: list[LocalRegistry] = []

    def open_(principal: Principal | None = None, **given: object) -> LocalRegistry:
        parts = {
            "url": str(folder),
            "catalogue": parts_.open_catalogue(folder, create=False, read_only=False),
            "blobs": parts_.open_blobs(folder),
            "principal": principal or Principal(id=digests.new_id("actor"), assurance="os"),
            "make_readers": lambda: lent,
            **given,
        }
        opened.append(LocalRegistry(Context(**parts)))  # type: ignore[arg-type]  # each as its field says
        return opened[-1]

    yield open_
    for each in opened:
        each.close()


@pytest.fixture
def registry(open_as: Open) -> Registry:
    return open_as()


@pytest.fixture
def other(open_as: Open) -> Registry:
    return open_as()
