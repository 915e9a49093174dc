"""Import: a bundle's events are replayed byte for byte, and nothing in it is believed before it was checked.

Blobs come first, under leases; then the events, a chunk in each write transaction, with bodies, tables and index. After
each chunk the journal is a correct older copy of itself, so that an import that broke off is continued by running it
again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from itertools import chain, islice
from typing import TypeVar

from herdbook.kernel import digests
from herdbook.kernel.errors import ConflictError, CorruptError, InvalidError
from herdbook.model.files import Content
from herdbook.model.health import BundleReport
from herdbook.model.journal import Event, digest_lines
from herdbook.model.rows import Head, Lease
from herdbook.ports.admin import Step
from herdbook.ports.blobs import Staged
from herdbook.service import bundle_read, event_pages, facts, journal
from herdbook.service.bundle_manifest import BundleJournal, blob_name
from herdbook.service.bundle_read import Read
from herdbook.service.bundle_replay import Replay
from herdbook.service.bundle_source import Source, open_source
from herdbook.service.context import Context
from herdbook.service.findings import Findings

LEASE_S = 7 * 24 * 3600.0
"""How long blobs of an import that broke off wait for the next try, in seconds."""
TOGETHER = 64
"""Blobs that are leased together."""
THREADS = 8
"""Files that are written at once: each waits for the disk most of its time."""
FACTS = 10_000
"""Files that are read for facts at once; what is more stays in the queue."""
T = TypeVar("T")


def bring_in(context: Context, folder: str, *, step: Step | None = None) -> BundleReport:
    """Replay a bundle, a folder or a tar of it.

    The report counts what was new here. A copy that is newer here stays as it is.

    Raises:
        CorruptError: ``bundle-corrupt`` when anything in the bundle is not as it should be; nothing was written.
        ConflictError: ``diverged`` when a journal has another history here, with the first difference; ``home-here``
            when the namespace has its home here, with another journal. Nothing was written.
        InvalidError: when it is a part that does not follow on what is here, or records are missing.
        UnavailableError: when the disk is full, or another writer did not end; what was imported is sound.
    """
    findings = Findings()
    with open_source(folder) as source:
        found = bundle_read.read(source, findings, step=step)
        _refuse_unsound(found, findings)
        plans = [_plan(context, source, entry) for entry in found.manifest.journals]
        work = _Import(context, source, found, step)
        work.blobs(all_=any(plan.behind for plan in plans))
        for plan in plans:
            work.journal(plan)
        work.people()
        work.end(findings)
    return work.report(folder, findings)


def _refuse_unsound(found: Read, findings: Findings) -> None:
    if not findings.sound:
        first = findings.all()[0]
        raise CorruptError(
            f"the bundle is not sound: {first.message} ({first.where})",
            code="bundle-corrupt",
            hint="`herdbook bundle verify` shows everything; bring another copy.",
            rule=first.rule,
        )
    if found.lacking:
        raise InvalidError(
            f"the bundle lacks {len(found.lacking)} records or statements, {min(found.lacking)} for one",
            code="bundle-incomplete",
            hint="Only file contents may be absent; bring a complete copy.",
        )


@dataclass(frozen=True)
class _Plan:
    """What is to be done for a journal: events after ``seq`` are to come."""

    entry: BundleJournal
    seq: int

    @property
    def behind(self) -> bool:
        return self.seq < self.entry.last


def _plan(context: Context, source: Source, entry: BundleJournal) -> _Plan:
    with context.catalogue.read() as tx:
        head = tx.head(entry.namespace)
        if head is None:
            if entry.first > 1:
                raise _gap(entry, 0)
            return _Plan(entry, 0)
        if head.journal != entry.journal or head.namespace != entry.namespace:
            raise _other(context, head, entry)
        if entry.first > head.seq + 1:
            raise _gap(entry, head.seq)
        lines = bundle_read.lines(source, entry.namespace)
        rows = chain.from_iterable(event_pages.events(tx, head.namespace, entry.first - 1))
        for row, data in zip(rows, lines, strict=False):
            if row.digest != digests.of(data):
                raise _diverged(entry, row.seq, row.digest, digests.of(data))
        if entry.first == head.seq + 1:
            prev = Event.read_json(next(bundle_read.lines(source, entry.namespace))).prev
            if prev != head.head:
                raise _diverged(entry, head.seq, head.head, str(prev))
    return _Plan(entry, head.seq)


def _gap(entry: BundleJournal, seq: int) -> InvalidError:
    return InvalidError(
        f"the bundle has the journal of {entry.namespace!r} from event {entry.first} on; here it ends at event {seq}",
        code="bundle-part",
        hint="Import what is before it first.",
    )


def _other(context: Context, head: Head, entry: BundleJournal) -> ConflictError:
    if head.home == context.catalogue.registry:
        return ConflictError(
            f"the namespace {head.namespace!r} has its home here, with another journal than the bundle's",
            code="home-here",
            hint="Import into another registry, or register what you need from there in a namespace of your own.",
        )
    return ConflictError(
        f"the journal of {entry.namespace!r} here is {head.journal}, and the bundle's is {entry.journal}: they differ "
        "from their first event on",
        code="diverged",
        hint="Import into another registry.",
        seq=1,
    )


def _diverged(entry: BundleJournal, seq: int, here: str, there: str) -> ConflictError:
    return ConflictError(
        f"the journal of {entry.namespace!r} diverged: event {seq} is {here} here and {there} in the bundle",
        code="diverged",
        hint="One of the two was written at a place that is not its home. Ask there; nothing was imported.",
        seq=seq,
        here=here,
        there=there,
    )


class _Import:
    """One import at work."""

    def __init__(self, context: Context, source: Source, found: Read, step: Step | None) -> None:
        self._context = context
        self._source = source
        self._found = found
        self._step = step
        self._events = 0
        self._bodies = 0
        self._blobs = 0
        self._bytes = 0

    def blobs(self, *, all_: bool) -> None:
        """Bring in what is not here, or without ``all_`` what records here need already.

        The lease stands before a blob has its name, as in ``files.Files``.
        """
        done = 0
        with ThreadPoolExecutor(THREADS, thread_name_prefix="herdbook-import") as threads:
            for part in _parts(sorted(self._found.blobs), TOGETHER):
                self._some(part if all_ else self._needed(part), threads)
                done += len(part)
                if self._step:
                    self._step("bringing files", done, len(self._found.blobs))

    def _needed(self, sha256s: list[str]) -> list[str]:
        with self._context.catalogue.read() as tx:
            return sorted(tx.needed(sha256s))

    def _some(self, sha256s: list[str], threads: ThreadPoolExecutor) -> None:
        self._lease(sha256s)  # what is here stays while we look
        with self._context.catalogue.read() as tx:
            known = tx.contents(sha256s)
        sizes = {sha256: content.size for sha256, content in known.items()}
        lacking = [sha256 for sha256 in sha256s if self._context.blobs.size(sha256) != sizes.get(sha256, -1)]
        waiting = [threads.submit(self._stage, sha256) for sha256 in lacking]
        wait(waiting)
        staged = [future.result() for future in waiting if future.exception() is None]
        try:
            for future in waiting:
                future.result()
            self._lease([], [item.content for item in staged])
            new = threads.map(lambda item: item.keep(), staged)
            kept = [item.content.size for item, is_new in zip(staged, new, strict=True) if is_new]
            self._blobs += len(kept)
            self._bytes += sum(kept)
        finally:
            for item in staged:
                item.discard()

    def _stage(self, sha256: str) -> Staged:
        with self._source.open(blob_name(sha256)) as stream:
            staged = self._context.blobs.stage(stream)
        if staged.content.sha256 != sha256:
            staged.discard()
            raise CorruptError(f"{sha256} changed while it was imported", code="bundle-changed", hint="Try again.")
        return staged

    def _lease(self, sha256s: Iterable[str], contents: Iterable[Content] = ()) -> None:
        until = self._context.seconds() + LEASE_S
        leases = [Lease(self._context.principal.id, sha256, until) for sha256 in sha256s]
        self._context.catalogue.lease(leases, contents)

    def journal(self, plan: _Plan) -> None:
        """Replay what a journal here does not have yet."""
        replay = Replay(self._context, self._source, plan.entry, self._found.purged[plan.entry.namespace])
        for seq in replay.run(plan.seq):
            if self._step:
                self._step(f"replaying {plan.entry.namespace}", seq, plan.entry.last)
        self._events += replay.events
        self._bodies += replay.bodies

    def people(self) -> None:
        """Take over what actors are called whose names are not known here."""
        told = list(bundle_read.people(self._source))
        if told:
            with self._context.catalogue.write() as tx:
                known = tx.people([person.id for person in told])
                for person in told:
                    if person.id not in known:
                        tx.put_person(person)

    def end(self, findings: Findings) -> None:
        """Hold the state against the bundle's, let the leases go, and read facts."""
        with self._context.catalogue.read() as tx:
            for entry in self._found.manifest.journals:
                head = tx.head(entry.namespace)
                wanted = self._found.states.get(entry.namespace)
                if head is not None and head.head == entry.head and wanted is not None:
                    state = digest_lines(tx.state_lines(entry.namespace))
                    if state != wanted:
                        findings.error("state-differs", f"the state is {state}, and was {wanted}", entry.namespace)
        self._context.catalogue.release(self._context.principal.id, self._found.blobs)
        if (self._events or self._blobs) and facts.follow(self._context, FACTS) >= FACTS:
            findings.note("unread", "more files are to be read by formats' readers: `herdbook doctor --reindex`")

    def report(self, folder: str, findings: Findings) -> BundleReport:
        """Return what was new here, and where the journals stand now."""
        with self._context.catalogue.read() as tx:
            heads = [journal.head_of(tx, entry.namespace) for entry in self._found.manifest.journals]
            states = {head.namespace: digest_lines(tx.state_lines(head.namespace)) for head in heads}
        return BundleReport(
            folder=folder,
            complete=self._found.manifest.complete,
            checkpoints=tuple(journal.checkpoint(head) for head in heads),
            states=states,
            events=self._events,
            bodies=self._bodies,
            blobs=self._blobs,
            blob_bytes=self._bytes,
            absent=self._found.manifest.absent,
            findings=findings.all(),
        )


def _parts(items: Iterable[T], size: int) -> Iterator[list[T]]:
    rest = iter(items)
    while part := list(islice(rest, size)):
        yield part
