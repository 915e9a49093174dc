"""A journal's chain, followed event by event: what must hold from each to the next, in a registry and in a bundle."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from herdbook.kernel import canonical, digests, names
from herdbook.kernel.errors import HerdbookError, InvalidError
from herdbook.model import pointers
from herdbook.model.journal import (
    MAX_BYTES,
    MAX_OPS,
    BatchOp,
    Event,
    Genesis,
    PointOp,
    RecordOp,
    State,
    StatementOp,
    VersionOp,
)
from herdbook.service.findings import Findings

_CHECKPOINT = re.compile(r"(sha256:[0-9a-f]{64}):([1-9][0-9]{0,15}):(sha256:[0-9a-f]{64})")


class Chain:
    """Follows one journal from its event ``first`` on, and says what does not hold.

    Memory grows with the state: digests, versions and pointers, not with bodies or the number of events.

    Attributes:
        seq: of the last event taken.
        head: its digest.
        home: the registry that the genesis names.
        state: what the events said so far; nothing is known of what was before ``first``.
        ordinals: the last one of each model.
        moved: pointers that moved more than once.
        parts: by batch, the last part and how many there are.
        fresh: what the last event told for the first time, as (op, digest).
    """

    def __init__(self, findings: Findings, namespace: str, journal: str, first: int = 1) -> None:
        self.namespace = namespace
        self.journal = journal
        self.whole = first == 1
        self.seq = first - 1
        self.head = ""
        self.time = ""
        self.home = ""
        self.state = State()
        self.ordinals: dict[str, int] = {}
        self.moved: set[str] = set()
        self.fresh: list[tuple[str, str]] = []
        self.parts: dict[str, tuple[int, int]] = {}
        self._findings = findings
        self._labels: dict[str, str] = {}
        self._strict = self.whole
        self._before: frozenset[str] = frozenset()

    def resume(
        self,
        time: str,
        head: str,
        known: Iterable[str],
        ordinals: Mapping[str, int],
        at: Mapping[str, tuple[str, int]],
    ) -> None:
        """Go on where a journal that is known stands, strictly.

        Args:
            time: of its last event.
            head: digest of its last event.
            known: digests that will be met and that it made known.
            ordinals: the last one of each model that will be met.
            at: where each pointer that will be met leads (``-``: nowhere), and the sequence of its last move.
        """
        self.time, self.head, self._strict = time.removesuffix("Z"), head, True
        self._before = frozenset(known)
        self.ordinals.update(ordinals)
        self.state.assume(at)
        self._labels = {pointer.casefold(): pointer for pointer, (to, _) in at.items() if to != "-"}

    def take(self, data: bytes, known: Event | None = None) -> Event | None:
        """Take the next event's bytes, and what was read from them already; return it, ``None`` if it is no event."""
        before, self.head = self.head, digests.of(data)
        self.seq += 1
        self.fresh = []
        try:
            value = canonical.loads(data)
            if canonical.dumps(value) != data:
                self._wrong("event-not-canonical", "the event's bytes are not canonical")
            event = known or Event.read(value)
        except HerdbookError as error:
            self._wrong("event-unreadable", f"the event cannot be read: {error.message}")
            return None
        for rule, message in self._links(event, before, len(data)):
            self._wrong(rule, message)
        for rule, message in self._operations(event):
            self._wrong(rule, message)
        self.time = max(self.time, event.time.removesuffix("Z"))
        self.state.apply(self.seq, event.ops)
        return event

    def end(self) -> None:
        """Say what was begun and did not end."""
        for batch, (part, of) in self.parts.items():
            if part < of:
                self._findings.warning(
                    "unfinished-batch",
                    f"the batch {batch} ends at part {part} of {of}: continue the import, or undo it",
                    self.namespace,
                )

    def _wrong(self, rule: str, message: str) -> None:
        self._findings.error(rule, message, f"{self.namespace} event {self.seq}")

    def _links(self, event: Event, before: str, size: int) -> Iterator[tuple[str, str]]:
        begins = [op for op in event.ops if isinstance(op, Genesis)]
        if event.seq != self.seq:
            yield "event-out-of-order", f"the event says that it is number {event.seq}"
        if self.seq == 1:
            if event.journal or event.prev or len(begins) != 1 or begins[0].namespace != self.namespace:
                yield "bad-genesis", f"the first event does not begin the journal of {self.namespace!r}"
            if self.head != self.journal:
                yield "other-journal", f"the first event is {self.head}, and not the journal's id {self.journal}"
            self.home = begins[0].home if begins else ""
        else:
            if event.journal != self.journal:
                yield "other-journal", f"the event belongs to the journal {event.journal}"
            if begins:
                yield "bad-genesis", "the journal begins a second time"
            if before and event.prev != before:
                yield "broken-chain", f"prev is {event.prev}, and the event before is {before}"
        if event.time.removesuffix("Z") < self.time:
            yield "time-goes-back", f"the time {event.time} is before the one of an earlier event"
        if size > MAX_BYTES or len(event.ops) > MAX_OPS:
            yield "event-too-large", f"the event has {len(event.ops)} operations in {size} bytes"

    def _operations(self, event: Event) -> Iterator[tuple[str, str]]:
        # Within one event, later operations see what earlier ones did.
        told: set[str] = set()
        moved: dict[str, str] = {}
        for index, op in enumerate(event.ops):
            match op:
                case RecordOp() | StatementOp():
                    if not self.state.knows(op.op, op.digest) and op.digest not in told:
                        self.fresh.append((op.op, op.digest))
                    told.add(op.digest)
                case VersionOp():
                    yield from self._version(op, told)
                case PointOp():
                    yield from self._point(op, told, moved)
                    moved[op.pointer] = op.to or "-"
                case BatchOp():
                    yield from self._batch(op, index)
                case _:
                    pass

    def _known(self, digest: str, told: set[str]) -> bool:
        known = self.state.knows("record", digest) or self.state.knows("statement", digest)
        return digest in told or known or digest in self._before or not self._strict

    def _version(self, op: VersionOp, told: set[str]) -> Iterator[tuple[str, str]]:
        before = self.ordinals.get(op.model, 0 if self._strict else op.ordinal - 1)
        self.ordinals[op.model] = op.ordinal
        if op.ordinal != before + 1:
            yield "ordinal-jumps", f"{op.model}@{op.ordinal} comes after @{before}"
        if not self._known(op.record, told):
            yield "version-of-nothing", f"{op.model}@{op.ordinal} is {op.record}, which no event made known"
        if names.namespace_of(op.model) != self.namespace:
            yield "other-namespace", f"{op.model} lies in another namespace than the journal"

    def _point(self, op: PointOp, told: set[str], moved: dict[str, str]) -> Iterator[tuple[str, str]]:
        at, last = self.state.at(op.pointer)
        if last or op.pointer in moved:
            self.moved.add(op.pointer)
        at = moved.get(op.pointer, at)
        was = op.from_ or "-"
        if at != was and (self._strict or last):
            yield "pointer-jumps", f"{op.pointer} was at {at}, and the event says {was}"
        if op.pointer.startswith("label:"):
            there = self._labels.get(op.pointer.casefold(), op.pointer)
            if op.to and (at != "-" or there != op.pointer):
                yield "label-set-twice", f"{op.pointer} was set, and is set again"
            if op.to:
                self._labels[op.pointer.casefold()] = op.pointer
            elif there == op.pointer:
                self._labels.pop(op.pointer.casefold(), None)
        yield from self._pointer_name(op.pointer)
        if op.to and not self._known(op.to, told):
            yield "dangling-pointer", f"{op.pointer} leads to {op.to}, which no event made known"

    def _pointer_name(self, pointer: str) -> Iterator[tuple[str, str]]:
        kind, model, name = pointers.split(pointer)
        try:
            names.check_model(model)
            if kind != "profile":
                (names.check_label if kind == "label" else names.check_alias)(name)
        except InvalidError as error:
            yield "bad-name", error.message
        if names.namespace_of(model) != self.namespace:
            yield "other-namespace", f"{pointer} lies in another namespace than the journal"

    def _batch(self, op: BatchOp, index: int) -> Iterator[tuple[str, str]]:
        part, of = self.parts.get(op.id, (0 if self.whole else op.part - 1, op.of))
        self.parts[op.id] = (op.part, op.of)
        if index or op.part != part + 1 or op.of != of or op.part > op.of:
            yield "bad-batch", f"part {op.part} of {op.of} of the batch {op.id} follows part {part} of {of}"


