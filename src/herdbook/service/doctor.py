"""The doctor: is everything here, unaltered, and do the tables say what the journals say?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from herdbook.kernel import digests
from herdbook.kernel.errors import CorruptError
from herdbook.model.base import Json
from herdbook.model.health import DoctorReport
from herdbook.model.journal import Checkpoint, Event, digest_lines
from herdbook.model.rows import EventRow, Head
from herdbook.ports.admin import Step
from herdbook.ports.catalogue import Reader
from herdbook.service import bodies as bodies_
from herdbook.service import doctor_tables, event_pages, needs, reindex, waiting
from herdbook.service.bodies import Body
from herdbook.service.chain import Chain, Checkpoints
from herdbook.service.context import Context
from herdbook.service.doctor_blobs import Blobs
from herdbook.service.findings import Findings

CHUNK = 2000
"""Operations whose bodies are read together."""


def examine(
    context: Context,
    *,
    expect: Sequence[str] = (),
    blobs: bool = True,
    rebuild: bool = False,
    step: Step | None = None,
) -> DoctorReport:
    """Check journals, bodies, tables and blobs; see ``ports.admin.Admin.doctor``.

    Memory grows with what the journals say (digests, versions, pointers), not with bodies or blobs.

    Raises:
        InvalidError: when one of ``expect`` is no checkpoint.
    """
    findings = Findings()
    checkpoints = Checkpoints(expect)
    reindexed = reindex.rebuild(context, step) if rebuild else 0
    for problem in _database_problems(context):
        findings.error("database", problem)
    visit = _Visit(context, findings, checkpoints, step)
    try:
        with context.catalogue.read() as tx:
            visit.journals(tx)
    except CorruptError as error:
        findings.error("catalogue-unreadable", error.message)
    shelves = Blobs(context, visit.blobs, findings)
    shelves.check(read=blobs, step=step)
    return DoctorReport(
        sound=findings.sound,
        findings=findings.all(),
        checkpoints=tuple(visit.checkpoints),
        states=visit.states,
        events=visit.events,
        bodies=visit.bodies,
        blobs=shelves.count,
        blob_bytes=shelves.bytes,
        reindexed=reindexed,
    )


def _database_problems(context: Context) -> list[str]:
    try:
        return context.catalogue.check()
    except CorruptError as error:
        return [error.message]


class _Visit:
    """One look at all journals and at the tables that follow from them."""

    def __init__(self, context: Context, findings: Findings, checkpoints: Checkpoints, step: Step | None) -> None:
        self.events = 0
        self.bodies = 0
        self.blobs: dict[str, int | None] = {}
        self.checkpoints: list[Checkpoint] = []
        self.states: dict[str, str] = {}
        self._context = context
        self._findings = findings
        self._expected = checkpoints
        self._step = step
        self._datasets: set[tuple[str, str, str, str]] = set()
        self._counted: set[str] = set()

    def journals(self, tx: Reader) -> None:
        """Check every journal, then what all of them share."""
        heads = tx.heads()
        for head in heads:
            self._journal(tx, head)
        self._expected.end({head.journal: head.seq for head in heads}, self._findings)
        self._differ(doctor_tables.datasets(tx, self._datasets), "dataset-table")
        self.bodies = len(self._counted)
        reindex.check(tx, self._context.blobs, self._findings)
        unread = len(tx.unread(self._context.readers.versions, limit=10_000))
        if unread:
            more = "at least " if unread == 10_000 else ""
            self._findings.note(
                "unread", f"{more}{unread} files are still to be read by a format's reader: `herdbook doctor --reindex`"
            )

    def _journal(self, tx: Reader, head: Head) -> None:
        chain = Chain(self._findings, head.namespace, head.journal)
        named: dict[str, int | None] = {}
        missing: list[tuple[str, str]] = []
        for rows in event_pages.events(tx, head.namespace):
            for told in self._chunks(tx, chain, rows):
                missing += self._bodies(tx, told, named)
                self._differ(doctor_tables.differences(tx, told), "table")
                waiting.offer(self._context, tx, told.namespace, told.values, self._findings)
            if self._step:
                self._step(f"checking the journal of {head.namespace}", chain.seq, head.seq)
        chain.end()
        self.events += chain.seq
        purged = chain.state.purged
        for digest, where in missing:
            if digest not in purged:
                self._findings.error("body-missing", f"the body {digest} is not here", where)
        self.blobs.update((sha256, size) for sha256, size in named.items() if sha256 not in purged)
        self._end(tx, head, chain)

    def _end(self, tx: Reader, head: Head, chain: Chain) -> None:
        if (chain.seq, chain.head, chain.home) != (head.seq, head.head, head.home):
            self._findings.error(
                "head-differs",
                f"the journal of {head.namespace!r} ends at event {chain.seq} ({chain.head}), and its head is noted as "
                f"event {head.seq} ({head.head})",
                head.namespace,
            )
        lines = chain.state.lines()
        self.states[head.namespace] = digest_lines(lines)
        self.checkpoints.append(
            Checkpoint(namespace=head.namespace, journal=head.journal, seq=head.seq, head=head.head)
        )
        self._differ(doctor_tables.states(lines, tx.state_lines(head.namespace)), "state")
        self._differ(doctor_tables.models(tx, chain), "model-table")

    def _chunks(self, tx: Reader, chain: Chain, rows: Sequence[EventRow]) -> Iterator[doctor_tables.Told]:
        """Follow the chain through a page of events; yield its operations in chunks, with their bodies.

        Operations are many objects: at most those of one large event are held at once.
        """
        ops: list[tuple[int, object]] = []
        fresh: dict[str, int] = {}
        for row in rows:
            event = chain.take(row.body)
            self._row(chain, row, event)
            self._expected.met(chain.journal, chain.seq, chain.head, self._findings)
            fresh.update((digest, chain.seq) for _, digest in chain.fresh)
            ops += [(chain.seq, op) for op in event.ops] if event else []
            if len(ops) >= CHUNK:
                yield from self._told(tx, chain, ops, fresh)
                ops, fresh = [], {}
        yield from self._told(tx, chain, ops, fresh)

    def _told(
        self, tx: Reader, chain: Chain, ops: list[tuple[int, object]], fresh: dict[str, int]
    ) -> Iterator[doctor_tables.Told]:
        rest = iter(ops)
        while part := list(islice(rest, CHUNK)):
            wanted = set(needs.bodies_of(op for _, op in part))
            values = self._values(tx, wanted, f"{chain.namespace} event {part[0][0]}")
            told = {digest: fresh[digest] for digest in wanted if digest in fresh}
            yield doctor_tables.Told(chain.namespace, part, told, values)

    def _row(self, chain: Chain, row: EventRow, event: Event | None) -> None:
        where = f"{chain.namespace} event {chain.seq}"
        if row.digest != digests.of(row.body):
            self._findings.error("event-corrupt", f"the event's bytes are not those of its digest {row.digest}", where)
        if row.seq != chain.seq:
            self._findings.error("event-missing", f"event {row.seq} stands where {chain.seq} should be", where)
        if event is not None and (row.time, row.principal) != (event.time, event.principal.id):
            self._findings.error("table", "the table has another time or principal for the event", where)

    def _values(self, tx: Reader, wanted: set[str], where: str) -> dict[str, Body | Json]:
        """Return the bodies that are here and sound; a missing one is said later, when all purges are known."""
        values: dict[str, Body | Json] = {}
        for digest, data in tx.bodies(wanted).items():
            self._counted.add(digest)
            try:
                needs.read_body(digest, data)
            except CorruptError as error:
                self._findings.error(error.code, error.message, where)
                continue
            values[digest] = bodies_.parse(data)
            if isinstance(values[digest], dict):
                self._findings.note(
                    "body-unknown", f"{digest} was written by a newer Herdbook: it is kept, and not understood", where
                )
        return values

    def _bodies(self, tx: Reader, told: doctor_tables.Told, named: dict[str, int | None]) -> list[tuple[str, str]]:
        for value in told.values.values():
            body = value if isinstance(value, dict) else value.json_object()
            named.update(needs.blobs_of(body))
        self._datasets.update(told.projection.datasets)
        wanted = set(needs.bodies_of(op for _, op in told.ops)) - told.values.keys()
        absent = wanted - tx.bodies(wanted).keys() if wanted else wanted
        return [(digest, f"{told.namespace} event {told.ops[0][0]}") for digest in sorted(absent)]

    def _differ(self, found: Iterator[doctor_tables.Difference], rule: str) -> None:
        for message, where in found:
            self._findings.error(rule, f"{message}: the table is not what the journal says", where)
