"""Runs a server: in this process, or as several workers that share its socket."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import tempfile
from collections.abc import Callable, Iterator
from types import FrameType

import uvicorn
from uvicorn.supervisors import Multiprocess

from herdbook.apps.asgi.application import Application
from herdbook.kernel.errors import UnavailableError
from herdbook.server import running
from herdbook.server.metrics import SHARED, forget

Ready = Callable[[], None]
ASK_S = 1.0
"""How long a worker may take to say whether it has started, in seconds; it is asked again."""


class Alone(uvicorn.Server):
    """One process; says when it answers."""

    def __init__(self, config: uvicorn.Config, ready: Ready) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to answer."""
        await super().startup(sockets)
        if self.started:
            self._ready()


class Several(Multiprocess):
    """Several workers; one that dies is replaced. Says when all of them answer.

    They are asked from this thread alone: two that ask through one pipe take one another's answers, and wait forever.
    """

    def __init__(self, config: uvicorn.Config, sockets: list[socket.socket], ready: Ready) -> None:
        super().__init__(config, sockets)
        self._ready: Ready | None = ready
        self.failed = False

    def keep_subprocess_alive(self) -> None:
        """Replace workers that died, and stop counting what they were at; say once that all answer."""
        if self.should_exit.is_set():
            return
        before = {process.pid for process in self.processes}
        super().keep_subprocess_alive()
        self.failed = self.should_exit.is_set()  # a worker that could never start
        for pid in before - {process.pid for process in self.processes}:
            if pid is not None:
                forget(pid)
        if self._ready and not self.failed and all(process.is_ready(ASK_S) for process in self.processes):
            self._ready()
            self._ready = None


def run(application: Application, listener: socket.socket, workers: int, ready: Ready) -> None:
    """Serve until a signal says stop; what runs then is finished first.

    Raises:
        HerdbookError: when the registry cannot be opened.
        UnavailableError: ``no-start``, when a worker could not start; its log says why.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave)  # until uvicorn listens to them, and when it raises them again at its end
    with contextlib.closing(listener):
        if workers == 1:
            config = running.Config(application(), application.bounds)
            Alone(config, ready).run([listener])
            return
        config = running.Config(application, application.bounds, factory=True, workers=workers)
        with _counting_together():
            several = Several(config, [listener], ready)
            several.run()
        if several.failed:
            raise UnavailableError("a worker could not start", code="no-start", hint="The lines above say why.")


def _leave(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)


@contextlib.contextmanager
def _counting_together() -> Iterator[None]:
    """Name the folder through which workers add up their counts."""
    folder = tempfile.mkdtemp(prefix="herdbook-counts-")
    os.environ[SHARED] = folder
    try:
        yield
    finally:
        del os.environ[SHARED]
        shutil.rmtree(folder, ignore_errors=True)


def notify(state: str) -> None:
    """Tell systemd, where it asked to be told (sd_notify(3)): a datagram to the socket that it named."""
    where = os.environ.get("NOTIFY_SOCKET", "")
    if not where.startswith(("/", "@")):
        return
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as said:
        said.sendto(state.encode(), "\0" + where[1:] if where.startswith("@") else where)
