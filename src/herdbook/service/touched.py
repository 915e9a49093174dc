"""Which versions' documents in the index a new statement or activity changes."""

from __future__ import annotations

from collections.abc import Container, Iterable

from herdbook.model.activities import Activity
from herdbook.model.statements import Statement
from herdbook.ports.catalogue import Reader
from herdbook.service import bodies, links


def by(tx: Reader, value: Statement | Activity, new: Container[str] = ()) -> set[int]:
    """Return the items whose documents must be made anew; records that are ``new`` in this event have none yet."""
    if isinstance(value, Activity):
        records = {part.record for part in value.outputs or () if part.record and part.record not in new}
        return items_of(tx, records)
    items: set[int] = set()
    for subject in value.subject:
        if subject.record in new:
            continue
        if subject.record:
            items |= items_of(tx, {subject.record})
            items |= _made_from(tx, subject.record)
        elif subject.file:
            items |= items_of(tx, {row.record for row in tx.files_named([subject.file])})
        elif subject.name:
            after = 0
            while rows := tx.versions(subject.name, after=after, limit=1000):
                items |= {row.item for row in rows}
                after = rows[-1].ordinal
        elif subject.statement:
            items |= _about_statement(tx, subject.statement)
    for old in value.supersedes or ():
        items |= _about_statement(tx, old)
    return items


def items_of(tx: Reader, records: Iterable[str]) -> set[int]:
    """Return the items that are these records, or that these records resolve."""
    records = set(records)
    return {row.item for row in links.versions(tx, records)} if records else set()


def _made_from(tx: Reader, record: str) -> set[int]:
    """Return versions made from a dataset that is described: its title is among their words."""
    makers = {edge.activity for edge in tx.edges_at([record], "in", limit=200)}
    outputs = {edge.target for edge in tx.edges(makers) if edge.direction == "out" and edge.target_kind == "record"}
    return items_of(tx, outputs)


def _about_statement(tx: Reader, digest: str) -> set[int]:
    value = bodies.load(tx, [digest]).get(digest)
    return by(tx, value) if isinstance(value, Statement) else set()
