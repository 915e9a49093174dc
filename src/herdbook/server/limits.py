"""Limits around the application: who may be asked for what, how much at once, how large, how slowly.

A refusal is answered here, whatever the application is doing: it then hears that the client is gone.
"""

from __future__ import annotations

import asyncio
import re

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from herdbook.kernel.errors import DeniedError, HerdbookError, InvalidError, UnavailableError
from herdbook.server.bounds import Bounds
from herdbook.wire import files, headers, problems, routes, service
from herdbook.wire.service import RELEASE

LINGER_S = 2.0
"""How long a body is listened to that nobody wants any more: a client that is cut off may never hear why."""
ALWAYS = frozenset({service.HEALTH, service.READY, service.METRICS})
"""What is answered also when all hands are full."""
SECURITY = (
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (headers.SERVER.lower().encode(), f"herdbook/{RELEASE}".encode()),
)
_LENGTH = re.compile(rb"[0-9]{1,18}")
_UPLOADS = routes.PREFIX + "/uploads/"


def carries_file(scope: Scope) -> bool:
    """Say whether the body of a request is bytes of a file."""
    path = scope["path"].removeprefix(scope.get("root_path", ""))
    if scope["method"] == "PATCH":
        return bool(path.startswith(_UPLOADS))
    return bool(scope["method"] == "POST" and path == files.PUT.path)


class Limits:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp, bounds: Bounds) -> None:
        self.app = app
        self.bounds = bounds
        self.at_work = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        exchange = Exchange(scope, receive, send, self.bounds)
        if (refusal := self._refusal(scope, path, exchange)) is not None:
            await exchange.refuse(*refusal)
            return
        self.at_work += 1
        try:
            await self.app(scope, exchange.receive, exchange.send)
        except Exception:
            if not exchange.refused:
                raise
        finally:
            self.at_work -= 1

    def _refusal(self, scope: Scope, path: str, exchange: Exchange) -> tuple[int, HerdbookError] | None:
        found = dict(scope["headers"])
        if self.bounds.hosts and _host(found.get(b"host", b"")) not in self.bounds.hosts:
            hint = f"It is asked by {', '.join(self.bounds.hosts)}; a proxy in front must set Host."
            return 421, DeniedError("this server does not answer by that name", code="bad-host", hint=hint)
        if self.at_work >= self.bounds.requests and path not in ALWAYS:
            return 503, UnavailableError("this server has all hands full", code="busy", hint="Ask again in a moment.")
        length = found.get(b"content-length", b"0")
        if not _LENGTH.fullmatch(length):
            return 400, InvalidError("the length of the body is no number", code="bad-request")
        if exchange.limit is not None and int(length) > exchange.limit:
            return 413, exchange.too_large()
        exchange.left = int(length) > 0 or b"transfer-encoding" in found
        exchange.expects = b"expect" in found
        return None


def _host(header: bytes) -> str:
    """Return the name in a Host header, without port and brackets, in lower case."""
    text = header.decode("latin-1").lower()
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0]


class Exchange:
    """One request and its answer."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, bounds: Bounds) -> None:
        self._receive = receive
        self._send = send
        self._bounds = bounds
        self._request_id = str((scope.get("state") or {}).get("request_id", ""))
        self._head_only = scope["method"] == "HEAD"
        self.limit = None if carries_file(scope) else bounds.json_bytes
        self.left = False
        """Whether some of the body may still come."""
        self.expects = False
        """Whether the client waits to be asked for the body."""
        self.refused = False
        self._started = False
        self._count = 0
        self._since = 0
        self._deadline = 0.0

    def too_large(self) -> InvalidError:
        """Return the error for a body that is."""
        return InvalidError(
            f"the body is larger than {self.limit} bytes", code="too-large", hint="Send it in several requests."
        )

    async def receive(self) -> Message:
        """Return what comes next of the request, within the limits of size and time."""
        if self.refused:
            return {"type": "http.disconnect"}
        if not self.left:
            return await self._receive()  # it waits for the client to go
        try:
            async with asyncio.timeout(self._bounds.idle_s):
                message = await self._receive()
        except TimeoutError:
            return await self._slow()
        self.expects = False
        if message["type"] != "http.request" or not message.get("more_body", False):
            self.left = False
        size = len(message.get("body", b""))
        self._count += size
        if self.limit is not None and self._count > self.limit:
            await self.refuse(413, self.too_large())
            return {"type": "http.disconnect"}
        if self.left and self._trickles(size):
            return await self._slow()
        return message

    def _trickles(self, size: int) -> bool:
        now = asyncio.get_running_loop().time()
        self._since += size
        if self._since >= self._bounds.trickle or not self._deadline:
            self._since, self._deadline = 0, now + self._bounds.idle_s
        return now > self._deadline

    async def _slow(self) -> Message:
        error = InvalidError("the body came too slowly", code="slow-body", hint="What came of an upload is kept.")
        await self.refuse(408, error)
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        """Send what the application answers."""
        if self.refused:
            return
        if message["type"] == "http.response.start":
            self._started = True
            there = {name.lower() for name, _ in message.get("headers", ())}
            added = [pair for pair in SECURITY if pair[0] not in there]
            if self.left and message["status"] >= 400:
                added.append((b"connection", b"close"))
            message["headers"] = [*message.get("headers", ()), *added]
        elif self.left and not message.get("more_body", False) and not self.expects:
            await self._send({**message, "more_body": True})
            await self._drain()
            message = {"type": "http.response.body", "body": b"", "more_body": False}
        await self._send(message)

    async def _drain(self) -> None:
        """Let a client that still sends hear the answer first."""
        try:
            async with asyncio.timeout(LINGER_S):
                while self.left:
                    message = await self._receive()
                    self.left = message["type"] == "http.request" and message.get("more_body", False)
        except TimeoutError:
            return

    async def refuse(self, status: int, error: HerdbookError) -> None:
        """Answer with an error, unless an answer has begun, and close."""
        self.refused = True
        if self._started:
            return
        body = problems.problem(error, status=status, request=self._request_id)
        data = b"" if self._head_only else body.model_dump_json(exclude_defaults=True).encode()
        found = [
            (b"content-type", problems.MEDIA_TYPE.encode()),
            (b"content-length", str(len(data)).encode()),
            (b"connection", b"close"),
            *SECURITY,
        ]
        if status == 503:
            found.append((b"retry-after", b"1"))
        await self._send({"type": "http.response.start", "status": status, "headers": found})
        await self._send({"type": "http.response.body", "body": data, "more_body": True})
        if self.left and not self.expects:
            await self._drain()
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})
