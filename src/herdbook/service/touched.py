"""Which versions' documents in the index new statements and activities change; looked up for many at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set

from herdbook.model.activities import Activity
from herdbook.model.statements import Statement
from herdbook.ports.catalogue import Reader
from herdbook.service import bodies, links

LIMIT = 200
"""How many versions made from one dataset or activity are looked at where it is described."""


def by(
    tx: Reader,
    values: Iterable[Statement | Activity],
    known: Mapping[str, bodies.Value] | None = None,
    new: Set[str] = frozenset(),
) -> set[int]:
    """Return the items whose documents must be made anew.

    Args:
        tx: a look.
        values: what was newly said.
        known: bodies that need not be read.
        new: records that no journal knew before: they have no documents yet.
    """
    values = list(values)
    records = {
        part.record
        for value in values
        if isinstance(value, Activity)
        for part in value.outputs or ()
        if part.record and part.record not in new
    }
    told = [value for value in values if isinstance(value, Statement)]
    subjects = [subject for value in changed(tx, told, known) for subject in value.subject]
    about = {subject.record for subject in subjects if subject.record} - new
    records |= about | made_from(tx, about, limit=LIMIT * len(about))
    records |= {row.record for row in tx.files_named({subject.file for subject in subjects if subject.file})}
    return items_of(tx, records) | _of_models(tx, {subject.name for subject in subjects if subject.name})


def changed(tx: Reader, told: list[Statement], known: Mapping[str, bodies.Value] | None) -> list[Statement]:
    """Return statements, and those whose currency they change: what they supersede, what they withdraw, and so on."""
    seen: set[str] = set()
    found, todo = list(told), told
    while todo:
        replaced = {old for value in todo for old in value.supersedes or ()} - seen
        ended = {subject.statement for value in todo for subject in value.subject if subject.statement} - seen
        seen |= replaced | ended
        loaded = bodies.load(tx, replaced | ended, known) if replaced or ended else {}
        older = {digest: value for digest, value in loaded.items() if isinstance(value, Statement)}
        found += older.values()
        todo = [value for digest, value in older.items() if digest in ended]
    return found


def items_of(tx: Reader, records: Iterable[str]) -> set[int]:
    """Return the items that are these records, or that these records resolve."""
    records = set(records)
    return {row.item for row in links.versions(tx, records)} if records else set()


def made_from(tx: Reader, records: set[str], *, limit: int = 0) -> set[str]:
    """Return versions made from datasets, or by activities, that are described: what is said is among their words."""
    if not records:
        return set()
    makers = {edge.activity for edge in tx.edges_at(records, "in", limit=limit)} | records
    return {edge.target for edge in tx.edges(makers) if edge.direction == "out" and edge.target_kind == "record"}


def _of_models(tx: Reader, names: set[str]) -> set[int]:
    items: set[int] = set()
    for name in tx.last_ordinals(names) if names else ():
        after = 0
        while rows := tx.versions(name, after=after, limit=1000):
            items |= {row.item for row in rows}
            after = rows[-1].ordinal
    return items
