"""Journals: how an event is built and appended, and how a journal is read."""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Any

from herdbook.kernel import digests, times
from herdbook.kernel.errors import ConflictError, CorruptError, InvalidError, MissingError, UnavailableError
from herdbook.model.activities import Activity
from herdbook.model.base import Json
from herdbook.model.datasets import Dataset
from herdbook.model.journal import (
    MAX_BYTES,
    MAX_CLOCK_BEHIND_S,
    MAX_OPS,
    BatchOp,
    Checkpoint,
    Event,
    EventEntry,
    Genesis,
    PointOp,
    RecordOp,
    StatementOp,
    VersionOp,
    digest_lines,
)
from herdbook.model.pages import Page
from herdbook.model.rows import EventRow, Head
from herdbook.model.statements import Statement
from herdbook.model.versions import Version
from herdbook.ports.catalogue import Reader, Writer
from herdbook.service import documents, event_pages, touched
from herdbook.service.bodies import Body
from herdbook.service.context import Context
from herdbook.service.paging import check_limit
from herdbook.service.projection import project

PART = MAX_OPS // 2
"""Operations after which a batch goes on in its next event."""
POLL_S = 0.2
"""How often a journal is looked at by who waits for what follows, in seconds."""


class Draft:
    """An event in the making, for one namespace, inside a write transaction."""

    def __init__(self, context: Context, tx: Writer, namespace: str) -> None:
        self.context = context
        self.tx = tx
        self.head = tx.head(namespace) or begin(context, tx, namespace)
        self.namespace = self.head.namespace
        self.ops: list[Any] = []
        self.bodies: dict[str, bytes] = {}
        self.values: dict[str, Body | Json] = {}
        self.touched: set[int] = set()
        self.relabelled: set[str] = set()
        self.marks: list[int] = []
        self.said: dict[str, Statement] = {}
        self.told: list[Statement | Activity] = []
        self._known: set[str] = set()
        self._elsewhere: set[str] = set()

    def preload(self, candidates: Sequence[str]) -> None:
        """Look up at once which of these the journal knows already."""
        found = self.tx.known(candidates)
        self._known |= {digest for digest, places in found.items() if any(ns == self.namespace for ns, _ in places)}
        self._elsewhere |= found.keys() - self._known

    def knows(self, digest: str) -> bool:
        """Say whether the journal, or this draft, knows the digest."""
        return digest in self._known

    def record(self, value: Version | Dataset | Activity) -> bool:
        """Make a record known; say whether that is new."""
        return self._add(value, RecordOp(digest=value.digest))

    def statement(self, value: Statement) -> bool:
        """Make a statement; say whether that is new."""
        return self._add(value, StatementOp(digest=value.digest))

    def _add(self, value: Body, op: RecordOp | StatementOp) -> bool:
        if self.knows(value.digest):
            return False
        self._known.add(value.digest)
        self.bodies[value.digest] = value.canonical
        self.values[value.digest] = value
        self.ops.append(op)
        if isinstance(value, Statement | Activity):
            self.told.append(value)
        return True

    def version(self, model: str, ordinal: int, record: str) -> None:
        """Give a record its place in a model."""
        self.ops.append(VersionOp(model=model, ordinal=ordinal, record=record))

    def point(self, pointer: str, frm: str = "", to: str = "", reason: str = "") -> None:
        """Move a pointer; without ``to`` it is cleared."""
        self.ops.append(PointOp(pointer=pointer, from_=frm or None, to=to or None, reason=reason or None))

    def mark(self) -> None:
        """Say that a batch may be cut here."""
        self.marks.append(len(self.ops))

    def commit(self, *, batch: bool = False) -> list[EventRow]:
        """Append the event; a batch becomes as many as it needs. Empty when there is nothing to say."""
        if not self.ops:
            return []
        self._refuse_purged()
        self.touched |= touched.items_of(self.tx, self.relabelled)
        self.touched |= touched.by(self.tx, self.told, self.values, self.values.keys() - self._elsewhere)
        self.tx.put_bodies(self.bodies)
        groups = self._groups() if batch else [self.ops]
        id_ = secrets.token_hex(16)
        rows: list[EventRow] = []
        for part, ops in enumerate(groups, 1):
            joined = [BatchOp(id=id_, part=part, of=len(groups)), *ops] if batch else ops
            row, items = self._append(joined)
            self.touched |= set(items)
            rows.append(row)
        documents.refresh(self.tx, self.context.blobs, self.touched, self.values)
        return rows

    def _groups(self) -> list[list[Any]]:
        """Cut the operations at marks, so that no event comes near its limit."""
        cuts = [0]
        for mark, following in pairwise([*self.marks, len(self.ops)]):
            if following - cuts[-1] > PART and mark > cuts[-1]:
                cuts.append(mark)
        return [self.ops[start:end] for start, end in pairwise([*cuts, len(self.ops)])]

    def _append(self, ops: list[Any]) -> tuple[EventRow, list[int]]:
        event = Event(
            journal=self.head.journal,
            seq=self.head.seq + 1,
            prev=self.head.head,
            time=clock_of(self.context, self.head),
            principal=self.context.principal,
            ops=tuple(ops),
        )
        row = EventRow(self.namespace, event.seq, event.digest, event.time, event.principal.id, event.canonical)
        check_size(row, len(ops))
        items = self.tx.append(self.head, row, project(ops, self.values))
        self.head = replace(self.head, seq=row.seq, head=row.digest, time=row.time)
        return row, items

    def _refuse_purged(self) -> None:
        if purged := self.tx.purged(self.namespace, self.bodies):
            raise InvalidError(
                f"{min(purged)} was purged from {self.namespace!r}",
                code="purged",
                hint="What was purged is registered again only after it was allowed again.",
            )


