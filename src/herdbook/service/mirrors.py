"""Mirror: a namespace's journal is followed at another registry, byte for byte, fast-forward only.

What is here is at any moment a correct older copy, so that a run that was killed is continued by the next one. Which
blobs the source could not give is noted (memos), and asked for again.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence

from herdbook.kernel.errors import ConflictError, HerdbookError, InvalidError
from herdbook.model.facts import Finding, Severity
from herdbook.model.journal import digest_lines
from herdbook.model.mirrors import Mirrored, MirrorReport
from herdbook.model.rows import Head
from herdbook.ports.admin import Step
from herdbook.ports.registry import Registry
from herdbook.service import facts, mirror_plan, people
from herdbook.service.context import Context
from herdbook.service.findings import Findings
from herdbook.service.mirror_notes import Notes
from herdbook.service.mirror_plan import Plan
from herdbook.service.mirror_source import RegistrySource
from herdbook.service.replay import Replay
from herdbook.service.replay_blobs import Blobs

FACTS = 10_000
"""Files that are read for facts at once; what is more stays in the queue."""
TRIES = 5
"""How often a source that moves on is caught up with before its state is not compared."""
SHARE = 20.0
"""A mirror that follows compares states at most in one part of its time in so many."""


class Mirror:
    """Follows namespaces of a source. A run may be repeated, and costs as much as there is new."""

    def __init__(self, context: Context, source: Registry, *, names: bool = True, step: Step | None = None) -> None:
        if source.url == context.url:
            raise InvalidError(f"{source.url} cannot mirror itself", code="same-registry", hint="Name two registries.")
        self._context = context
        self._source = source
        self._names = names
        self._step = step
        self._compare_at = 0.0

    def run(self, namespaces: Sequence[str] = (), *, retry: bool = True, always: bool = True) -> MirrorReport:
        """Bring what is new.

        Args:
            namespaces: of the source; all when none is given, but for those whose home is here.
            retry: whether to ask again for blobs that the source could not give before.
            always: whether to compare states whenever something came; else only from time to time.

        Raises:
            ConflictError: ``diverged`` when a journal has another history here, with the first difference;
                ``home-here`` when its home is here. Nothing was written.
            CorruptError: ``source-unsound`` when what the source gives does not hold; what was copied before does.
            MissingError: when the source has no such namespace.
            UnavailableError: when the source or a store here cannot serve; what is here is sound.
        """
        findings = Findings()
        plans = mirror_plan.make(self._context, self._source, namespaces, findings)
        done: list[Mirrored] = []
        with Blobs(self._context, self._step) as blobs:
            run = _Run(self._context, self._source, blobs, findings, self._step)
            for plan in plans:
                if retry:
                    run.again(plan)
                now = run.catch_up(plan)
                if now.seq > plan.seq and (always or time.monotonic() >= self._compare_at):
                    now = self._compared(run, now)
                done.append(now)
            if self._names and run.actors:
                people.take_over(self._context, (p for p in self._source.people.list() if p.id in run.actors))
            run.end(done)
        return run.report(done)

    def away(self, error: HerdbookError) -> MirrorReport:
        """Return the report of a run in which the source could not be reached."""
        finding = Finding(rule="source-away", severity=Severity.WARNING, message=error.message)
        return MirrorReport(source=self._source.url, folder=self._context.url, namespaces=(), findings=(finding,))

    def _compared(self, run: _Run, now: Mirrored) -> Mirrored:
        begun = time.monotonic()
        now = run.compare(now)
        spent = time.monotonic() - begun
        self._compare_at = begun + SHARE * spent
        return now


class _Run:
    """One run at work."""

    def __init__(self, context: Context, source: Registry, blobs: Blobs, findings: Findings, step: Step | None) -> None:
        self.actors: set[str] = set()
        self._context = context
        self._source = source
        self._blobs = blobs
        self._findings = findings
        self._step = step
        self._events = 0
        self._bodies = 0

    def again(self, plan: Plan) -> None:
        """Ask again for blobs that were lacking, and for those of events that another way brought here."""
        notes = Notes(self._context, plan.there.namespace)
        origin = RegistrySource(self._source, plan.there, plan.seq)
        for wanted in notes.lacking():
            self._blobs.bring(origin, wanted)
            notes.settle(wanted, self._blobs.lacking)
        for seq, wanted in notes.unseen(plan.seq):
            self._blobs.bring(origin, wanted)
            notes.seen(seq, wanted, self._blobs.lacking)

    def catch_up(self, plan: Plan) -> Mirrored:
        """Replay what is not here yet, up to where the source stood when it was asked."""
        before = plan.seq
        for _ in range(TRIES):
            try:
                self._replay(plan)
                break
            except ConflictError as error:
                if error.code != "head-moved":
                    raise
            plan = mirror_plan.one(self._context, self._source, plan.there)  # another run brings the same
        head = self._head(plan.there.namespace)
        return Mirrored(
            namespace=head.namespace,
            journal=head.journal,
            before=before,
            seq=head.seq,
            head=head.head,
            there=plan.there.seq,
        )

    def _replay(self, plan: Plan) -> None:
        if plan.seq >= plan.there.seq:
            return
        notes = Notes(self._context, plan.there.namespace)
        origin = RegistrySource(self._source, plan.there, plan.seq)
        replay = Replay(self._context, origin, self._blobs, notes.written(self._blobs.lacking, self.actors))
        try:
            for seq in replay.run(plan.seq, plan.head):
                if self._step:
                    self._step(f"following {plan.there.namespace}", seq, plan.there.seq)
        finally:
            self._events += replay.events
            self._bodies += replay.bodies

    def compare(self, now: Mirrored) -> Mirrored:
        """Hold the state against the source's at the same event; what it wrote meanwhile is brought first."""
        ours = self._source.journal
        for _ in range(TRIES):
            state = ours.state_digest(now.namespace)
            there = ours.checkpoint(now.namespace)  # moved before or after the state was taken: it is taken anew
            if there.head == now.head:
                with self._context.catalogue.read() as tx:
                    here = digest_lines(tx.state_lines(now.namespace))
                if here != state:
                    message = f"the state at event {now.seq} is {here} here, and {state} there"
                    self._findings.error("state-differs", message, now.namespace)
                    return now
                return now.model_copy(update={"state": here, "there": there.seq})
            before = now.before
            plan = mirror_plan.one(self._context, self._source, there)
            now = self.catch_up(plan).model_copy(update={"before": before})
        self._findings.note("state-not-compared", "the source moves on too fast for it", now.namespace)
        return now

    def _head(self, namespace: str) -> Head:
        with self._context.catalogue.read() as tx:
            head = tx.head(namespace)
        assert head is not None, namespace
        return head

    def end(self, done: Iterable[Mirrored]) -> None:
        """Say what is lacking, let the leases go, and read facts."""
        self._blobs.release()
        for now in done:
            for sha256, code in Notes(self._context, now.namespace).still_lacking():
                message = f"the source could not give {sha256} ({code}); the next run asks again"
                tell = self._findings.error if "corrupt" in code else self._findings.warning
                tell("blob-lacking", message, now.namespace)
        if (self._events or self._blobs.count) and facts.follow(self._context, FACTS) >= FACTS:
            self._findings.note("unread", "more files are to be read by formats' readers: `herdbook doctor --reindex`")

    def report(self, done: Sequence[Mirrored]) -> MirrorReport:
        """Return what came."""
        absent = {sha256 for now in done for sha256, _ in Notes(self._context, now.namespace).still_lacking()}
        return MirrorReport(
            source=self._source.url,
            folder=self._context.url,
            namespaces=tuple(done),
            events=self._events,
            bodies=self._bodies,
            blobs=self._blobs.count,
            blob_bytes=self._blobs.bytes,
            absent=tuple(sorted(absent)),
            findings=self._findings.all(),
        )
