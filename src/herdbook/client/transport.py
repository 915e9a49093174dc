"""HTTP: the one file that knows ``httpx2``. Connections that are kept, timeouts, and attempts within a bounded time."""

from __future__ import annotations

import contextlib
import ipaddress
import logging
import os
import socket
import ssl
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from urllib.parse import quote, urlsplit

import httpx2

from herdbook.client.patience import Patience
from herdbook.kernel.errors import CorruptError, InvalidError, UnavailableError

Query = Mapping[str, str | int | float | bool | Sequence[str] | None]
Body = bytes | Callable[[], Iterable[bytes]]
"""Bytes, or what gives them, each time from the start."""

MAX_ANSWER = 128 * 2**20
"""Bytes that an answer other than a file may have, unpacked."""
LARGE = 8 * 2**20
"""Bytes of a file from which on it is read past the library."""
CONNECTIONS = 64
TOLD_AFTER = 4
"""Attempts after which somebody who waits is told so."""
AWAY = "no-server"
_AGAIN = frozenset({429, 502, 503, 504})
_CUT_OFF = ("Server disconnected", "peer closed connection", "peer unexpectedly closed")
_log = logging.getLogger("herdbook.client")
_FORKED: list[httpx2.Client] = []
"""Clients of the process that forked this one: they are its, and are neither used nor closed here."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds: to connect; of silence while an answer is awaited; for attempts at a server that does not answer."""

    connect: float = 10.0
    read: float = 60.0
    retry: float = 30.0


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer; names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Asking:
    """A request. ``retry`` is how many seconds of attempts it is worth, ``read`` the silence that it bears."""

    method: str
    path: str
    query: Query = field(default_factory=lambda: MappingProxyType({}))
    headers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    body: Body | None = None
    retry: float | None = None
    read: float | None = None


class BrokenError(Exception):
    """A connection that failed, or broke off: another attempt may go well."""


class Incoming:
    """An answer whose body is still to come."""

    def __init__(self, response: httpx2.Response) -> None:
        self._response = response
        self.status = response.status_code
        self.headers: Mapping[str, str] = {name.lower(): value for name, value in response.headers.items()}

    def into(self, views: Callable[[], memoryview], size: int) -> Iterator[memoryview]:
        """Fill buffers with the next ``size`` bytes, never unpacked; yield each as far as it was filled.

        Raises:
            BrokenError: when the connection breaks off, or nothing comes.
        """
        parts = self._response.iter_raw()
        left, rest = size, memoryview(b"")
        sock: socket.socket | None = None
        while left > 0:
            view, done = views(), 0
            try:
                while done < len(view) and left > 0:
                    if sock is not None:
                        count = _received(sock, view[done : done + left])
                    else:
                        rest = rest or memoryview(_next(parts))
                        count = min(len(rest), len(view) - done, left)
                        view[done : done + count] = rest[:count]
                        rest = rest[count:]
                    done, left = done + count, left - count
                    if sock is None and not rest and left > LARGE:
                        sock = self._socket()
            except BrokenError:
                if done:
                    yield view[:done]
                raise
            yield view[:done]

    def _socket(self) -> socket.socket | None:
        """Return the socket from which the rest of a body can be read as it is.

        The library takes 64 KiB at a time through four copies, which for large files costs more than hashing them. What
        it had read was given out before; it closes the connection afterwards, as of a body that was not read.
        """
        if "transfer-encoding" in self.headers:
            return None
        stream = self._response.extensions.get("network_stream")
        found = stream.get_extra_info("socket") if stream is not None else None
        return found if isinstance(found, socket.socket) else None

    def whole(self, seconds: float) -> Answer:
        """Return all of it, unpacked, within bounds of size and time.

        Raises:
            BrokenError: when the connection breaks off, or it takes longer.
            CorruptError: ``bad-answer``, when it is larger than any answer, or not what its encoding says.
        """
        parts: list[bytes] = []
        size, end = 0, time.monotonic() + seconds
        with _known_troubles():
            for part in self._response.iter_bytes():
                parts.append(part)
                size += len(part)
                if size > MAX_ANSWER:
                    raise bad_answer(f"the server's answer is larger than {MAX_ANSWER >> 20} MiB")
                if time.monotonic() > end:
                    raise BrokenError(f"its answer was not complete after {seconds:.0f} s")
        return Answer(self.status, self.headers, b"".join(parts))


