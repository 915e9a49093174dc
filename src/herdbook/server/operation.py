"""What a server process has beside the registry: limits, counts, answers that were given, who waits for what."""

from __future__ import annotations

import asyncio

from anyio import CapacityLimiter
from starlette.requests import Request

from herdbook.server.bounds import Bounds
from herdbook.server.metrics import Metrics
from herdbook.server.watching import Watch
from herdbook.service.answers import Answers
from herdbook.service.serving import Serving


class Operation:
    """One of these a process and registry."""

    def __init__(self, serving: Serving, bounds: Bounds | None = None) -> None:
        self.serving = serving
        self.bounds = bounds or Bounds()
        self.metrics = Metrics(serving.context.catalogue)
        self.answers = Answers(serving.context.catalogue, serving.context.seconds)
        self.transfers = CapacityLimiter(self.bounds.transfers)
        self.watch = Watch(serving.context.catalogue)

    def close(self) -> None:
        """Write what is not written yet."""
        self.answers.close()


def of(request: Request) -> Operation:
    """Return what the application has; made now where nobody made it before."""
    state = request.app.state
    if not hasattr(state, "operation"):
        state.operation = Operation(state.serving)
    found: Operation = state.operation
    return found


def stopping(request: Request) -> asyncio.Event:
    """Return what is set when the server stops; never, on a connection that does not tell."""
    found = request.scope.get("state", {}).get("stopping")
    return found if isinstance(found, asyncio.Event) else asyncio.Event()
