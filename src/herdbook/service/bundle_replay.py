"""Replay: events of another registry, byte for byte, into this one, chunk by chunk."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice

from herdbook.kernel import digests
from herdbook.kernel.errors import ConflictError
from herdbook.model.activities import Activity
from herdbook.model.base import Json, Value
from herdbook.model.journal import Event, Genesis, PointOp, PurgeOp
from herdbook.model.rows import EventRow, Head
from herdbook.model.statements import Statement
from herdbook.ports.catalogue import Reader, Writer
from herdbook.service import bodies as bodies_
from herdbook.service import bundle_read, documents, needs, touched
from herdbook.service.bodies import Body
from herdbook.service.bundle_manifest import BundleJournal
from herdbook.service.bundle_source import Source
from herdbook.service.context import Context
from herdbook.service.projection import project

CHUNK_OPS = 5000
CHUNK_BYTES = 8 * 2**20
"""A chunk ends after so many operations, or so many bytes of events; an event is never cut."""


class Replay:
    """Replays one journal of a bundle that was verified.

    Attributes:
        events: how many were new here.
        bodies: how many of their bodies were.
    """

    def __init__(self, context: Context, source: Source, entry: BundleJournal, purged: frozenset[str]) -> None:
        self.events = 0
        self.bodies = 0
        self._context = context
        self._source = source
        self._entry = entry
        self._purged = purged
        self._names: set[str] = set()

    def run(self, seq: int) -> Iterator[int]:
        """Replay events after ``seq``; yield the sequence reached after each transaction."""
        lines = enumerate(bundle_read.lines(self._source, self._entry.namespace), self._entry.first)
        rest = ((number, data) for number, data in lines if number > seq)
        while chunk := list(_chunk(rest)):
            with self._context.catalogue.write() as tx:
                self._replay(tx, chunk)
            yield chunk[-1][0].seq
        self._refresh_names()

    def _replay(self, tx: Writer, chunk: list[tuple[Event, bytes]]) -> None:
        values = self._bodies(tx, chunk)
        items: set[int] = set()
        for event, data in chunk:
            head = tx.head(self._entry.namespace) or _before(self._entry.namespace, event)
            row = EventRow(self._entry.namespace, event.seq, digests.of(data), event.time, event.principal.id, data)
            if (event.journal or row.digest) != self._entry.journal:
                raise ConflictError(
                    "the bundle changed while it was imported", code="bundle-changed", hint="Try again."
                )
            items.update(tx.append(head, row, project(event.ops, values)))
            self.events += 1
        self._drop_purged(tx, (op.digest for event, _ in chunk for op in event.ops if isinstance(op, PurgeOp)))
        items |= self._affected(tx, chunk, values)
        documents.refresh(
            tx,
            self._context.blobs,
            items,
            {digest: value for digest, value in values.items() if isinstance(value, Value)},
        )

    def _bodies(self, tx: Writer, chunk: list[tuple[Event, bytes]]) -> dict[str, Body | Json]:
        """Keep the bodies that events name; return the values of all of them."""
        wanted = {digest for event, _ in chunk for digest in needs.bodies_of(event.ops)}
        here = tx.bodies(wanted)
        new = {digest: bundle_read.body(self._source, digest) for digest in sorted(wanted - here.keys() - self._purged)}
        tx.put_bodies(new)
        self.bodies += len(new)
        return {digest: bodies_.parse(data) for digest, data in (here | new).items()}

    def _drop_purged(self, tx: Writer, digests_: Iterable[str]) -> None:
        """Forget bytes that were purged, unless another namespace refers to them."""
        gone = {digest for digest in digests_ if digest in self._purged}
        for digest, places in tx.known(gone).items():
            if all(tx.purged(namespace, [digest]) for namespace, _ in places):
                tx.drop_bodies([digest])

    def _affected(self, tx: Reader, chunk: list[tuple[Event, bytes]], values: Mapping[str, object]) -> set[int]:
        """Return versions whose documents change with what these events say; looked up for all of them at once."""
        statements = [value for value in values.values() if isinstance(value, Statement)]
        subjects = [subject for value in touched.changed(tx, statements, None) for subject in value.subject]
        records = {subject.record for subject in subjects if subject.record}
        made = touched.made_from(tx, records)
        for value in values.values():
            if isinstance(value, Activity):
                made |= {part.record for part in value.outputs or () if part.record}
        files = {subject.file for subject in subjects if subject.file}
        made |= {row.record for row in tx.files_named(files)}
        for event, _ in chunk:
            for op in event.ops:
                if isinstance(op, PointOp):
                    made |= {digest for digest in (op.from_, op.to) if digest}
        self._names |= {subject.name for subject in subjects if subject.name}
        return touched.items_of(tx, records | made)

    def _refresh_names(self) -> None:
        """Refresh whole models of which something was said, a chunk in each transaction."""
        for name in sorted(self._names):
            after = 0
            while True:
                with self._context.catalogue.write() as tx:
                    rows = tx.versions(name, after=after, limit=500)
                    documents.refresh(tx, self._context.blobs, [row.item for row in rows])
                if not rows:
                    break
                after = rows[-1].ordinal


def _chunk(lines: Iterator[tuple[int, bytes]]) -> Iterator[tuple[Event, bytes]]:
    """Yield events until they make a chunk."""
    ops = size = 0
    for _, data in islice(lines, CHUNK_OPS):
        event = Event.read_json(data)
        yield event, data
        ops += len(event.ops)
        size += len(data)
        if ops >= CHUNK_OPS or size >= CHUNK_BYTES:
            return


def _before(namespace: str, event: Event) -> Head:
    """Return where a journal stands before its first event."""
    home = next((op.home for op in event.ops if isinstance(op, Genesis)), "")
    return Head(namespace, "", home, 0, "", "")
