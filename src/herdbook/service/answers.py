"""Answers: a call with a key is done once, however often it is asked, and by however many processes.

Three things are noted as memos of the scope ``answers``, kept for a day under the hash of principal and key. In the
transaction that writes: a *mark*, with where the journals then stood. After it: the *answer*, written by a thread for
many calls together; until then this process has it. So a call whose process died leaves nothing, or a mark, or a mark
and an answer. Where there is a mark without an answer the work was done, and is not done again.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import re
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from herdbook.kernel.errors import ConflictError, HerdbookError, InvalidError
from herdbook.model.files import Content
from herdbook.model.rows import Lease
from herdbook.ports.catalogue import Catalogue, Reader, Writer

SCOPE = "answers"
KEPT_S = 24 * 3600.0
"""How long an answer is kept, in seconds."""
LARGEST = 2**20
"""Bytes, compressed, up to which an answer is kept; a larger one leaves its mark."""
GATHER_S = 0.05
"""How long answers are gathered before they are written together, in seconds."""
PATIENCE_S = 0.5
"""How long one waits for the answer of another process that left its mark, in seconds."""
_KEY = re.compile("[!-~]{1,200}")

_log = logging.getLogger("herdbook.answers")
_DIGEST = 32


@dataclass(frozen=True, slots=True)
class Mark:
    """Where the journals stood that a call wrote to: (namespace, sequence)."""

    stands: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Noted:
    """What is known of a call: the digest of what was asked, and its answer, else its mark."""

    asked: bytes
    answer: bytes | None = None
    mark: Mark = field(default_factory=Mark)

    def dump(self) -> bytes:
        """Return the memo."""
        if self.answer is not None and len(packed := zlib.compress(self.answer, 1)) <= LARGEST:
            return b"a" + self.asked + packed
        return b"m" + self.asked + json.dumps(self.mark.stands).encode()

    @classmethod
    def load(cls, memo: bytes) -> Noted:
        """Read a memo."""
        asked, rest = memo[1 : 1 + _DIGEST], memo[1 + _DIGEST :]
        if memo[:1] == b"a":
            return cls(asked, zlib.decompress(rest))
        return cls(asked, mark=Mark(tuple((str(name), int(seq)) for name, seq in json.loads(rest))))


class AlreadyMarkedError(Exception):
    """Another process did it between our look and our write."""


class Marking:
    """A catalogue whose writes leave the mark of a call."""

    def __init__(self, inner: Catalogue, key: str, asked: bytes, until: float) -> None:
        self._inner = inner
        self._key = key
        self._asked = asked
        self._until = until
        self._stands: dict[str, int] = {}
        self.registry = inner.registry
        self.marked = False

    @property
    def mark(self) -> Mark:
        """Where the journals stood that were written to."""
        return Mark(tuple(sorted(self._stands.items())))

    @property
    def read_only(self) -> bool:
        """Whether nothing can be written."""
        return self._inner.read_only

    def read(self) -> AbstractContextManager[Reader]:
        """Open one consistent look."""
        return self._inner.read()

    @contextlib.contextmanager
    def write(self) -> Iterator[Writer]:
        """Become the one writer; at the end the mark is written with the rest.

        Raises:
            AlreadyMarkedError: when somebody left it before our first write.
        """
        with self._inner.write() as tx:
            if not self.marked and tx.memo(SCOPE, self._key) is not None:
                raise AlreadyMarkedError
            before = {head.namespace: head.seq for head in tx.heads()}
            yield tx
            stands = {head.namespace: head.seq for head in tx.heads() if before.get(head.namespace) != head.seq}
            noted = Noted(self._asked, mark=Mark(tuple(sorted((self._stands | stands).items()))))
            tx.put_memo(SCOPE, self._key, noted.dump(), self._until)
        self._stands |= stands
        self.marked = True

    def lease(self, leases: Iterable[Lease], contents: Iterable[Content] = ()) -> None:
        """Write leases."""
        self._inner.lease(leases, contents)

    def release(self, principal: str, sha256s: Iterable[str]) -> None:
        """End leases."""
        self._inner.release(principal, sha256s)

    def check(self) -> list[str]:
        """Run the database's own integrity check; return problems."""
        return self._inner.check()

    def backup(self, folder: str) -> None:
        """Write a consistent copy."""
        self._inner.backup(folder)

    def close(self) -> None:
        """Leave the catalogue open: it is not ours."""


Work = Callable[[Catalogue], bytes]
Again = Callable[[Mark], bytes]


