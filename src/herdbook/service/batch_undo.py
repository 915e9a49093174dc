"""Undoing a batch: what it said is withdrawn, its labels are cleared, and what others added stays."""

from __future__ import annotations

from collections.abc import Sequence

from herdbook.kernel.errors import ConflictError
from herdbook.model import pointers
from herdbook.model.journal import Event, PointOp, StatementOp, VersionOp
from herdbook.model.rows import EventRow, StatementRow
from herdbook.model.statements import Said, Statement, Subject
from herdbook.ports.catalogue import Reader, Writer
from herdbook.service import bodies, currency, journal, links, statements
from herdbook.service.context import Context

AT_ONCE = 1000
"""How many statements one withdrawal names, and how many records are looked up together."""


def undone(tx: Reader, rows: Sequence[EventRow]) -> bool:
    """Say whether a batch was undone."""
    return was_undone(tx, rows[0].namespace, rows[0].digest)


def was_undone(tx: Reader, namespace: str, event: str) -> bool:
    """Say whether the batch that an event begins was undone: its journal says that it is withdrawn."""
    told = [row for row in tx.statements([("event", event)], currency.WITHDRAWAL) if row.namespace == namespace]
    return bool(currency.current(tx, told))


def undo(context: Context, tx: Writer, rows: Sequence[EventRow], reason: str) -> None:
    """Undo a batch.

    What it registered is withdrawn, version by version, so that one of them can be registered again alone. Labels that
    still lead where the batch let them are cleared, profiles go back to what stood before, statements that are still
    current are withdrawn. Records stay known, and so does which bytes, or which run, an unresolved record turned out
    to be: that is no opinion.

    Raises:
        ConflictError: when it was undone already.
    """
    if undone(tx, rows):
        raise ConflictError("the batch was undone already", code="undone-already", hint="Nothing to undo.")
    draft = journal.draft_for(context, tx, rows[0].namespace)
    subjects = tuple(Subject(event=row.digest) for row in rows)
    whole = Said(type=currency.WITHDRAWAL, subject=subjects, body={"reason": reason})
    why = statements.make(context, tx, draft, [whole])[0].digest
    ops = [(row.seq, op) for row in rows for op in Event.read_json(row.body).ops]
    said = _versions(tx, draft.namespace, [op for _, op in ops if isinstance(op, VersionOp)], reason)
    said += _statements(tx, draft.namespace, [op.digest for _, op in ops if isinstance(op, StatementOp)], reason)
    for start in range(0, len(said), AT_ONCE):
        statements.make(context, tx, draft, said[start : start + AT_ONCE])
    _pointers(tx, draft, [(seq, op) for seq, op in ops if isinstance(op, PointOp)], why)
    draft.marks = list(range(1, len(draft.ops)))
    draft.commit(batch=len(draft.ops) > journal.PART)


def _versions(tx: Reader, namespace: str, ops: Sequence[VersionOp], reason: str) -> list[Said]:
    """Return what withdraws registrations that nobody undid yet."""
    said = []
    for start in range(0, len(ops), AT_ONCE):
        part = ops[start : start + AT_ONCE]
        told = tx.statements({("record", op.record) for op in part}, currency.WITHDRAWAL)
        rows = currency.current(tx, [row for row in told if row.namespace == namespace])
        gone: set[str] = set()
        for value in bodies.load(tx, (row.digest for row in rows)).values():
            gone |= set(value.body.get("registrations", ())) if isinstance(value, Statement) else set()
        for op in part:
            name = f"{op.model}@{op.ordinal}"
            if name not in gone:
                body = {"reason": reason, "registrations": [name]}
                said.append(Said(type=currency.WITHDRAWAL, subject=(Subject(record=op.record),), body=body))
    return said


def _statements(tx: Reader, namespace: str, digests: Sequence[str], reason: str) -> list[Said]:
    """Return what withdraws statements that are still current."""
    said = []
    for start in range(0, len(digests), AT_ONCE):
        values = bodies.load(tx, digests[start : start + AT_ONCE])
        told = {
            digest: value
            for digest, value in values.items()
            if isinstance(value, Statement) and value.type != links.RESOLVES
        }
        rows = [StatementRow(digest, namespace, 0, "", value.issuer, "", "") for digest, value in told.items()]
        standing = {row.digest for row in currency.current(tx, rows)}
        subjects = tuple(Subject(statement=digest) for digest in digests[start : start + AT_ONCE] if digest in standing)
        if subjects:
            said.append(Said(type=currency.WITHDRAWAL, subject=subjects, body={"reason": reason}))
    return said


def _pointers(tx: Reader, draft: journal.Draft, moves: Sequence[tuple[int, PointOp]], why: str) -> None:
    """Clear labels and move profiles back, the last move first, where nobody moved them since."""
    now: dict[str, str] = {}
    for seq, op in reversed(moves):
        kind, _, _ = pointers.split(op.pointer)
        if op.pointer not in now:
            row = tx.pointer(op.pointer)
            now[op.pointer] = row.to if row is not None and row.seq == seq else ""
        if op.to and now[op.pointer] == op.to and kind in {"label", "profile"}:
            now[op.pointer] = op.from_ or ""
            draft.point(op.pointer, frm=op.to, to=now[op.pointer], reason=why)
            if kind == "label":
                draft.relabelled.add(op.to)
