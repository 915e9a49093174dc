"""The application of one worker process: an open registry, and what stands around it."""

from __future__ import annotations

import ctypes
import gc
import signal
import sys
from dataclasses import dataclass
from functools import partial

import structlog
from uvicorn.config import STARTUP_FAILURE

from herdbook.bootstrap import webhooks
from herdbook.bootstrap.open import open_serving
from herdbook.kernel.errors import HerdbookError
from herdbook.server import logs
from herdbook.server.app import make_app
from herdbook.server.bounds import Bounds
from herdbook.server.deliveries import delivering
from herdbook.server.edge import Edge
from herdbook.server.operation import Operation
from herdbook.server.options import Options


@dataclass(frozen=True)
class Application:
    """How to make the application; a worker is given this, and makes its own.

    Args:
        folder: the registry's folder.
        options: how the application is to behave.
        bounds: how much of it one client may use.
        level: from which level on it logs.
        access: whether each request has its line.
        alone: whether this is the process that a person started, who is to see an error as it is.
    """

    folder: str
    options: Options
    bounds: Bounds
    level: str = "info"
    access: bool = True
    alone: bool = True

    def __call__(self) -> Edge:
        """Open the registry and return the application.

        Raises:
            HerdbookError: when it cannot be opened; a worker says so in its log, and ends as one that can never start.
        """
        logs.configure(self.level)
        if not self.alone:
            _end_with_parent()
        try:
            hooks = [] if self.options.read_only else webhooks.hooks(self.folder)
            serving = open_serving(self.folder, read_only=self.options.read_only)
        except HerdbookError as error:
            if self.alone:
                raise
            structlog.get_logger().error("start", error=str(error), code=error.code)
            sys.exit(STARTUP_FAILURE)
        edge = Edge(
            make_app(serving, self.options),
            Operation(serving, self.bounds),
            access=self.access,
            beside=partial(delivering, hooks),
            close=serving.close,
        )
        gc.collect()
        gc.freeze()  # what was imported stays: without this one request in a hundred waits for it to be looked at
        return edge


def _end_with_parent() -> None:
    """Let the kernel stop this worker when the process that started it is killed (prctl(2), PR_SET_PDEATHSIG)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)
