"""Undoing a batch: what it said is withdrawn, its labels are cleared, and what others added stays."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

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
    still lead where the batch let them are cleared. Statements are withdrawn; what a current one had taken the place of
    is said anew, and profiles lead there again. Records stay known, and so does which bytes, or which run, an
    unresolved record turned out to be: that is no opinion.

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
    told = [op.digest for _, op in ops if isinstance(op, StatementOp)]
    said = _versions(tx, draft.namespace, [op for _, op in ops if isinstance(op, VersionOp)], reason)
    ended, restored = _statements(tx, draft.namespace, told)
    for start in range(0, len(ended), AT_ONCE):
        subjects = tuple(Subject(statement=digest) for digest in ended[start : start + AT_ONCE])
        said.append(Said(type=currency.WITHDRAWAL, subject=subjects, body={"reason": reason}))
    again: dict[str, str] = {}
    for start in range(0, len(restored), AT_ONCE):
        part = restored[start : start + AT_ONCE]
        made = statements.make(context, tx, draft, [item for _, item in part])
        again |= {old: statement.digest for (old, _), statement in zip(part, made, strict=True)}
    for start in range(0, len(said), AT_ONCE):
        statements.make(context, tx, draft, said[start : start + AT_ONCE])
    _pointers(tx, draft, [(seq, op) for seq, op in ops if isinstance(op, PointOp)], again, why)
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


def _statements(tx: Reader, namespace: str, digests: Sequence[str]) -> tuple[list[str], list[tuple[str, Said]]]:
    """Return statements to withdraw; and (old, said) for what is said anew in the place of those that are current."""
    ended: list[str] = []
    restored: list[tuple[str, Said]] = []
    mine = set(digests)
    for start in range(0, len(digests), AT_ONCE):
        values = _loaded(tx, digests[start : start + AT_ONCE])
        values = {digest: value for digest, value in values.items() if value.type != links.RESOLVES}
        for digest, (superseded_by, withdrawn_by) in _endings(tx, namespace, values).items():
            if not withdrawn_by:
                ended.append(digest)
            if not withdrawn_by and not superseded_by and values[digest].supersedes:
                older = _replaced(tx, namespace, values[digest], mine)
                restored += [(old, _anew(value, digest)) for old, value in older.items()]
    return ended, restored


def _replaced(tx: Reader, namespace: str, statement: Statement, mine: set[str]) -> dict[str, Statement]:
    """Return what a statement took the place of, past what is the batch's own or was withdrawn."""
    found: dict[str, Statement] = {}
    passed = {statement.digest}
    todo = [statement]
    while todo:
        older = _loaded(tx, {old for value in todo for old in value.supersedes or ()} - passed)
        endings = _endings(tx, namespace, older)
        through = {digest for digest in older if digest in mine or endings[digest][1]}
        passed |= through
        todo = [older[digest] for digest in through]
        found |= {d: v for d, v in older.items() if d not in through and set(endings[d][0]) <= passed | mine}
    return found


def _anew(value: Statement, instead: str) -> Said:
    return Said(
        type=value.type,
        subject=value.subject,
        body=value.body,
        unknown=value.unknown,
        evidence=value.evidence,
        supersedes=(instead,),
    )


def _loaded(tx: Reader, digests: Iterable[str]) -> dict[str, Statement]:
    return {digest: value for digest, value in bodies.load(tx, digests).items() if isinstance(value, Statement)}


def _endings(
    tx: Reader, namespace: str, values: Mapping[str, Statement]
) -> dict[str, tuple[tuple[str, ...], tuple[str, ...]]]:
    rows = [StatementRow(digest, namespace, 0, "", value.issuer, "", "") for digest, value in values.items()]
    return currency.endings(tx, rows)


def _pointers(
    tx: Reader, draft: journal.Draft, moves: Sequence[tuple[int, PointOp]], again: Mapping[str, str], why: str
) -> None:
    """Clear labels; let profiles lead to what stood before, said ``again``: where nobody moved them since."""
    now: dict[str, str] = {}
    for seq, op in reversed(moves):
        kind, _, _ = pointers.split(op.pointer)
        if op.pointer not in now:
            row = tx.pointer(op.pointer)
            now[op.pointer] = row.to if row is not None and row.seq == seq else ""
        if op.to and now[op.pointer] == op.to and kind in {"label", "profile"}:
            now[op.pointer] = again.get(op.from_ or "", "")
            draft.point(op.pointer, frm=op.to, to=now[op.pointer], reason=why)
            if kind == "label":
                draft.relabelled.add(op.to)
