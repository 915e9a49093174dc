"""Webhooks: who asked for it is told of events, in the order of each journal, at least once, signed.

Messages, headers and signature are those of the Standard Webhooks specification 1.0: ``webhook-id`` (the same for every
attempt), ``webhook-timestamp``, ``webhook-signature`` = ``v1,`` and the base64 of HMAC-SHA256 over
``ID.TIMESTAMP.BODY``.

How far each webhook is in each journal is a memo; so is which process delivers. A webhook that is seen for the first
time begins where the journals then stand, and hears of a namespace that begins later from its first event on.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
import random
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from typing import Protocol

from herdbook.kernel import times
from herdbook.kernel.errors import HerdbookError
from herdbook.model.rows import EventRow, Head
from herdbook.ports.catalogue import Catalogue
from herdbook.service import event_pages
from herdbook.service.webhook_messages import message_of

SCOPE = "webhooks"
POLL_S = 1.0
"""How often the journals are looked at, in seconds."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 2.0, 3600.0
"""The pause after a first failure, doubled by each further one, and its bound, in seconds."""
LEASE_S = 30.0
"""How long a process is believed to deliver after it last said so, in seconds."""

_log = logging.getLogger("herdbook.webhooks")
Told = Callable[[str, str], None]


class Sender(Protocol):
    """Posts to an address that the owner named; follows no redirect."""

    def send(self, url: str, headers: dict[str, str], body: bytes) -> int:
        """Return the status of the answer.

        Raises:
            UnavailableError: when there is none in time.
        """
        ...


@dataclass(frozen=True)
class Hook:
    """A webhook. ``secret`` is the key itself; without ``namespaces`` or ``kinds`` it hears of all."""

    name: str
    url: str
    secret: bytes
    namespaces: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()


@dataclass(frozen=True)
class Standing:
    """How far a webhook is in a journal: the last event it heard of; how often the next failed, until when it rests."""

    journal: str = ""
    seq: int = 0
    failures: int = 0
    until: float = 0.0
    trouble: str = ""


def signature(secret: bytes, id_: str, timestamp: int, body: bytes) -> str:
    """Return ``v1,BASE64`` for a message."""
    mac = hmac.new(secret, f"{id_}.{timestamp}.".encode() + body, hashlib.sha256)
    return "v1," + base64.b64encode(mac.digest()).decode()


def pause(failures: int) -> float:
    """Return how long to rest after that many failures in a row, in seconds; half of it by chance."""
    full = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** min(failures - 1, 20))
    return full * (0.5 + random.random() / 2)  # noqa: S311 - spreads attempts, and keeps no secret