class Checkpoints:
    """Checkpoints that journals are held against: ``JOURNAL:SEQ:HEAD``."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._wanted: dict[str, dict[int, str]] = defaultdict(dict)
        self._met: set[tuple[str, int]] = set()
        for text in texts:
            journal, seq, head = parse_checkpoint(text)
            self._wanted[journal][seq] = head

    def met(self, journal: str, seq: int, head: str, findings: Findings) -> None:
        """Take note that a journal has this event at this place."""
        wanted = self._wanted.get(journal, {}).get(seq)
        if wanted is None:
            return
        self._met.add((journal, seq))
        if wanted != head:
            findings.error(
                "other-history",
                f"event {seq} of {journal} is {head}, and the checkpoint says {wanted}: somebody rewrote the history",
            )

    def end(self, last: Mapping[str, int], findings: Findings) -> None:
        """Say which were not met; ``last`` has the last sequence of each journal that is here."""
        for journal, events in self._wanted.items():
            for seq in events:
                if (journal, seq) in self._met:
                    continue
                if journal not in last:
                    findings.error("journal-missing", f"the journal {journal} of a checkpoint is not here")
                elif seq > last[journal]:
                    findings.error(
                        "cut-tail",
                        f"the journal {journal} ends at event {last[journal]}, and had {seq} at the checkpoint: "
                        "its tail was cut; bring it back from a backup, a mirror or a bundle",
                    )
                else:
                    findings.error("checkpoint-not-covered", f"event {seq} of {journal} is not in this part of it")


def parse_checkpoint(text: str) -> tuple[str, int, str]:
    """Read ``JOURNAL:SEQ:HEAD``.

    Raises:
        InvalidError: when it is none.
    """
    match = _CHECKPOINT.fullmatch(text)
    if match is None:
        raise InvalidError(
            f"{text!r} is not a checkpoint",
            code="bad-checkpoint",
            hint="Write JOURNAL:SEQ:HEAD, as `herdbook journal checkpoint` prints it.",
        )
    return match[1], int(match[2]), match[3]
