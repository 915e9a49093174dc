"""What a webhook hears of an event: which statements of which kinds about what, versions, pointers; no text, nobody."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from herdbook.model.journal import Event, PointOp, StatementOp, VersionOp
from herdbook.model.rows import EventRow
from herdbook.model.statements import Statement, Subject
from herdbook.ports.catalogue import Reader
from herdbook.service import bodies

TOLD = 1000
"""How many things one message names; of larger events ``more`` says that there are more."""
EVENT = "journal.event"


def message_of(tx: Reader, registry: str, row: EventRow, kinds: Iterable[str] = ()) -> dict[str, Any] | None:
    """Return the message that tells of an event; ``None`` when it makes no statement of one of ``kinds``."""
    event = Event.read_json(row.body)
    said = [op.digest for op in event.ops if isinstance(op, StatementOp)]
    wanted = frozenset(kinds)
    found = {d: v for d, v in bodies.load(tx, said).items() if isinstance(v, Statement)}
    if wanted and not wanted & {statement.kind for statement in found.values()}:
        return None
    told = [digest for digest in said if digest in found]
    if wanted:  # what was asked for stands first, lest it be cut off
        told.sort(key=lambda digest: found[digest].kind not in wanted)
    statements = [
        {
            "kind": found[digest].kind,
            "statement": digest,
            "subjects": [_subject(tx, subject, row.namespace) for subject in found[digest].subject[:TOLD]],
        }
        for digest in told[:TOLD]
    ]
    versions = [
        {"reference": f"{op.model}@{op.ordinal}", "record": op.record} for op in event.ops if isinstance(op, VersionOp)
    ]
    moves = [
        {"pointer": op.pointer} | ({"from": op.from_} if op.from_ else {}) | ({"to": op.to} if op.to else {})
        for op in event.ops
        if isinstance(op, PointOp)
    ]
    data: dict[str, Any] = {
        "registry": registry,
        "namespace": row.namespace,
        "journal": event.journal or row.digest,
        "seq": row.seq,
        "event": row.digest,
        "statements": statements,
        "versions": versions[:TOLD],
        "pointers": moves[:TOLD],
    }
    if max(len(told), len(versions), len(moves)) > TOLD:
        data["more"] = True
    return {"type": EVENT, "timestamp": row.time, "data": data}


def _subject(tx: Reader, subject: Subject, namespace: str) -> dict[str, Any]:
    """Return what a statement is about; of a record also the versions that it is here."""
    kind, text = subject.key
    told: dict[str, Any] = {"kind": kind, "subject": text}
    if kind == "record":
        rows = [row for row in tx.versions_with([text]) if row.namespace == namespace]
        told["references"] = [f"{row.model}@{row.ordinal}" for row in rows[:TOLD]]
    return told