class Answers:
    """Answers of one process; threads share them. ``close`` writes what is not written yet."""

    def __init__(self, catalogue: Catalogue, seconds: Callable[[], float] = time.time) -> None:
        self._catalogue = catalogue
        self._seconds = seconds
        self._changed = threading.Condition()
        self._working: set[str] = set()
        self._waiting: dict[str, tuple[bytes, float]] = {}
        self._writer: threading.Thread | None = None
        self._closed = False

    def once(self, principal: str, key: str, asked: bytes, work: Work, again: Again) -> bytes:
        """Return the answer of a call: of ``work`` when it is new, else the one that was given.

        Args:
            principal: who asks.
            key: what the client made up for this call.
            asked: all of the request that matters; another one under the same key is a mistake.
            work: does it, with the catalogue that is to be written.
            again: answers when it was done, but its answer was lost.

        Raises:
            InvalidError: ``key-reused``, ``bad-key``.
            ConflictError: ``in-progress``, while the first is at work.
        """
        if not _KEY.fullmatch(key):
            raise InvalidError(
                "the idempotency key is no key", code="bad-key", hint="Send 1 to 200 visible characters of ASCII."
            )
        name = hashlib.sha256(f"{principal}\0{key}".encode()).hexdigest()
        digest = hashlib.sha256(asked).digest()
        with self._alone(name):
            noted = self._noted(name)
            if noted is None:
                marking = Marking(self._catalogue, name, digest, self._seconds() + KEPT_S)
                try:
                    answer = work(marking)
                except AlreadyMarkedError:
                    noted = self._noted(name)
                else:
                    self._keep(name, Noted(digest, answer, marking.mark), marking.marked)
                    return answer
            return self._repeat(name, digest, noted, again)

    def _repeat(self, name: str, digest: bytes, noted: Noted | None, again: Again) -> bytes:
        deadline = time.monotonic() + PATIENCE_S
        while noted is not None and noted.asked == digest and noted.answer is None and time.monotonic() < deadline:
            time.sleep(GATHER_S)
            noted = self._noted(name) or noted
        if noted is not None and noted.asked != digest:
            raise InvalidError(
                "this idempotency key was used for another request",
                code="key-reused",
                hint="Make up a new key for each call; repeat one only with the same request.",
            )
        if noted is not None and noted.answer is not None:
            return noted.answer
        return again(noted.mark if noted else Mark())

    @contextlib.contextmanager
    def _alone(self, name: str) -> Iterator[None]:
        with self._changed:
            if name in self._working:
                raise ConflictError(
                    "the same call is still at work", code="in-progress", hint="Wait a moment, and ask again."
                )
            self._working.add(name)
        try:
            yield
        finally:
            with self._changed:
                self._working.discard(name)

    def _noted(self, name: str) -> Noted | None:
        with self._changed:
            waiting = self._waiting.get(name)
        if waiting is not None:
            return Noted.load(waiting[0])
        with self._catalogue.read() as tx:
            memo = tx.memo(SCOPE, name)
        return Noted.load(memo) if memo else None

    def _keep(self, name: str, noted: Noted, marked: bool) -> None:
        memo = noted.dump()
        if marked and memo[:1] == b"m":
            return  # too large to keep; the mark is there
        with self._changed:
            self._waiting[name] = memo, self._seconds() + KEPT_S
            if self._writer is None and not self._closed:
                self._writer = threading.Thread(target=self._write_on, name="herdbook-answers", daemon=True)
                self._writer.start()
            self._changed.notify_all()

    def _write_on(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closed)
                if self._closed:
                    return
                self._changed.wait_for(lambda: self._closed, GATHER_S)
            if not self._write():
                with self._changed:
                    self._changed.wait_for(lambda: self._closed, 1.0)

    def _write(self) -> bool:
        """Write what waits; say whether that went well. What cannot be written stays here, and a mark in the memos."""
        with self._changed:
            waiting = dict(self._waiting)
        if not waiting:
            return True
        try:
            with self._catalogue.write() as tx:
                for name, (memo, until) in waiting.items():
                    tx.put_memo(SCOPE, name, memo, until)
        except HerdbookError as error:
            _log.warning("answers could not be noted: %s", error)
            return False
        except Exception:  # noqa: BLE001 - a thread that ended would write no answer any more
            _log.exception("answers could not be noted")
            return False
        with self._changed:
            for name, value in waiting.items():
                if self._waiting.get(name) == value:
                    del self._waiting[name]
        return True

    def close(self) -> None:
        """Write what waits, and stop."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if self._writer is not None:
            self._writer.join()
        self._write()
