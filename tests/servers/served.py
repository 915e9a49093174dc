"""Servers for tests: one in a thread of the test, ready in milliseconds, and a real process of ``herdbook serve``."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Awaitable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import uvloop
from fastapi import FastAPI
from starlette.datastructures import State
from uvicorn.server import ServerState

from herdbook.bootstrap.open import init_registry, open_serving
from herdbook.server import running
from herdbook.server.app import make_app
from herdbook.server.bounds import LOOPBACK, Bounds
from herdbook.server.edge import Edge
from herdbook.server.operation import Operation
from herdbook.server.options import Options
from herdbook.service.serving import Serving

T = TypeVar("T")
HERDBOOK = (sys.executable, "-c", "from herdbook.apps.cli.main import run; run()")


@cache
def _loop() -> asyncio.AbstractEventLoop:
    """Return the one event loop in a thread in which all servers of this process run."""
    loop = uvloop.new_event_loop()
    threading.Thread(target=loop.run_forever, name="served", daemon=True).start()
    return loop


def in_loop(work: Awaitable[T]) -> T:
    """Wait for something in that loop."""

    async def wait() -> T:
        return await work

    return asyncio.run_coroutine_threadsafe(wait(), _loop()).result(60)


_made: dict[Options, FastAPI] = {}


def _application(serving: Serving, options: Options) -> FastAPI:
    """Return an application: one is made, which takes longer than a test, and copied with a state of its own."""
    if options not in _made:
        _made[options] = make_app(serving, options)
    app = copy.copy(_made[options])
    app.state = State({**_made[options].state._state, "serving": serving, "options": options})
    return app


@dataclass
class Served:
    """A server in a thread of this process."""

    url: str
    folder: str
    operation: Operation
    server: asyncio.Server
    state: ServerState

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        host, port = self.server.sockets[0].getsockname()[:2]
        return host, port


class _Lifespan:
    """Begins and ends an application as uvicorn does."""

    def __init__(self, app: Edge) -> None:
        self._in: asyncio.Queue[dict[str, str]] = asyncio.Queue()
        self._out: asyncio.Queue[Any] = asyncio.Queue()
        self._task = asyncio.create_task(app({"type": "lifespan"}, self._in.get, self._out.put))

    async def say(self, what: str) -> None:
        """Say that the server begins or ends; return when the application is through with it."""
        await self._in.put({"type": f"lifespan.{what}"})
        out = asyncio.create_task(self._out.get())
        await asyncio.wait({out, self._task}, return_when=asyncio.FIRST_COMPLETED)
        if what == "shutdown":
            await self._task
        out.cancel()


@contextlib.contextmanager
def thread_server(
    where: str | Path | Serving, *, options: Options | None = None, bounds: Bounds | None = None
) -> Iterator[Served]:
    """Serve, on a port of loopback, an open registry, or a folder, in which one is made if there is none."""
    options = options or Options()
    if isinstance(where, Serving):
        with _served(where, options, bounds) as served:
            yield served
        return
    serving = open_serving(init_registry(str(where)), read_only=options.read_only)
    with contextlib.closing(serving), _served(serving, options, bounds) as served:
        yield served


@contextlib.contextmanager
def _served(serving: Serving, options: Options, bounds: Bounds | None) -> Iterator[Served]:
    bounds = bounds or Bounds(hosts=LOOPBACK, stop_s=5.0)
    operation = Operation(serving, bounds)
    app = Edge(_application(serving, options), operation, access=False)
    config = running.Config(app, bounds)
    config.load()
    state = ServerState()

    async def begin() -> tuple[_Lifespan, asyncio.Server]:
        lifespan = _Lifespan(app)
        await lifespan.say("startup")
        loop = asyncio.get_running_loop()
        protocol: Any = config.http_protocol_class
        sock = socket.create_server(("127.0.0.1", 0), backlog=running.BACKLOG)

        def connect() -> asyncio.Protocol:
            made: asyncio.Protocol = protocol(config=config, server_state=state, app_state={}, _loop=loop)
            return made

        return lifespan, await loop.create_server(connect, sock=sock)

    async def end(lifespan: _Lifespan, server: asyncio.Server) -> None:
        server.close()
        for connection in list(state.connections):
            connection.shutdown()
        deadline = asyncio.get_running_loop().time() + bounds.stop_s
        while (state.connections or state.tasks) and asyncio.get_running_loop().time() < deadline:  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.005)
        for task in list(state.tasks):
            task.cancel()
        await lifespan.say("shutdown")

    lifespan, server = in_loop(begin())
    host, port = server.sockets[0].getsockname()[:2]
    try:
        yield Served(f"http://{host}:{port}", serving.context.url, operation, server, state)
    finally:
        in_loop(end(lifespan, server))


@dataclass
class Process:
    """A process of ``herdbook serve``."""

    url: str
    folder: str
    child: subprocess.Popen[str]
    log: Path

    def kill(self) -> None:
        """End it as a power failure does, with all its workers."""
        os.killpg(self.child.pid, signal.SIGKILL)
        self.child.wait(30)

    def stop(self, timeout: float = 30) -> int:
        """Ask it to stop; return its status."""
        if self.child.poll() is None:
            self.child.terminate()
        return self.child.wait(timeout)


@contextlib.contextmanager
def process_server(
    folder: str | Path, *arguments: str, command: tuple[str, ...] = (), env: dict[str, str] | None = None
) -> Iterator[Process]:
    """Serve a folder by a process of its own, in a process group of its own; killed at the end if it still lives."""
    where = init_registry(str(folder))
    log = Path(f"{where}.log")
    words = [*(command or HERDBOOK), "-R", where, "--json", "serve", "--port", "0", *arguments]
    with log.open("ab") as said:
        child = subprocess.Popen(
            words,
            stdout=subprocess.PIPE,
            stderr=said,
            text=True,
            start_new_session=True,
            env={**os.environ, **(env or {})},
        )
    try:
        yield Process(_ready(child, log), where, child, log)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait(30)
        assert child.stdout is not None
        child.stdout.close()


def _ready(child: subprocess.Popen[str], log: Path) -> str:
    assert child.stdout is not None
    if not select.select([child.stdout], [], [], 60)[0]:
        raise AssertionError(f"the server did not begin: {log.read_text('utf-8')}")
    line = child.stdout.readline()
    if not line:
        raise AssertionError(f"the server ended: {log.read_text('utf-8')}")
    url: str = json.loads(line)["url"]
    return url
