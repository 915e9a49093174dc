"""A call over HTTP: a plain function of the façade and what was asked becomes a route.

FastAPI finds the handler and describes it; its parsing, which is lenient, and its solving of dependencies, which takes
longer than most answers, are left out: ``asking`` reads, the function calls the façade in a thread, ``Route.dump``
writes.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Awaitable, Callable
from typing import Any, Generic, TypeVar, get_args, get_type_hints

from annotated_types import Ge, Le
from fastapi import APIRouter
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from herdbook.model.base import Value
from herdbook.ports.registry import Registry
from herdbook.server import answers, asking, principals, rendering
from herdbook.wire.routes import Route

T = TypeVar("T")
Handler = Callable[..., T]


class Call(Generic[T]):
    """One call of the façade as HTTP has it.

    Args:
        route: how it crosses the network.
        handler: takes the façade first (or the request, of which it asks what serves), then query parameters by name (a
            parameter that may be left out has a default), or one value that the body of the request is.
        media_type: of the answer to a GET.
    """

    def __init__(self, route: Route[T], handler: Handler[T], media_type: str = rendering.JSON) -> None:
        self.route = route
        self.media_type = media_type
        self.handler = handler
        hints = get_type_hints(handler, include_extras=True)
        first, *given = inspect.signature(handler).parameters.values()
        self.of_request = hints[first.name] is Request
        shapes = {each.name: hints[each.name] for each in given}
        bodies = [name for name, shape in shapes.items() if isinstance(shape, type) and issubclass(shape, Value)]
        self.shape: type[Value] | None = shapes.pop(bodies[0]) if bodies else None
        self.known = {name: _parameter(shape) for name, shape in shapes.items()}
        self.needed = [each.name for each in given if each.name in shapes and each.default is each.empty]
        self.signature = inspect.Signature(
            [
                each.replace(annotation=shapes[each.name], kind=each.KEYWORD_ONLY)
                for each in given
                if each.name in shapes
            ]
        )

    def parameters(self, raw: bytes) -> dict[str, Any]:
        """Return the arguments that the address gives.

        Raises:
            InvalidError: naming the parameter.
        """
        found = asking.query(raw, self.known)
        for name in self.needed:
            if name not in found:
                raise asking.missing(name)
        return found

    def work(self, registry: Registry | Request, given: dict[str, Any], body: bytes) -> bytes:
        """Return the answer's bytes."""
        arguments = [asking.asked(body, self.shape)] if self.shape else []
        return self.route.dump(self.handler(registry, *arguments, **given))

    def read(self, request: Request, body: bytes) -> Response:
        """Answer what only asks."""
        given = self.parameters(request.scope["query_string"])
        data = self.work(request if self.of_request else principals.facade(request), given, body)
        if self.route.verb == "POST":
            return rendering.plain(request, data)
        return rendering.answer(request, data, self.media_type)

    def write(self, request: Request, body: bytes) -> Response:
        """Answer what writes: once for each ``Idempotency-Key``."""
        given = self.parameters(request.scope["query_string"])
        data = answers.once(request, body, lambda registry: self.work(registry, given, body))
        return rendering.plain(request, data)


def _parameter(shape: Any) -> asking.Parameter:  # noqa: ANN401 - a type expression
    """Return what may be given, from a type with its description; ``None`` stands for left out."""
    limits: list[Any] = []
    if hasattr(shape, "__metadata__"):
        limits = shape.__metadata__[0].metadata
        shape = get_args(shape)[0]
    if type(None) in get_args(shape):
        (shape,) = (each for each in get_args(shape) if each is not type(None))
    low: Any = next((each.ge for each in limits if isinstance(each, Ge)), -math.inf)
    high: Any = next((each.le for each in limits if isinstance(each, Le)), math.inf)
    return asking.Parameter(shape, low, high)


class CallRoute(APIRoute):
    """A call among FastAPI's routes."""

    def __init__(self, call: Call[Any], tag: str) -> None:
        self.call = call

        def endpoint(**_: object) -> None:
            """Stand for the handler, whose signature it has: only described, never called."""

        endpoint.__signature__ = call.signature  # type: ignore[attr-defined]  # inspect reads it
        super().__init__(
            call.route.path,
            endpoint,
            methods=[call.route.verb],
            name=call.route.name,
            operation_id=call.route.name,
            tags=[tag],
            description=inspect.getdoc(call.handler),
            response_model=None,
        )
        handle = self.get_route_handler()

        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            response = await handle(Request(scope, receive))
            await response(scope, receive, send)

        self.app = answer  # FastAPI's keeps exit stacks for dependencies, of which there are none

    def get_route_handler(self) -> Callable[[Request], Awaitable[Response]]:  # type: ignore[override]  # a coroutine
        """Return what answers a request."""
        call = self.call
        answer = call.write if call.route.writes else call.read

        async def handle(request: Request) -> Response:
            body = b""
            if call.shape is not None:
                if call.route.writes:
                    principals.writer(request)
                body = await asking.body(request, principals.options(request).max_json_bytes)
            return await run_in_threadpool(answer, request, body)

        return handle


class Calls(APIRouter):
    """The calls of one noun."""

    def __init__(self, noun: str) -> None:
        super().__init__()
        self.noun = noun

    def answers(self, route: Route[T], media_type: str = rendering.JSON) -> Callable[[Handler[T]], Handler[T]]:
        """Let a function answer a route."""

        def add(handler: Handler[T]) -> Handler[T]:
            self.routes.append(CallRoute(Call(route, handler, media_type), self.noun))
            return handler

        return add
