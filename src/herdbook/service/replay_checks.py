"""What must hold before events of another registry are written: their chain, held against what the tables say."""

from __future__ import annotations

from collections.abc import Sequence

from herdbook.kernel.errors import HerdbookError
from herdbook.model import pointers
from herdbook.model.facts import Finding
from herdbook.model.journal import Event, PointOp, RecordOp, StatementOp, VersionOp
from herdbook.model.rows import Head
from herdbook.ports.catalogue import Reader
from herdbook.service.chain import Chain
from herdbook.service.findings import Findings


def problems(
    tx: Reader,
    head: Head,
    journal: str,
    events: Sequence[tuple[Event, bytes]],
    parts: dict[str, tuple[int, int]],
) -> tuple[Finding, ...]:
    """Return what is wrong with events that follow on ``head``.

    Args:
        tx: a look in which the journal stands at ``head``.
        head: where it stands.
        journal: its id.
        events: what follows, each with its bytes.
        parts: how far batches came (see ``Chain``); what these events say is added.
    """
    findings = Findings()
    chain = Chain(findings, head.namespace, journal, head.seq + 1)
    ops = [op for event, _ in events for op in event.ops]
    told = {op.digest for op in ops if isinstance(op, RecordOp | StatementOp)}
    named = {op.record for op in ops if isinstance(op, VersionOp)}
    named |= {op.to for op in ops if isinstance(op, PointOp) and op.to}
    places = tx.known(named - told)
    known = [digest for digest, where in places.items() if any(name == head.namespace for name, _ in where)]
    ordinals = tx.last_ordinals({op.model for op in ops if isinstance(op, VersionOp)})
    chain.parts = parts
    chain.resume(head.time, head.head, known, ordinals, _pointers(tx, ops))
    for event, data in events:
        chain.take(data, event)
    for name, other in _clashes(tx, ops):
        findings.error("name-clash", f"the model {name!r} cannot stand beside {other!r}", head.namespace)
    return tuple(finding for finding in findings.all() if finding.severity == "error")


def _pointers(tx: Reader, ops: Sequence[object]) -> dict[str, tuple[str, int]]:
    """Return where pointers lead that events move, under the spelling that is here."""
    found: dict[str, tuple[str, int]] = {}
    for pointer in {op.pointer for op in ops if isinstance(op, PointOp)}:
        try:
            row = tx.pointer(pointer)
        except HerdbookError:
            continue  # no pointer's name: the chain says so
        if row is not None:
            found[row.pointer] = (row.to or "-", row.seq)
    return found


def _clashes(tx: Reader, ops: Sequence[object]) -> list[tuple[str, str]]:
    """Return models that begin here and that no other name allows: equal but for case, or one the path of another."""
    models = {op.model for op in ops if isinstance(op, VersionOp)}
    models |= {pointers.split(op.pointer)[1] for op in ops if isinstance(op, PointOp)}
    new = sorted(name for name in models if tx.model(name) is None)
    folded: dict[str, str] = {}
    found: list[tuple[str, str]] = []
    for name in new:
        parts = name.casefold().split("/")
        above = [folded.get("/".join(parts[:count])) for count in range(1, len(parts) + 1)]
        found += [(name, other) for other in above if other]
        found += [(name, other) for other in tx.clashes(name)]
        folded[name.casefold()] = name
    return found
