"""Calls of the façade over HTTP: routes in, values out, errors as the embedded registry raises them."""

from __future__ import annotations

import json
import secrets
import threading
import time
import warnings
from dataclasses import dataclass
from typing import Generic, NoReturn, TypeVar

from pydantic import ValidationError
from pydantic_core import PydanticSerializationError

from herdbook.client.offline import KeptAnswers
from herdbook.client.patience import Patience
from herdbook.client.refusals import refusal
from herdbook.client.transport import AWAY, Answer, Asking, Query, Transport, bad_answer, written
from herdbook.kernel.errors import DeniedError, HerdbookError, HerdbookWarning, InvalidError, UnavailableError
from herdbook.model.base import Value, invalid
from herdbook.model.pages import Page
from herdbook.wire import headers, service
from herdbook.wire.routes import VERSION, Asked, Route

T = TypeVar("T")
A = TypeVar("A", bound=Asked)

WORKING_S = 1800.0
"""Seconds that a write is waited for while the server says that it is at work on it."""
QUICK_S = 3.0
"""Seconds of attempts where an answer is in the cache."""
AWAY_S = 60.0
"""Seconds for which a server that was away is not asked for what is in the cache."""
_GATEWAY = frozenset({502, 503, 504})
_STAYS = frozenset({"other-version", "bad-certificate"})


def asked(kind: type[A], **given: object) -> A:
    """Return the body of a request.

    Raises:
        InvalidError: naming the argument that does not fit.
    """
    try:
        return kind.model_validate(given)
    except ValidationError as error:
        raise invalid(error, kind.__name__.lower()) from error


@dataclass(frozen=True, slots=True)
class _Read(Generic[T]):
    """An answer that was given before: its ETag, its date, its value."""

    etag: str
    date: str
    value: T


class Calls:
    """Calls to one server as one principal; threads share it.

    Args:
        transport: what carries them.
        kept: answers that were given before.
        offline: whether the server is never asked.
        read_only: whether nothing is written.
    """

    def __init__(
        self, transport: Transport, kept: KeptAnswers, *, offline: bool = False, read_only: bool = False
    ) -> None:
        self.transport = transport
        self._kept = kept
        self._offline = offline
        self._read_only = read_only
        self._met = False
        self._warned = False
        self._away_until = 0.0
        self._lock = threading.Lock()

    @property
    def away(self) -> bool:
        """Whether the server was away when it was asked last, or is not to be asked."""
        return self._offline or time.monotonic() < self._away_until

    # -- reading

    def get(self, route: Route[T], *, keep: bool = True, wait: float = 0.0, **query: object) -> T:
        """Ask a route; see ``get_dated``."""
        return self.get_dated(route, keep=keep, wait=wait, **query)[0]

    def get_dated(self, route: Route[T], *, keep: bool = True, wait: float = 0.0, **query: object) -> tuple[T, str]:
        """Ask a route; return the answer and, where the server is away and it comes from the cache, its date.

        Args:
            route: a GET.
            keep: whether the answer is kept for when the server is away.
            wait: seconds that the server is to wait for something to tell.
            query: the façade's arguments.

        Raises:
            HerdbookError: what the server says.
            UnavailableError: ``no-server``, when it is away and nothing is in the cache.
        """
        if wait:
            query["wait"] = wait
        told = _query(query)
        address = f"{route.path}?{written(told)}"
        kept = self._understood(route, address) if keep and not wait else None
        if self.away and kept is not None:
            return self._remembered(kept)
        quick = None if kept is None else QUICK_S
        condition = {"If-None-Match": kept.etag} if kept and kept.etag else {}
        read = self.transport.timeouts.read + wait
        try:
            self.meet(quick)
            answer = self.transport.ask(Asking("GET", route.path, told, condition, retry=quick, read=read))
        except UnavailableError as error:
            if kept is None or error.code in _STAYS:
                raise
            return self._remembered(kept)
        if kept is not None and answer.status in _GATEWAY:
            return self._remembered(kept)
        self._away_until = 0.0
        if answer.status == 304 and kept is not None:  # Not Modified
            self._kept.again(address)
            return kept.value, ""
        value = _load(route, answer, told)
        if keep and not wait:
            self._kept.keep(address, answer.headers.get("etag", ""), answer.body)
        return value, ""

    def _understood(self, route: Route[T], address: str) -> _Read[T] | None:
        """Return what was answered before, unless another version of Herdbook kept it in a way that we do not know."""
        kept = self._kept.find(address)
        try:
            return None if kept is None else _Read(kept.etag, kept.date, route.load(kept.body))
        except (HerdbookError, RecursionError):
            return None

    def _remembered(self, kept: _Read[T]) -> tuple[T, str]:
        if not self.away:
            self._away_until = time.monotonic() + AWAY_S
        if not self._warned:
            self._warned = True
            away = "is not asked (HERDBOOK_OFFLINE)" if self._offline else "is away"
            message = f"answered from the cache of {kept.date}; the server {self.transport.url} {away}"
            warnings.warn(message, HerdbookWarning, stacklevel=4)
        return kept.value, kept.date

    # -- writing, and asking what is too long for an address

    def post(self, route: Route[T], body: Value | None = None, *, read: float | None = None) -> T:
        """Send a route's body. What writes is done once, however often it must be sent.

        Raises:
            HerdbookError: what the server says.
            UnavailableError: ``no-server``, when it is away.
        """
        head = {"Content-Type": "application/json"}
        if route.writes:
            self.check_writable()
            head[headers.IDEMPOTENCY_KEY] = secrets.token_hex(16)
        data = _bytes(body)
        return _load(route, self.exchange(Asking("POST", route.path, headers=head, body=data, read=read)), {})

    def check_writable(self) -> None:
        """Raise DeniedError ``read-only`` when the registry was opened for reading."""
        if self._read_only:
            raise DeniedError(
                f"{self.transport.url} was opened for reading only", code="read-only", hint="Open it without read_only."
            )

    def exchange(self, asking: Asking) -> Answer:
        """Send a request that may be repeated; wait while the server is still at work on it.

        Raises:
            HerdbookError: what the server says.
            UnavailableError: ``no-server``, when it is away.
        """
        self.meet()
        patience = Patience(WORKING_S)
        while True:
            answer = self.transport.ask(asking)
            if answer.status < 400:
                return answer
            error = refusal(answer)
            if error.code != "in-progress" or not patience.again():
                raise error

    # -- the first word

    def meet(self, retry: float | None = None) -> None:
        """See, once, that a Herdbook server of our major version answers.

        Raises:
            UnavailableError: ``other-version``; ``no-server``.
            CorruptError: ``bad-answer``, when it is no Herdbook server.
        """
        if self._offline:
            self._refuse()
        if self._met:
            return
        answer = self.transport.ask(Asking("GET", service.ROOT, retry=retry))
        spoken = answer.headers.get(headers.SERVER.lower(), "")
        if answer.status == 404 and spoken:
            raise _other_version(self.transport.url, spoken, "another version of the interface")
        if answer.status == 404:
            raise bad_answer(f"{self.transport.url} is no Herdbook server: there is nothing at {service.ROOT}")
        if answer.status >= 400:
            raise refusal(answer)
        try:
            said = json.loads(answer.body)["api"]
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise bad_answer(f"{self.transport.url} is no Herdbook server: {answer.body[:60]!r}") from error
        if said != VERSION:
            raise _other_version(self.transport.url, spoken, str(said)[:20])
        with self._lock:
            self._met = True

    def _refuse(self) -> NoReturn:
        raise UnavailableError(
            f"HERDBOOK_OFFLINE is set, and this is not in the cache: it needs the server {self.transport.url}",
            code=AWAY,
            hint="Unset HERDBOOK_OFFLINE, or ask for something that was asked before.",
            address=self.transport.url,
        )