class Courier:
    """Delivers to one webhook."""

    def __init__(
        self,
        catalogue: Catalogue,
        hook: Hook,
        sender: Sender,
        *,
        seconds: Callable[[], float] = time.time,
        told: Told = lambda _name, _outcome: None,
    ) -> None:
        self.hook = hook
        self._catalogue = catalogue
        self._sender = sender
        self._seconds = seconds
        self._told = told
        self._me = secrets.token_hex(8)
        self._leads_until = 0.0

    def run(self, stop: threading.Event) -> None:
        """Deliver until told to stop."""
        while not stop.is_set():
            try:
                rest = self.deliver(stop) if self.lead() else LEASE_S / 3
            except HerdbookError as error:
                _log.warning("webhook %s: %s", self.hook.name, error)
                rest = FIRST_PAUSE_S
            except Exception:  # noqa: BLE001 - a thread that ended would tell nobody any more
                _log.exception("webhook %s", self.hook.name)
                rest = LEASE_S
            stop.wait(rest)
        self.yield_lead()

    def lead(self) -> bool:
        """Say whether this process delivers: nobody else said within ``LEASE_S`` that it does."""
        now = self._seconds()
        if now < self._leads_until - LEASE_S / 2:
            return True
        key = f"lead {self.hook.name}"
        with self._catalogue.read() as tx:
            held = tx.memo(SCOPE, key)
        if held is not None and held.decode() != self._me:
            self._leads_until = 0.0
            return False
        with self._catalogue.write() as tx:
            held = tx.memo(SCOPE, key)
            if held is not None and held.decode() != self._me:
                return False
            tx.put_memo(SCOPE, key, self._me.encode(), now + LEASE_S)
        self._leads_until = now + LEASE_S
        return True

    def yield_lead(self) -> None:
        """Let another process deliver at once."""
        if self._leads_until:
            try:
                with self._catalogue.write() as tx:
                    tx.drop_memos(SCOPE, [f"lead {self.hook.name}"])
            except HerdbookError as error:
                _log.warning("webhook %s: %s", self.hook.name, error)

    def deliver(self, stop: threading.Event | None = None, *, rested: bool = True) -> float:
        """Deliver what is to be delivered now; return when to look again, in seconds.

        Without ``rested``, pauses after failures are not waited for.
        """
        for head, standing in self.standings():
            passed: Standing | None = None
            for event, here in self._due(head, standing, rested=rested):
                if (stop is not None and stop.is_set()) or not self.lead():
                    return 0.0
                message = self._message(event)
                passed = Standing(head.journal, event.seq) if message is None else None
                if message is not None and not self._tell(head, event, here, message):
                    break
            if passed is not None:
                self._note(head, passed)
        return POLL_S

    def standings(self) -> list[tuple[Head, Standing]]:
        """Return how far the webhook is in each journal; begun now where it was never seen."""
        with self._catalogue.read() as tx:
            heads = [head for head in tx.heads() if not self.hook.namespaces or head.namespace in self.hook.namespaces]
            known = tx.memo(SCOPE, f"seen {self.hook.name}") is not None
            memos = {head.namespace: tx.memo(SCOPE, self._key(head)) for head in heads}
        if not known:
            begun = [(head, Standing(head.journal, head.seq)) for head in heads]
            if not self._catalogue.read_only:
                with self._catalogue.write() as tx:
                    tx.put_memo(SCOPE, f"seen {self.hook.name}", times.now().encode())
                    for head, standing in begun:
                        tx.put_memo(SCOPE, self._key(head), _dump(standing))
            return begun
        found = []
        for head in heads:
            memo = memos[head.namespace]
            standing = Standing(**json.loads(memo)) if memo else Standing(head.journal)
            found.append((head, standing if standing.journal == head.journal else Standing(head.journal)))
        return found

    def _due(self, head: Head, standing: Standing, *, rested: bool) -> Iterator[tuple[EventRow, Standing]]:
        """Yield events that are next, each with the standing before it; the caller ends it at a failure."""
        if standing.seq >= head.seq or (rested and self._seconds() < standing.until):
            return
        after = standing.seq
        while after < head.seq:
            with self._catalogue.read() as tx:
                rows = next(event_pages.events(tx, head.namespace, after), [])
            for row in rows:
                yield row, standing if row.seq == standing.seq + 1 else Standing(head.journal, row.seq - 1)
            if not rows:
                return
            after = rows[-1].seq

    def _message(self, event: EventRow) -> dict[str, object] | None:
        with self._catalogue.read() as tx:
            return message_of(tx, self._catalogue.registry, event, self.hook.kinds)

    def _tell(self, head: Head, event: EventRow, before: Standing, message: dict[str, object]) -> bool:
        """Tell of one event, and note how that went; say whether the next may follow."""
        trouble = self.post(f"evt_{event.digest.removeprefix('sha256:')}", message)
        if not trouble:
            self._note(head, Standing(head.journal, event.seq))
            return True
        failures = before.failures + 1
        until = self._seconds() + pause(failures)
        self._note(head, replace(before, failures=failures, until=until, trouble=trouble))
        _log.warning("webhook %s: event %s of %s: %s", self.hook.name, event.seq, head.namespace, trouble)
        return False

    def post(self, id_: str, message: dict[str, object]) -> str:
        """Send a message once; return what went wrong, empty when it was taken."""
        body = json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()
        timestamp = int(self._seconds())
        headers = {
            "content-type": "application/json",
            "webhook-id": id_,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": signature(self.hook.secret, id_, timestamp, body),
        }
        try:
            status = self._sender.send(self.hook.url, headers, body)
        except HerdbookError as error:
            self._told(self.hook.name, "unreachable")
            return error.message
        self._told(self.hook.name, "delivered" if 200 <= status < 300 else "refused")
        return "" if 200 <= status < 300 else f"it answered {status}"

    def test(self) -> str:
        """Send a message that tells of nothing; return what went wrong, empty when it was taken."""
        message = {"type": "webhook.test", "timestamp": times.now(), "data": {"registry": self._catalogue.registry}}
        return self.post(f"evt_{secrets.token_hex(16)}", dict(message))

    def _key(self, head: Head) -> str:
        return f"at {self.hook.name} {head.namespace}"

    def _note(self, head: Head, standing: Standing) -> None:
        with self._catalogue.write() as tx:
            tx.put_memo(SCOPE, self._key(head), _dump(standing))


def _dump(standing: Standing) -> bytes:
    return json.dumps(asdict(standing)).encode()
