"""Which records are one: an unresolved version, or a poorer telling of a run, and the record that resolves it."""

from __future__ import annotations

from collections.abc import Iterable

from herdbook.kernel import digests
from herdbook.model.rows import StatementRow, VersionRow
from herdbook.model.statements import Statement
from herdbook.ports.catalogue import Reader
from herdbook.service import bodies, currency

RESOLVES = "herdbook/resolves/1"


def newer(tx: Reader, records: Iterable[str], namespace: str = "") -> dict[str, str]:
    """Return, for those records that were resolved, the record that resolves them at last.

    ``namespace`` narrows to what was said in its journal.
    """
    found: dict[str, str] = {}
    todo = {record for record in records if digests.is_sha256(record)}
    while todo:
        step = _resolving(tx, todo, namespace)
        found |= step
        todo = set(step.values()) - found.keys()
    return {record: _last(found, record) for record in found}


def _last(found: dict[str, str], record: str) -> str:
    seen = {record}
    while (by := found.get(record)) is not None and by not in seen:
        seen.add(by)
        record = by
    return record


def _resolving(tx: Reader, records: set[str], namespace: str) -> dict[str, str]:
    rows = tx.statements({("record", record) for record in records}, RESOLVES)
    rows = currency.current(tx, [row for row in rows if namespace in {"", row.namespace}])
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


def heads(tx: Reader, records: Iterable[str]) -> list[str]:
    """Return those records that no other resolves, in their order."""
    records = list(dict.fromkeys(records))
    poorer = newer(tx, records)
    return [record for record in records if record not in poorer]


def standing(tx: Reader, records: Iterable[str]) -> list[str]:
    """Return what records of one name stand for: no bare name that was resolved, and of its resolutions the last."""
    records = list(dict.fromkeys(records))
    newest = newer(tx, records) if len(records) > 1 else {}
    rest = [record for record in records if record not in newest]
    if len(rest) < 2 or not newest:
        return rest
    last, olds = set(newest.values()), older(tx, rest)
    return [record for record in rest if record in last or not newest.keys() & set(olds.get(record, ()))]


def called(tx: Reader, ids: Iterable[str]) -> dict[str, list[str]]:
    """Return, by ``scheme:value``, the activities that have this id, without those that a fuller telling resolves."""
    edges = tx.edges_at(ids, "self")
    standing = set(heads(tx, (edge.activity for edge in edges)))
    found: dict[str, list[str]] = {}
    for edge in edges:
        if edge.activity in standing and edge.activity not in found.setdefault(edge.target, []):
            found[edge.target].append(edge.activity)
    return found


def named(tx: Reader, ids: Iterable[str]) -> dict[str, str]:
    """Return, by ``scheme:value``, the one activity, or else the one dataset, that is here under this id."""
    ids = set(ids)
    if not ids:
        return {}
    runs = called(tx, ids)
    found = {**tx.datasets_named(ids - runs.keys()), **runs}
    several = {id_: standing(tx, records) for id_, records in found.items()}
    return {id_: records[0] for id_, records in several.items() if len(records) == 1}