def _bytes(body: Value | None) -> bytes:
    if body is None:
        return b""
    try:
        return body.json_bytes() if isinstance(body, Asked) else body.model_dump_json(exclude_none=True).encode()
    except (UnicodeEncodeError, PydanticSerializationError) as error:
        raise InvalidError(
            f"this cannot be written as JSON: {error}", code="lone-surrogate", hint="Give plain Unicode."
        ) from error


def _other_version(url: str, spoken: str, said: str) -> UnavailableError:
    return UnavailableError(
        f"the server {url} (Herdbook {spoken[:40] or 'of unknown version'}) speaks {said}, this client {VERSION}",
        code="other-version",
        hint="Install a Herdbook of the server's major version beside this one.",
        server=said,
        client=VERSION,
    )


def _load(route: Route[T], answer: Answer, query: Query) -> T:
    if answer.status >= 400:
        raise refusal(answer)
    if answer.status != 200:
        raise bad_answer(f"the server answered {route.name} with HTTP status {answer.status}")
    try:
        value = route.load(answer.body)
    except (RecursionError, InvalidError) as error:
        raise bad_answer(f"the server's answer to {route.name} is not understood: {error}") from error
    limit = query.get("limit")
    if isinstance(value, Page) and isinstance(limit, int) and len(value.items) > limit:
        raise bad_answer(f"the server gave {len(value.items):,} items where {limit:,} were asked for")
    return value


def _query(given: dict[str, object]) -> Query:
    told: dict[str, str | int | float | bool | list[str] | None] = {}
    for name, value in given.items():
        if isinstance(value, list | tuple):
            told[name] = [str(each) for each in value]
        elif value is None or isinstance(value, str | bool | int | float):
            told[name] = value
        else:
            raise InvalidError(f"{name} is {value!r}, which no call takes", code="bad-field", where=name)
    return told
