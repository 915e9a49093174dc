"""The log: JSON lines on stderr, one for each request, each with the request's id; no bodies, no names of people."""

from __future__ import annotations

import logging
import re
import secrets
import sys
import time
from typing import Any

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from herdbook.server.metrics import Metrics
from herdbook.wire import headers

LEVELS = ("debug", "info", "warning", "error")
AWAY = 499
"""The status that stands for a client that went before it was answered, as nginx has it."""
_ID = re.compile(rb"[A-Za-z0-9._:-]{1,64}")
_ACTOR = re.compile(r"actor:[0-9a-f]{32}")
_NAME = headers.REQUEST_ID.lower().encode()
_PRINCIPAL = headers.PRINCIPAL.lower().encode()


def configure(level: str) -> None:
    """Let this process write JSON lines to stderr: ours, and those of libraries that use ``logging``."""
    shared: list[Any] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
    ]
    structlog.configure(
        processors=[
            *shared,
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                structlog.processors.JSONRenderer(ensure_ascii=False),
            ],
        )
    )
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level.upper())
    for noisy in ("uvicorn.error", "httpx2", "httpcore2"):  # what they say at this level, the request's line says
        logging.getLogger(noisy).setLevel(max(logging.WARNING, getattr(logging, level.upper())))


class Logged:
    """ASGI middleware, outermost: gives a request its id, writes its line, and counts it.

    Args:
        app: what answers.
        metrics: what counts.
        access: whether a line is written for a request that went well; one that failed here always has its line.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics, *, access: bool = True) -> None:
        self.app = app
        self.metrics = metrics
        self.access = access
        self._log = structlog.get_logger().bind()  # configured by now: bound once, it is quicker

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, and say so."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        seen = Seen(scope, receive, send)
        try:
            await self.app(scope, seen.receive, seen.send)
        except Exception as error:  # noqa: BLE001 - what is not answered yet is closed by the server below
            seen.error = error
        finally:
            self._say(scope, seen)

    def _say(self, scope: Scope, seen: Seen) -> None:
        seconds = time.perf_counter() - seen.began
        route = template(scope)
        status = seen.status or (500 if seen.error else AWAY)
        self.metrics.request(route, scope["method"], status, seconds, seen.bytes_in, seen.bytes_out)
        failed = status >= 500 or seen.error is not None
        if not (self.access or failed):
            return
        said: dict[str, Any] = {
            "request": seen.id,
            "method": scope["method"],
            "route": route,
            "status": status,
            "ms": round(seconds * 1000, 2),
            "in": seen.bytes_in,
            "out": seen.bytes_out,
        }
        if principal := _principal(scope):
            said["principal"] = principal
        if client := scope.get("client"):
            said["client"] = client[0]
        if seen.error is not None:
            self._log.error("request", **said, error=f"{type(seen.error).__name__}: {seen.error}")
        elif status >= 500:
            self._log.warning("request", **said)
        else:
            self._log.info("request", **said)


class Seen:
    """What is seen of one request and its answer."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.began = time.perf_counter()
        given = next((value for name, value in scope["headers"] if name == _NAME), b"")
        self.id = given.decode() if _ID.fullmatch(given) else secrets.token_hex(8)
        scope.setdefault("state", {})["request_id"] = self.id
        self.status = 0
        self.bytes_in = 0
        self.bytes_out = 0
        self.error: Exception | None = None
        self._receive = receive
        self._send = send

    async def receive(self) -> Message:
        """Count what comes."""
        message = await self._receive()
        self.bytes_in += len(message.get("body", b""))
        return message

    async def send(self, message: Message) -> None:
        """Count what goes, and give the answer the request's id."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = [*message.get("headers", ()), (_NAME, self.id.encode())]
        else:
            self.bytes_out += len(message.get("body", b""))
        await self._send(message)


def template(scope: Scope) -> str:
    """Return the path of a request's route, parameters as names: what a client typed makes no new one."""
    return str(getattr(scope.get("route"), "path", "")) or "none"


def _principal(scope: Scope) -> str:
    given = next((value for name, value in scope["headers"] if name == _PRINCIPAL), b"")
    found = _ACTOR.match(given.decode("latin-1"))
    return found[0] if found else ""
