"""Import: a bundle's events are replayed byte for byte, and nothing in it is believed before it was checked.

All of it is verified before anything is written. What broke off is continued by running it again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import BinaryIO

from herdbook.kernel import digests
from herdbook.kernel.errors import ConflictError, CorruptError, HerdbookError, InvalidError
from herdbook.model.health import BundleReport
from herdbook.model.journal import Event, digest_lines
from herdbook.model.rows import Head
from herdbook.ports.admin import Step
from herdbook.service import bundle_read, event_pages, facts, journal, people
from herdbook.service.bundle_manifest import BundleJournal, blob_name
from herdbook.service.bundle_read import Read
from herdbook.service.bundle_source import Source, open_source
from herdbook.service.context import Context
from herdbook.service.findings import Findings
from herdbook.service.replay import Replay
from herdbook.service.replay_blobs import Blobs

FACTS = 10_000
"""Files that are read for facts at once; what is more stays in the queue."""
LOOK = 1000
"""Blobs that are looked up together."""


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
        with Blobs(context, step) as blobs:
            work = _Import(context, source, found, blobs, step)
            work.lost(plans)
            for plan in plans:
                work.journal(plan)
            people.take_over(context, bundle_read.people(source))
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
    """What is to be done for a journal: events after ``seq``, whose digest is ``head``, are to come."""

    entry: BundleJournal
    seq: int
    head: str


def _plan(context: Context, source: Source, entry: BundleJournal) -> _Plan:
    with context.catalogue.read() as tx:
        head = tx.head(entry.namespace)
        if head is None:
            if entry.first > 1:
                raise _gap(entry, None)
            return _Plan(entry, 0, "")
        if head.journal != entry.journal or head.namespace != entry.namespace:
            raise _other(context, head, entry)
        if entry.first > head.seq + 1:
            raise _gap(entry, head)
        lines = bundle_read.lines(source, entry.namespace)
        rows = chain.from_iterable(event_pages.events(tx, head.namespace, entry.first - 1))
        for row, data in zip(rows, lines, strict=False):
            if row.digest != digests.of(data):
                raise _diverged(entry, row.seq, row.digest, digests.of(data))
        if entry.first == head.seq + 1:
            prev = Event.read_json(next(bundle_read.lines(source, entry.namespace))).prev
            if prev != head.head:
                raise _diverged(entry, head.seq, head.head, str(prev))
    return _Plan(entry, head.seq, head.head)


def _gap(entry: BundleJournal, head: Head | None) -> InvalidError:
    seq = head.seq if head else 0
    since = f" --since {head.journal}:{head.seq}:{head.head}" if head else ""
    return InvalidError(
        f"the bundle has the journal of {entry.namespace!r} from event {entry.first} on; here it ends at event {seq}",
        code="bundle-part",
        hint=f"First import what begins at event {seq + 1}: `herdbook bundle export FOLDER{since}` makes it.",
        first=entry.first,
        needed=seq + 1,
    )


def _other(context: Context, head: Head, entry: BundleJournal) -> ConflictError:
    if head.home == context.catalogue.registry:
        return ConflictError(
            f"the namespace {head.namespace!r} has its home here, with another journal than the bundle's",
            code="home-here",
            hint="`herdbook adopt` takes versions from a copy of the other one; or import into another registry.",
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


class _Origin:
    """One journal of a bundle that was verified."""

    def __init__(self, source: Source, entry: BundleJournal, found: Read) -> None:
        self.namespace = entry.namespace
        self.journal = entry.journal
        self._source = source
        self._entry = entry
        self._found = found

    def lines(self, after: int) -> Iterator[bytes]:
        """Yield events after a sequence."""
        lines = enumerate(bundle_read.lines(self._source, self.namespace), self._entry.first)
        yield from (data for seq, data in lines if seq > after)

    def bodies(self, digests: Sequence[str]) -> dict[str, bytes]:
        """Return the bodies that are not purged."""
        return {digest: bundle_read.body(self._source, digest) for digest in digests if digest not in self.purged()}

    def purged(self) -> frozenset[str]:
        """Return what the journal has purged at its end."""
        return self._found.purged[self.namespace]

    def blob(self, sha256: str) -> BinaryIO:
        """Open a blob."""
        return self._source.open(blob_name(sha256))

    def lacks(self, sha256: str, error: HerdbookError) -> None:
        """Let what is said to be absent, or purged, be absent."""
        if sha256 in self._found.blobs:
            raise self.wrong(error.code, error.message)

    def wrong(self, rule: str, message: str) -> CorruptError:
        """Return the error for what was not so when it was verified, or does not follow on what is here."""
        return CorruptError(
            f"the bundle changed while it was imported, or does not follow on what is here: {message}",
            code="bundle-changed",
            hint="Try again; what was imported is sound.",
            rule=rule,
        )


class _Import:
    """One import at work."""

    def __init__(self, context: Context, source: Source, found: Read, blobs: Blobs, step: Step | None) -> None:
        self._context = context
        self._source = source
        self._found = found
        self._blobs = blobs
        self._step = step
        self._events = 0
        self._bodies = 0

    def lost(self, plans: Sequence[_Plan]) -> None:
        """Bring what records here need already, and what was lost or never here."""
        wanted = sorted(self._found.blobs)
        for start in range(0, len(wanted), LOOK):
            with self._context.catalogue.read() as tx:
                needed = tx.needed(wanted[start : start + LOOK])
            origin = _Origin(self._source, plans[0].entry, self._found)
            self._blobs.bring(origin, {sha256: self._found.blobs[sha256] for sha256 in needed})

    def journal(self, plan: _Plan) -> None:
        """Replay what a journal here does not have yet."""
        replay = Replay(self._context, _Origin(self._source, plan.entry, self._found), self._blobs)
        for seq in replay.run(plan.seq, plan.head):
            if self._step:
                self._step(f"replaying {plan.entry.namespace}", seq, plan.entry.last)
        self._events += replay.events
        self._bodies += replay.bodies

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
        self._blobs.release()
        if (self._events or self._blobs.count) and facts.follow(self._context, FACTS) >= FACTS:
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
            blobs=self._blobs.count,
            blob_bytes=self._blobs.bytes,
            absent=tuple(digest for digest in self._found.manifest.absent if self._context.blobs.size(digest) is None),
            findings=findings.all(),
        )
