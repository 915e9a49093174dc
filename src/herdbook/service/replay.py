"""Replay: events of another registry, byte for byte, into this one, chunk by chunk.

A chunk is brought whole before it is written: its events, the bodies that they name, and the blobs that these name,
which wait under leases. What comes next is brought in a thread of its own while a chunk is written. After each chunk
the journal is a correct older copy of itself, so that whatever broke off is continued by running it again.

Nothing that the origin gives is believed: the chain and each operation are held against what the tables say, bodies and
blobs against their digests.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO, Protocol

from herdbook.kernel import canonical, digests
from herdbook.kernel.errors import ConflictError, CorruptError, HerdbookError, InvalidError
from herdbook.model.base import Json, Value
from herdbook.model.journal import MAX_BYTES, Event, Genesis, PurgeOp
from herdbook.model.rows import EventRow, Head
from herdbook.ports.catalogue import Writer
from herdbook.service import bodies as bodies_
from herdbook.service import documents, needs, replay_checks, replay_effects
from herdbook.service.context import Context
from herdbook.service.projection import project
from herdbook.service.replay_blobs import Blobs

CHUNK_OPS = 2000
CHUNK_BYTES = 8 * 2**20
"""A chunk ends after so many operations, or so many bytes of events; an event is never cut."""
TOGETHER = 500
"""Bodies that are asked for together."""


class Origin(Protocol):
    """Where the events of one journal come from, and what they name."""

    namespace: str
    journal: str

    def lines(self, after: int) -> Iterator[bytes]:
        """Yield the events that follow a sequence, byte for byte."""
        ...

    def bodies(self, digests: Sequence[str]) -> Mapping[str, bytes]:
        """Return the bytes of those bodies that it has."""
        ...

    def purged(self) -> frozenset[str]:
        """Return what the journal has purged at its end; asked for where a body is not there."""
        ...

    def blob(self, sha256: str) -> BinaryIO:
        """Open a blob.

        Raises:
            MissingError: when it is not there.
            CorruptError: here or while it is read, when it has other bytes.
        """
        ...

    def lacks(self, sha256: str, error: HerdbookError) -> None:
        """Hear that a blob could not be had, and why.

        Raises:
            HerdbookError: where that must not be.
        """
        ...

    def wrong(self, rule: str, message: str) -> HerdbookError:
        """Return the error for something that is not as it should be."""
        ...


@dataclass(frozen=True)
class Chunk:
    """Some events, the JSON of the bodies that they name as far as not purged, and bytes of those new here."""

    events: Sequence[tuple[Event, bytes]]
    told: Mapping[str, Json]
    new: Mapping[str, bytes]

    @property
    def last(self) -> int:
        """The sequence of the last event."""
        return self.events[-1][0].seq


class Replay:
    """Replays one journal.

    Attributes:
        events: how many were new here.
        bodies: how many of their bodies were.
    """

    def __init__(
        self, context: Context, origin: Origin, blobs: Blobs, written: Callable[[Writer, Chunk], None] | None = None
    ) -> None:
        self.events = 0
        self.bodies = 0
        self._context = context
        self._origin = origin
        self._blobs = blobs
        self._written = written
        self._parts: dict[str, tuple[int, int]] = {}

    def run(self, seq: int, head: str) -> Iterator[int]:
        """Replay events after ``seq``, whose digest is ``head``; yield the sequence reached after each transaction.

        Raises:
            CorruptError: the origin's ``wrong``, when something is not as it should be; what was written is sound.
            ConflictError: ``head-moved`` when somebody else wrote here meanwhile.
            UnavailableError: when the origin, or a store here, cannot serve.
        """
        with _Ahead(self._chunks(seq, head), self._blobs.stop) as chunks:
            for chunk in chunks:
                with self._context.catalogue.write() as tx:
                    self._write(tx, chunk)
                yield chunk.last
        replay_effects.refresh_models(self._context)

    def _chunks(self, seq: int, head: str) -> Iterator[Chunk]:
        rest = self._linked(self._origin.lines(seq), seq, head)
        while events := list(_some(rest)):
            chunk = self._with_bodies(events)
            self._blobs.bring(self._origin, blobs_named(chunk.told))
            yield chunk

    def _linked(self, lines: Iterator[bytes], seq: int, head: str) -> Iterator[tuple[Event, bytes]]:
        """Yield events that follow one another; all else is looked at when they are written."""
        for data in lines:
            if len(data) > MAX_BYTES:
                raise self._origin.wrong("event-too-large", f"event {seq + 1} has {len(data)} bytes")
            try:
                event = Event.read_json(data)
            except InvalidError as error:
                raise self._origin.wrong("event-unreadable", f"event {seq + 1} cannot be read: {error}") from error
            seq += 1
            if event.seq != seq or (event.prev or "") != head:
                raise self._origin.wrong("broken-chain", f"event {event.seq} does not follow event {seq - 1}")
            head = digests.of(data)
            yield event, data

    def _with_bodies(self, events: list[tuple[Event, bytes]]) -> Chunk:
        wanted = {digest for event, _ in events for digest in needs.bodies_of(event.ops)}
        with self._context.catalogue.read() as tx:
            found = tx.bodies(wanted)
        told = {digest: _json(data) for digest, data in found.items()}
        new: dict[str, bytes] = {}
        lacking = sorted(wanted - found.keys())
        for start in range(0, len(lacking), TOGETHER):
            given = self._origin.bodies(lacking[start : start + TOGETHER])
            for digest in lacking[start : start + TOGETHER]:
                if digest in given:
                    told[digest] = self._sound(digest, given[digest])
                    new[digest] = given[digest]
        gone = wanted - told.keys()
        if gone and (missing := gone - self._origin.purged()):
            raise self._origin.wrong("body-missing", f"the body {min(missing)} is named, and is not there")
        return Chunk(events, told, new)

    def _sound(self, digest: str, data: bytes) -> Json:
        if len(data) > MAX_BYTES:
            raise self._origin.wrong("body-too-large", f"the body {digest} has {len(data)} bytes")
        try:
            return needs.read_body(digest, data)
        except CorruptError as error:
            raise self._origin.wrong(error.code, error.message) from error

    def _write(self, tx: Writer, chunk: Chunk) -> None:
        origin = self._origin
        head = tx.head(origin.namespace) or _before(origin.namespace, chunk.events[0][0])
        if head.seq + 1 != chunk.events[0][0].seq:
            raise ConflictError(
                f"the journal of {origin.namespace!r} moved to event {head.seq} meanwhile",
                code="head-moved",
                hint="Somebody else copies into this registry too. Try again.",
            )
        for finding in replay_checks.problems(tx, head, origin.journal, chunk.events, self._parts):
            raise origin.wrong(finding.rule, f"{finding.where}: {finding.message}")
        values = {digest: bodies_.of(told) for digest, told in chunk.told.items()}
        tx.put_bodies(chunk.new)
        items: set[int] = set()
        for event, data in chunk.events:
            row = EventRow(origin.namespace, event.seq, digests.of(data), event.time, event.principal.id, data)
            items.update(tx.append(head, row, project(event.ops, values)))
            head = Head(head.namespace, origin.journal, head.home, row.seq, row.digest, row.time)
        purged = [op.digest for event, _ in chunk.events for op in event.ops if isinstance(op, PurgeOp)]
        replay_effects.drop_purged(tx, origin.namespace, purged)
        affected, models = replay_effects.affected(tx, [event for event, _ in chunk.events], values)
        replay_effects.note_models(tx, models)
        known = {digest: value for digest, value in values.items() if isinstance(value, Value)}
        documents.refresh(tx, self._context.blobs, items | affected, known)
        if self._written:
            self._written(tx, chunk)
        self.events += len(chunk.events)
        self.bodies += len(chunk.new)


def blobs_named(told: Mapping[str, Json]) -> dict[str, int | None]:
    """Return the blobs that bodies name, with their size in bytes where one says it."""
    named: dict[str, int | None] = {}
    for body in told.values():
        for sha256, size in needs.blobs_of(body).items():
            named[sha256] = named.get(sha256) if size is None else size
    return named


def _json(data: bytes) -> Json:
    value = canonical.loads(data)
    return dict(value) if isinstance(value, dict) else {}


def _some(events: Iterator[tuple[Event, bytes]]) -> Iterator[tuple[Event, bytes]]:
    """Yield events until they make a chunk."""
    ops = size = 0
    for event, data in islice(events, CHUNK_OPS):
        yield event, data
        ops += len(event.ops)
        size += len(data)
        if ops >= CHUNK_OPS or size >= CHUNK_BYTES:
            return


def _before(namespace: str, event: Event) -> Head:
    """Return where a journal stands before its first event."""
    home = next((op.home for op in event.ops if isinstance(op, Genesis)), "")
    return Head(namespace, "", home, 0, "", "")


class _Ahead:
    """Works an iterator one step ahead, in a thread; as a context, it ends when the block does."""

    def __init__(self, chunks: Iterator[Chunk], stop: threading.Event) -> None:
        self._chunks = chunks
        self._stop = stop
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="herdbook-replay")

    def __enter__(self) -> Iterator[Chunk]:
        return self._each()

    def _each(self) -> Iterator[Chunk]:
        coming = self._next()
        while (chunk := coming.result()) is not None:
            coming = self._next()
            yield chunk

    def _next(self) -> Future[Chunk | None]:
        return self._thread.submit(next, self._chunks, None)

    def __exit__(self, *exc: object) -> None:
        self._stop.set()
        self._thread.shutdown(wait=True, cancel_futures=True)
        self._stop.clear()
