"""The edge: an application with its log, its counts and its limits around it, and with what runs beside it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

from fastapi import FastAPI
from starlette.types import Message, Receive, Scope, Send

from herdbook.server.limits import Limits
from herdbook.server.logs import Logged
from herdbook.server.operation import Operation

Beside = Callable[[Operation], contextlib.AbstractContextManager[Any]]


class Edge:
    """An ASGI application. What runs beside it begins and ends with the server (lifespan).

    Args:
        app: the application, whose state gets ``operation``.
        operation: what the process has beside the registry.
        access: whether each request has its line in the log.
        beside: what runs as long as the server: deliveries, for instance.
        close: called when the server has stopped.
    """

    def __init__(
        self,
        app: FastAPI,
        operation: Operation,
        *,
        access: bool = True,
        beside: Beside | None = None,
        close: Callable[[], None] | None = None,
    ) -> None:
        app.state.operation = operation
        self.operation = operation
        self._app = Logged(Limits(app, operation.bounds), operation.metrics, access=access)
        self._beside = beside
        self._close = close

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or begin and end."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            await self._app(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        with contextlib.ExitStack() as stack:
            if self._close is not None:
                stack.callback(self._close)
            stack.callback(self.operation.close)
            message: Message = await receive()
            if self._beside is not None:
                stack.enter_context(self._beside(self.operation))
            await send({"type": f"{message['type']}.complete"})
            message = await receive()
        await send({"type": f"{message['type']}.complete"})
