"""Which records are one: an unresolved one, and the one that resolves it."""

from __future__ import annotations

from collections.abc import Iterable

from herdbook.kernel import digests
from herdbook.model.rows import StatementRow, VersionRow
from herdbook.model.statements import Statement
from herdbook.ports.catalogue import Reader
from herdbook.service import bodies, currency

RESOLVES = "herdbook/resolves/1"


def newer(tx: Reader, records: Iterable[str]) -> dict[str, str]:
    """Return, for those records that were resolved, the record that resolves them."""
    subjects = {("record", record) for record in records if digests.is_sha256(record)}
    rows = currency.current(tx, tx.statements(subjects, RESOLVES)) if subjects else []
    values = bodies.load(tx, (row.digest for row in rows))
    return {
        row.subject: str(value.body["by"]) for row in rows if isinstance(value := values.get(row.digest), Statement)
    }


def older(tx: Reader, records: Iterable[str]) -> dict[str, list[str]]:
    """Return, for those records that resolve others, these others."""
    told = {edge.activity for edge in tx.edges_at({r for r in records if digests.is_sha256(r)}, "resolves")}
    if not told:
        return {}
    values = {digest: value for digest, value in bodies.load(tx, told).items() if isinstance(value, Statement)}
    rows = [
        StatementRow(digest, namespace, seq, RESOLVES, values[digest].issuer, "record", str(subject.record))
        for digest, places in tx.known(values).items()
        for namespace, seq in places
        for subject in values[digest].subject
        if subject.record
    ]
    found: dict[str, list[str]] = {}
    for row in currency.current(tx, rows):
        olds = found.setdefault(str(values[row.digest].body["by"]), [])
        if row.subject not in olds:
            olds.append(row.subject)
    return found


def versions(tx: Reader, records: Iterable[str]) -> list[VersionRow]:
    """Return versions that are one of these records, or that one of these resolves, by item."""
    records = set(records)
    olds = {old for each in older(tx, records).values() for old in each}
    return tx.versions_with(records | olds)