def _next(parts: Iterator[bytes]) -> bytes:
    with _known_troubles():
        part = next(parts, None)
    if part is None:
        raise BrokenError("the body ended too soon")
    return part


def _received(sock: socket.socket, view: memoryview) -> int:
    try:
        count = sock.recv_into(view)
    except TimeoutError as error:
        raise BrokenError(_words(error)) from error
    except OSError as error:
        raise BrokenError(str(error)) from error
    if not count:
        raise BrokenError("the body ended too soon")
    return count


def bad_answer(message: str) -> CorruptError:
    """Return the error for an answer that no Herdbook server gives."""
    return CorruptError(
        message, code="bad-answer", hint="Is this the address of a Herdbook server, and nothing between that alters it?"
    )


@contextlib.contextmanager
def _known_troubles() -> Iterator[None]:
    """Turn the library's troubles into ours."""
    try:
        yield
    except (httpx2.DecodingError, httpx2.UnsupportedProtocol) as error:
        raise bad_answer(f"the server's answer is not what it says it is: {error}") from error
    except httpx2.RemoteProtocolError as error:
        if str(error).startswith(_CUT_OFF):
            raise BrokenError(_words(error)) from error
        raise bad_answer(f"what answers does not speak HTTP: {error}") from error
    except httpx2.ConnectError as error:
        if (refused := _certificate(error)) is not None:
            raise refused from error
        raise BrokenError(_words(error)) from error
    except httpx2.TransportError as error:
        raise BrokenError(_words(error)) from error


def _words(error: Exception) -> str:
    plain = {
        "ConnectTimeout": "no connection in time",
        "TimeoutError": "it did not answer in time",
        "ReadTimeout": "it did not answer in time",
        "WriteTimeout": "it did not take what was sent in time",
        "PoolTimeout": "all connections are busy",
    }
    return plain.get(type(error).__name__) or str(error) or type(error).__name__


def _certificate(error: BaseException | None) -> UnavailableError | None:
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return UnavailableError(
                f"the server's certificate is not trusted: {error.verify_message}",
                code="bad-certificate",
                hint="Name your site's authorities with SSL_CERT_FILE, or ask who runs the server.",
            )
        error = error.__cause__ or error.__context__
    return None


def written(query: Query) -> str:
    """Return a query as it stands in an address; what is ``None`` is left out.

    Raises:
        InvalidError: when a text cannot be written.
    """
    parts: list[str] = []
    for name, value in query.items():
        if value is None:
            continue
        several = [value] if isinstance(value, str | int | float) else value
        for each in several:
            text = _text(each)
            try:
                parts.append(f"{name}={quote(text, safe='/:@,')}")
            except UnicodeEncodeError as error:
                raise InvalidError(
                    f"{name} is {text!r}, which is no text", code="lone-surrogate", hint="Give plain Unicode."
                ) from error
    return "&".join(parts)


def _text(value: str | float) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def loopback(host: str) -> bool:
    """Say whether a host is this machine."""
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host.lower() == "localhost" or host.lower().endswith(".localhost")