def begin(context: Context, tx: Writer, namespace: str) -> Head:
    """Begin a journal whose home is this registry.

    Raises:
        MissingError: when this registry makes no namespaces by itself.
    """
    genesis = Genesis(namespace=namespace, home=context.catalogue.registry, salt=secrets.token_hex(16))
    moment = context.clock()
    event = Event(seq=1, time=moment, principal=context.principal, ops=(genesis,))
    row = EventRow(namespace, 1, event.digest, moment, context.principal.id, event.canonical)
    tx.append(Head(namespace, "", genesis.home, 0, "", ""), row, project(event.ops, {}))
    head = tx.head(namespace)
    assert head is not None
    return head


def clock_of(context: Context, head: Head) -> str:
    """Return the time of the next event: never before the head's.

    Raises:
        InvalidError: when the clock is more than 24 hours behind the head, and nobody confirmed that.
    """
    now = context.clock()
    if now >= head.time and len(now) == len(head.time):
        return now
    clock, last = times.read(now), times.read(head.time)
    if last - clock > timedelta(seconds=MAX_CLOCK_BEHIND_S) and not context.accept_old_clock:
        raise InvalidError(
            f"this machine's clock says {now}, but the journal of {head.namespace!r} is already at {head.time}",
            code="clock-behind",
            hint="One of the two was wrong. Set the clock, or confirm with HERDBOOK_ACCEPT_OLD_CLOCK=1.",
        )
    return now if clock >= last else head.time


def check_size(row: EventRow, ops: int) -> None:
    """Check an event's size.

    Raises:
        InvalidError: when it is too large; a batch is cut into parts.
    """
    if ops > MAX_OPS or len(row.body) > MAX_BYTES:
        raise InvalidError(
            f"the event would have {ops} operations in {len(row.body)} bytes; {MAX_OPS} in {MAX_BYTES} are allowed",
            code="event-too-large",
            hint="Register it as a batch, which is cut into several events.",
        )


