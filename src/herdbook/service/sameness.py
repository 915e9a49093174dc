"""Statements that say what is said already: which are answered with what is there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from herdbook.kernel import canonical
from herdbook.model.rows import StatementRow
from herdbook.model.statements import Statement
from herdbook.ports.catalogue import Reader
from herdbook.service import bodies, currency
from herdbook.service.journal import Draft

AT_ONCE = 2000
"""Subjects that are looked at together."""


def of_issuer(tx: Reader, draft: Draft, issued: Sequence[Statement]) -> dict[str, Statement]:
    """Return, by sameness, current statements of this journal that differ from these only in when they were issued."""
    candidates = tx.same_statement([statement.sameness for statement in issued])
    draft.preload([digest for digests in candidates.values() for digest in digests])
    here = {digest for digests in candidates.values() for digest in digests if draft.knows(digest)}
    current = _current(tx, draft, here)
    found = {same: [current[d] for d in digests if d in current] for same, digests in candidates.items()}
    return {same: statements[0] for same, statements in found.items() if statements}


def of_anybody(tx: Reader, draft: Draft, issued: Sequence[Statement]) -> dict[str, Statement]:
    """Return, by sameness, statements that say the same whoever says it and on whatever evidence.

    They are current ones of this journal, or an earlier one among these.
    """
    draft.preload([statement.digest for statement in issued])
    keys = [content(statement) for statement in issued]
    told = _told(tx, draft, issued, set(keys))
    first: dict[bytes, Statement] = {}
    found: dict[str, Statement] = {}
    for statement, key in zip(issued, keys, strict=True):
        there = told.get(key) or first.get(key)
        if there is not None and there.sameness != statement.sameness and _replaces(statement, there):
            there = None
        if there is not None:
            found[statement.sameness] = there
        first.setdefault(key, statement)
    return found


def content(statement: Statement) -> bytes:
    """Return what a statement says: its type, subjects, body, and what it knows to be unknown."""
    told = statement.json_object()
    return canonical.dumps({name: told[name] for name in ("type", "subject", "body", "unknown") if name in told})


def _told(tx: Reader, draft: Draft, issued: Sequence[Statement], wanted: set[bytes]) -> dict[bytes, Statement]:
    subjects = sorted({statement.subject[0].key for statement in issued})
    types = {statement.type for statement in issued}
    found: dict[bytes, Statement] = {}
    for start in range(0, len(subjects), AT_ONCE):
        rows = tx.statements(subjects[start : start + AT_ONCE])
        digests = {row.digest for row in rows if row.namespace == draft.namespace and row.type in types}
        same: dict[str, bytes] = {}
        for digest, value in bodies.load(tx, digests).items():
            if isinstance(value, Statement) and (key := content(value)) in wanted:
                same[digest] = key
        for digest, statement in _current(tx, draft, same).items():
            found.setdefault(same[digest], statement)
    return found


def _replaces(statement: Statement, there: Statement) -> bool:
    """Say whether a statement takes the place of something that the one that says the same leaves standing."""
    return not set(statement.supersedes or ()) <= {there.digest, *(there.supersedes or ())}


def _current(tx: Reader, draft: Draft, digests: Iterable[str]) -> dict[str, Statement]:
    """Return those statements of the draft's journal that are current, in the order of entry."""
    values = {digest: value for digest, value in bodies.load(tx, digests).items() if isinstance(value, Statement)}
    if not values:
        return {}
    draft.preload(list(values))
    rows = [StatementRow(digest, draft.namespace, 0, "", value.issuer, "", "") for digest, value in values.items()]
    return {row.digest: values[row.digest] for row in currency.current(tx, rows)}
