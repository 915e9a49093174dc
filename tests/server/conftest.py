"""A server's application over a real registry that holds something of everything."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # tests are no package that is installed
from tests.registry.opened import empty, lent
from tests.server.filled import Calls, fill

from herdbook.kernel import digests
from herdbook.model.principals import Principal
from herdbook.ports.formats import Readers
from herdbook.ports.registry import Registry
from herdbook.server.app import make_app
from herdbook.server.options import Options
from herdbook.service.context import Context
from herdbook.service.serving import Serving
from herdbook.stores.disk.blobs import DiskBlobs
from herdbook.stores.sql.catalogue import SqlCatalogue

Serve = Callable[..., FastAPI]
__all__ = ["empty", "lent"]


@pytest.fixture(scope="session")
def filled(empty: Path, lent: Readers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Serving, Calls]]:
    """Serve one registry to all tests that only look, with what was answered when it was filled."""
    serving = opened(Path(shutil.copytree(empty, tmp_path_factory.mktemp("filled") / "registry")), lent)
    yield serving, fill(serving.registry())
    serving.close()


def opened(folder: Path, readers: Readers) -> Serving:
    """Return a folder's registry, ready to be served."""
    return Serving(
        Context(
            url=str(folder),
            catalogue=SqlCatalogue.open(folder / "catalogue.sqlite"),
            blobs=DiskBlobs(folder / "blobs"),
            principal=Principal(id=digests.new_id("actor"), assurance="os"),
            make_readers=lambda: readers,
        )
    )


@pytest.fixture(scope="session")
def serving(filled: tuple[Serving, Calls]) -> Serving:
    return filled[0]


@pytest.fixture(scope="session")
def local(serving: Serving) -> Registry:
    """Return the registry as one sees it without a network."""
    return serving.registry()


@pytest.fixture(scope="session")
def app(serving: Serving) -> FastAPI:
    return make_app(serving, Options())


@pytest.fixture(scope="session")
def client(app: FastAPI) -> Iterator[TestClient]:
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client
