"""Connections: uvicorn's protocol, with the bounds that it lacks on headers, and on clients that do nothing.

It has no limit on the number, size and time of headers, and closes a connection whose client reads nothing only when
that client goes. What is refused here never becomes a request: the answer is written to the connection, and it ends.
"""

from __future__ import annotations

import asyncio
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from herdbook.kernel.errors import HerdbookError, InvalidError
from herdbook.server.bounds import Bounds
from herdbook.wire import problems

LINGER_S = 2.0
"""How long a client is listened to that still sends what nobody wants: else it would not hear why."""


class RefusedError(Exception):
    """Ends the parsing of a request that is refused; httptools passes it on as its own error's context."""


class Connection(HttpToolsProtocol):
    """One connection, within the bounds of the server's ``Config``."""

    def __init__(self, *args: Any, **given: Any) -> None:  # noqa: ANN401 - as uvicorn calls it
        super().__init__(*args, **given)
        self.bounds: Bounds = getattr(self.config, "bounds", Bounds())
        self.stopping = asyncio.Event()
        self._header_count = 0
        self._header_bytes = 0
        self._fed = 0
        self._refused = False
        self._clock: asyncio.TimerHandle | None = None
        self._stall: asyncio.TimerHandle | None = None
        self._unsent = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._await_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop all clocks."""
        for timer in (self._clock, self._stall):
            if timer is not None:
                timer.cancel()
        self._clock = self._stall = None
        super().connection_lost(exc)

    @property
    def _idle(self) -> bool:
        """Whether no request is being answered."""
        cycle: Any = self.cycle  # None before the first, whatever uvicorn's types say
        return cycle is None or cycle.response_complete

    def _await_headers(self) -> None:
        if self._clock is None:
            self._clock = self.loop.call_later(self.bounds.header_s, self._too_slow)

    def _headers_came(self) -> None:
        if self._clock is not None:
            self._clock.cancel()
            self._clock = None

    def _too_slow(self) -> None:
        self._clock = None
        if not self.transport.is_closing():
            self._refuse(
                408, InvalidError("the request's headers did not come in time", code="slow-headers", hint="Ask again.")
            )

    def data_received(self, data: bytes) -> None:
        """Parse what came; after a refusal nothing is."""
        if self._refused:
            return
        if self._idle:
            self._await_headers()
        self._unset_keepalive_if_required()
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            return  # the request was answered as HTTP/1.1
        except httptools.HttpParserError:
            if not self._refused:
                self.send_400_response("")
        else:
            self._fed += len(data)
            if self._clock is None:
                self._fed = 0
            elif self._fed > self.bounds.header_bytes and not self._refused:
                self._refuse_headers()  # the parser keeps a header to itself until it ends, however long it is

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - as uvicorn has it
        """Refuse what is no HTTP; what was asked before on this connection is answered first."""
        if not self._idle:
            self._refused = True  # what follows a request is none: more bytes than it announced
            self.cycle.keep_alive = False
            return
        self._refuse(400, InvalidError("this is no HTTP request", code="bad-request", hint="Speak HTTP/1.1."))

    def on_message_begin(self) -> None:
        """Begin a request."""
        super().on_message_begin()
        self._header_count = self._header_bytes = 0
        self.scope["state"]["stopping"] = self.stopping

    def on_url(self, url: bytes) -> None:
        """Take a part of the address."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header."""
        self._header_count += 1
        self._count(len(name) + len(value))
        super().on_header(name, value)

    def _count(self, size: int) -> None:
        self._header_bytes += size
        bounds = self.bounds
        if self._header_bytes > bounds.header_bytes or self._header_count > bounds.headers:
            self._refuse_headers()
            raise RefusedError

    def _refuse_headers(self) -> None:
        bounds = self.bounds
        what = f"the request has more than {bounds.headers} headers or {bounds.header_bytes} bytes of them"
        self._refuse(431, InvalidError(what, code="header-too-large", hint="Send less."))

    def on_headers_complete(self) -> None:
        """Begin to answer."""
        self._headers_came()
        super().on_headers_complete()

    def _refuse(self, status: int, error: HerdbookError) -> None:
        """Answer, and close once the client stops sending."""
        self._refused = True
        self._headers_came()
        body = problems.problem(error, status=status).model_dump_json(exclude_defaults=True).encode()
        head = (
            f"HTTP/1.1 {status} {error.code}\r\ncontent-type: {problems.MEDIA_TYPE}\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.loop.call_later(LINGER_S, self.transport.close)

    def pause_writing(self) -> None:
        """Watch a client that takes nothing."""
        super().pause_writing()
        if self._stall is None:
            self._unsent = self.transport.get_write_buffer_size()
            self._stall = self.loop.call_later(self.bounds.idle_s, self._stalled)

    def resume_writing(self) -> None:
        """The client takes again."""
        super().resume_writing()
        if self._stall is not None:
            self._stall.cancel()
            self._stall = None

    def _stalled(self) -> None:
        self._stall = None
        unsent = self.transport.get_write_buffer_size()
        if unsent > self._unsent - self.bounds.trickle:
            self.transport.abort()
            return
        self._unsent = unsent
        self._stall = self.loop.call_later(self.bounds.idle_s, self._stalled)

    def shutdown(self) -> None:
        """Let those who wait for something know that the server stops."""
        self.stopping.set()
        super().shutdown()
