"""Which statements are current: not superseded, and not withdrawn, by somebody who may."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from herdbook.model.rows import StatementRow
from herdbook.model.statements import Statement
from herdbook.ports.catalogue import Reader
from herdbook.service import bodies

WITHDRAWAL = "herdbook/withdrawal/1"
_MAX_CHAIN = 50


def current(tx: Reader, rows: Sequence[StatementRow]) -> list[StatementRow]:
    """Return those rows that nothing supersedes or withdraws."""
    ended = endings(tx, rows)
    return [row for row in rows if not any(ended[row.digest])]


def endings(tx: Reader, rows: Iterable[StatementRow]) -> dict[str, tuple[tuple[str, ...], tuple[str, ...]]]:
    """Return, by statement, what supersedes and what withdraws it.

    Only the issuer, or the namespace in whose journal the statement stands, may: that is, a statement of the same
    issuer, or one in the same journal. A withdrawal that was itself withdrawn does not count.
    """
    rows = list(rows)
    where: dict[str, set[str]] = defaultdict(set)
    issuer = {row.digest: row.issuer for row in rows}
    for row in rows:
        where[row.digest].add(row.namespace)
    superseded: dict[str, list[str]] = defaultdict(list)
    pairs = tx.superseded(issuer)
    newer = _places(tx, [new for new, _ in pairs])
    for new, old in pairs:
        if _may(newer.get(new), where[old], issuer[old]):
            superseded[old].append(new)
    withdrawn = _withdrawals(tx, where, issuer)
    return {digest: (tuple(superseded[digest]), tuple(withdrawn.get(digest, ()))) for digest in issuer}


def _withdrawals(
    tx: Reader, where: dict[str, set[str]], issuer: dict[str, str], depth: int = 0
) -> dict[str, list[str]]:
    about = tx.statements({("statement", digest) for digest in issuer}, WITHDRAWAL)
    if not about:
        return {}
    gone: dict[str, list[str]] = {}
    if depth < _MAX_CHAIN:
        inner = defaultdict(set)
        for row in about:
            inner[row.digest].add(row.namespace)
        gone = _withdrawals(tx, inner, {row.digest: row.issuer for row in about}, depth + 1)
    found: dict[str, list[str]] = defaultdict(list)
    for row in about:
        old = row.subject
        if not gone.get(row.digest) and (row.namespace in where[old] or row.issuer == issuer[old]):
            found[old].append(row.digest)
    return found


def _places(tx: Reader, digests: list[str]) -> dict[str, tuple[set[str], str]]:
    if not digests:
        return {}
    known = tx.known(digests)
    values = bodies.load(tx, digests)
    return {
        digest: ({namespace for namespace, _ in places}, value.issuer if isinstance(value, Statement) else "")
        for digest, places in known.items()
        if (value := values.get(digest)) is not None
    }


def _may(newer: tuple[set[str], str] | None, where: set[str], issuer: str) -> bool:
    return newer is not None and (bool(newer[0] & where) or newer[1] == issuer)