class Transport:
    """Requests to one server. Threads share it; a process that is forked off opens connections of its own.

    Args:
        url: the server's address, without a slash at its end.
        headers: stand in every request.
        timeouts: how long to wait for what.
    """

    def __init__(self, url: str, headers: Mapping[str, str], timeouts: Timeouts | None = None) -> None:
        self.url = url
        self.timeouts = timeouts or Timeouts()
        self._headers = {"Accept-Encoding": "gzip", **headers}
        self._clients: dict[int, httpx2.Client] = {}

    def _client(self) -> httpx2.Client:
        here = os.getpid()
        if (client := self._clients.get(here)) is not None:
            return client
        _FORKED.extend(self._clients.pop(other) for other in list(self._clients) if other != here)
        made = httpx2.Client(
            headers=self._headers,
            timeout=httpx2.Timeout(self.timeouts.read, connect=self.timeouts.connect),
            limits=httpx2.Limits(max_connections=CONNECTIONS, keepalive_expiry=60.0),
            follow_redirects=False,  # where a server sends us is not where its registry's principal meant to go
            trust_env=not loopback(urlsplit(self.url).hostname or ""),
        )
        kept = self._clients.setdefault(here, made)
        if kept is not made:
            made.close()
        return kept

    @contextlib.contextmanager
    def open(self, asking: Asking) -> Iterator[Incoming]:
        """Send a request once, and give its answer for the time of a block.

        Raises:
            BrokenError: when the connection fails, or breaks off.
            CorruptError: when what answers does not speak HTTP, or sends us elsewhere.
            UnavailableError: ``bad-certificate``.
        """
        url = f"{self.url}{asking.path}" + (f"?{query}" if (query := written(asking.query)) else "")
        read = asking.read or self.timeouts.read
        client = self._client()
        body = asking.body() if callable(asking.body) else asking.body
        try:
            request = client.build_request(
                asking.method,
                url,
                headers=dict(asking.headers),
                content=body,
                timeout=httpx2.Timeout(read, connect=self.timeouts.connect),
            )
        except httpx2.InvalidURL as error:
            raise InvalidError(f"{url[:200]!r} is no address: {error}", code="bad-registry") from error
        client.cookies.clear()  # none is kept: a request depends on nothing but itself
        with _known_troubles():
            response = client.send(request, stream=True)
        try:
            if response.has_redirect_location:
                where = response.headers.get("location", "")[:200]
                raise bad_answer(f"{self.url} sends us to {where!r}, where we do not go by ourselves")
            yield Incoming(response)
        finally:
            response.close()

    def ask(self, asking: Asking) -> Answer:
        """Send a request until it is answered, and return the answer, whatever its status.

        Attempts are repeated when the connection fails and on 429, 502, 503 and 504, with growing pauses; so a request
        must be one that may be repeated.

        Raises:
            UnavailableError: ``no-server``, when there was no answer in all that time.
            CorruptError: ``bad-answer``.
        """
        patience = Patience(self.timeouts.retry, least=2) if asking.retry is None else Patience(asking.retry)
        while True:
            try:
                with self.open(asking) as incoming:
                    answer = incoming.whole(10 * (asking.read or self.timeouts.read))
            except BrokenError as error:
                if patience.attempts == TOLD_AFTER and patience.left > 1:
                    _log.warning("%s does not answer; it is tried for %.0f s more", self.url, patience.left)
                if not patience.again():
                    raise self.away(str(error), patience) from error
                continue
            if answer.status not in _AGAIN or not patience.again(after=_retry_after(answer)):
                return answer

    def away(self, trouble: str, patience: Patience | None = None) -> UnavailableError:
        """Return the error for a server that does not answer."""
        attempts = patience.attempts if patience else 0
        tried = f" ({attempts} attempts)" if attempts > 1 else ""
        return UnavailableError(
            f"the server {self.url} does not answer{tried}: {trouble}",
            code=AWAY,
            hint="Is the address right, and does the server run? Try again later; what is in the cache can be read.",
            address=self.url,
            attempts=attempts,
        )

    def close(self) -> None:
        """Close this process's connections."""
        client = self._clients.pop(os.getpid(), None)
        if client is not None:
            client.close()


def _retry_after(answer: Answer) -> float:
    text = answer.headers.get("retry-after", "")
    return float(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0.0
