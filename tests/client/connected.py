"""Clients for tests: of a server in a thread, over a copy of an empty registry, for as many principals as wanted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.servers.served import Served, thread_server

from herdbook.bootstrap import parts
from herdbook.client.registry import Options, RemoteRegistry
from herdbook.client.transport import Timeouts
from herdbook.kernel import digests
from herdbook.model.principals import Person, Principal
from herdbook.ports.formats import Readers
from herdbook.service.context import Context
from herdbook.service.serving import Serving

Connect = Callable[..., RemoteRegistry]
QUICK = Timeouts(connect=5.0, read=20.0, retry=2.0)


@pytest.fixture
def readers(lent: Readers) -> Readers:
    return lent


@pytest.fixture
def serving(folder: Path, readers: Readers) -> Iterator[Serving]:
    context = Context(
        url=str(folder),
        catalogue=parts.open_catalogue(folder, create=False, read_only=False),
        blobs=parts.open_blobs(folder),
        principal=Principal(id=digests.new_id("actor"), kind="service", assurance="os"),
        make_readers=lambda: readers,
    )
    serving = Serving(context)
    yield serving
    serving.close()


@pytest.fixture
def served(serving: Serving) -> Iterator[Served]:
    with thread_server(serving) as server:
        yield server


@pytest.fixture
def options(tmp_path: Path) -> Options:
    return Options(cache=tmp_path / "cache", timeouts=QUICK)


@pytest.fixture
def connect(options: Options, request: pytest.FixtureRequest) -> Iterator[Connect]:
    """Return a function that connects to the served registry, or to a URL, as a new principal unless one is given."""
    opened: list[RemoteRegistry] = []

    def connect(
        url: str = "", principal: Principal | None = None, person: Person | None = None, **changed: object
    ) -> RemoteRegistry:
        url = url or request.getfixturevalue("served").url
        principal = principal or Principal(id=digests.new_id("actor"), assurance="os")
        opened.append(RemoteRegistry(url, principal, person, replace(options, **changed)))  # type: ignore[arg-type]  # each as its field says
        return opened[-1]

    yield connect
    for each in opened:
        each.close()