class Journals:
    """The noun ``journal`` of the façade."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def events(self, namespace: str, *, after: int = 0, limit: int = 100, wait: float = 0.0) -> Page[EventEntry]:
        """Return events in order; an empty page only when nothing followed within ``wait`` seconds."""
        check_limit(limit)
        deadline = time.monotonic() + wait
        while True:
            with self._context.catalogue.read() as tx:
                head = head_of(tx, namespace)
                rows = tx.events(head.namespace, after, limit)
            if rows or time.monotonic() >= deadline:
                break
            time.sleep(min(POLL_S, max(0.0, deadline - time.monotonic())))
        items = tuple(entry(row) for row in rows)
        more = bool(rows) and rows[-1].seq < head.seq
        return Page(items=items, cursor=str(rows[-1].seq) if more else None, total=head.seq)

    def lines(self, namespace: str, *, after: int = 0, limit: int = 1000) -> list[bytes]:
        """Return events as they are kept, byte for byte."""
        check_limit(limit)
        found: list[bytes] = []
        with self._context.catalogue.read() as tx:
            for rows in event_pages.events(tx, head_of(tx, namespace).namespace, after):
                found += [row.body for row in rows]
                if len(found) >= limit or sum(map(len, found)) >= event_pages.PAGE_BYTES:
                    break
        return found[:limit]

    def checkpoint(self, namespace: str) -> Checkpoint:
        """Return where the journal stands."""
        with self._context.catalogue.read() as tx:
            return checkpoint(head_of(tx, namespace))

    def state_digest(self, namespace: str) -> str:
        """Return the digest of the namespace's state."""
        with self._context.catalogue.read() as tx:
            return digest_lines(tx.state_lines(head_of(tx, namespace).namespace))

    def bodies(self, digests: Sequence[str]) -> dict[str, bytes]:
        """Return canonical bytes."""
        with self._context.catalogue.read() as tx:
            return tx.bodies(digests)


def entry(row: EventRow) -> EventEntry:
    """Return the value of an event row.

    Raises:
        CorruptError: when the row's bytes are not its digest's.
    """
    if digests.of(row.body) != row.digest:
        raise CorruptError(
            f"event {row.seq} of {row.namespace!r} does not have the bytes of its digest",
            code="event-corrupt",
            hint="Run `herdbook doctor`.",
        )
    return EventEntry(namespace=row.namespace, digest=row.digest, event=Event.read_json(row.body))


def checkpoint(head: Head) -> Checkpoint:
    """Return a head as a checkpoint."""
    return Checkpoint(namespace=head.namespace, journal=head.journal, seq=head.seq, head=head.head)


def head_of(tx: Reader, namespace: str) -> Head:
    """Return where a namespace's journal stands.

    Raises:
        MissingError: when there is none here.
    """
    head = tx.head(namespace)
    if head is None:
        known = ", ".join(item.namespace for item in tx.heads()) or "none yet"
        raise MissingError(
            f"there is no namespace {namespace!r} here",
            code="no-namespace",
            hint=f"Here are: {known}. `herdbook namespace create {namespace}` begins one.",
        )
    return head


def draft_for(context: Context, tx: Writer, namespace: str) -> Draft:
    """Return a draft for a namespace that is here, or that may be made here.

    Raises:
        MissingError: when it is not here and this registry makes no namespaces by itself.
        ConflictError: when one is here that differs only in case.
        UnavailableError: when its journal has its home elsewhere.
    """
    head = tx.head(namespace)
    if head is None and not context.create_namespaces:
        head_of(tx, namespace)
    if head is not None and head.namespace != namespace:
        raise same_name(namespace, head)
    if head is not None and head.home != context.catalogue.registry:
        raise UnavailableError(
            f"the journal of {head.namespace!r} has its home in {head.home}; here is a copy",
            code="not-home",
            hint="Write at its home, or into a namespace of your own.",
        )
    return Draft(context, tx, namespace)


def same_name(namespace: str, head: Head) -> ConflictError:
    """Return the error for a namespace's name that differs only in case from one that is here."""
    return ConflictError(
        f"the namespace {namespace!r} differs only in case from {head.namespace!r}",
        code="name-clash",
        hint=f"Write {head.namespace!r}, or choose another name.",
    )
