"""The feed of a journal: who asks for events that are not there yet may wait for them, and holds no thread."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Query
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from herdbook.model.journal import EventEntry
from herdbook.model.pages import Page
from herdbook.ports.registry import Registry
from herdbook.server import operation, principals, rendering
from herdbook.server.calls import Call, CallRoute, Calls
from herdbook.server.parameters import After, Limit, Namespace
from herdbook.wire import journal as wire

Wait = Annotated[
    float,
    Query(ge=0, le=wire.MAX_WAIT_S, description="How long to wait, in seconds, while nothing follows `after`."),
]


def events(
    registry: Registry,
    namespace: Namespace,
    after: After = 0,
    limit: Limit = 100,
    wait: Wait = 0.0,  # noqa: ARG001 - the route waits
) -> Page[EventEntry]:
    """Return events in order; the cursor is the last sequence. With `wait` an empty answer may take so long."""
    return registry.journal.events(namespace, after=after, limit=limit)


class Feed(CallRoute):
    """Answers with what is there, else when something is, when the time is over, or when the server stops."""

    def get_route_handler(self) -> Callable[[Request], Awaitable[Response]]:  # type: ignore[override]  # as CallRoute
        """Return what answers a request."""
        call = self.call

        async def handle(request: Request) -> Response:
            given = call.parameters(request.scope["query_string"])
            wait = given.pop("wait", 0.0)
            registry = principals.facade(request)
            page = await run_in_threadpool(events, registry, **given)
            if not page.items and wait:
                own = operation.of(request)
                ends = [asyncio.create_task(operation.stopping(request).wait()), asyncio.create_task(_gone(request))]
                try:
                    await own.watch.beyond(
                        given["namespace"], given.get("after", 0), min(wait, own.bounds.wait_s), ends
                    )
                finally:
                    for end in ends:
                        end.cancel()
                page = await run_in_threadpool(events, registry, **given)
            return rendering.answer(request, wire.EVENTS.dump(page))

        return handle


async def _gone(request: Request) -> bool:
    while (await request.receive())["type"] != "http.disconnect":
        pass
    return True


router = Calls("journal")
router.routes.append(Feed(Call(wire.EVENTS, events), "journal"))
