"""Batches in a journal: events that one id joins, found by the operation that each of them begins with."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from herdbook.kernel.errors import ConflictError, MissingError
from herdbook.model.imports import ImportEntry
from herdbook.model.rows import EventRow
from herdbook.model.statements import Statement
from herdbook.ports.catalogue import Reader
from herdbook.service import bodies, event_pages, journal

_HEAD = re.compile(
    rb'\{"journal":"sha256:[0-9a-f]{64}","ops":\[\{"id":"([0-9a-f]{32})","of":[0-9]+,"op":"batch","part":[0-9]+\}'
    rb'(?:,\{"digest":"(sha256:[0-9a-f]{64})","op":"statement"\})?'
)
"""How the canonical bytes of an event begin that belongs to a batch; then what it says first."""


def every(tx: Reader, namespace: str) -> list[tuple[ImportEntry, str]]:
    """Return the batches of a journal, newest first, each with the digest of its first event; undoes are left out."""
    found: dict[str, tuple[ImportEntry, str]] = {}
    first_said: dict[str, str] = {}
    for id_, said, row in _events(tx, namespace):
        now = entry(namespace, [row])
        if id_ not in found:
            found[id_] = now, row.digest
            first_said[id_] = said
        else:
            old, event = found[id_]
            found[id_] = _joined(old, now), event
    undoes = _undoes(tx, set(first_said.values()) - {""})
    return [each for id_, each in reversed(found.items()) if first_said[id_] not in undoes]


def find(tx: Reader, namespace: str, batch: str) -> list[EventRow]:
    """Return the events of the batch whose id begins so.

    Raises:
        MissingError: when there is none.
        ConflictError: when several begin so.
    """
    head = journal.head_of(tx, namespace)
    found: dict[str, list[EventRow]] = {}
    first_said: dict[str, str] = {}
    for id_, said, row in _events(tx, head.namespace):
        if batch and id_.startswith(batch):
            found.setdefault(id_, []).append(row)
            first_said.setdefault(id_, said)
    undoes = _undoes(tx, set(first_said.values()) - {""})
    batches = [rows for id_, rows in found.items() if first_said[id_] not in undoes]
    if not batches:
        raise MissingError(
            f"{head.namespace!r} has no batch {batch!r}", code="no-batch", hint="`herdbook import list` shows them."
        )
    if len(batches) > 1:
        raise ConflictError(
            f"{batch!r} fits {len(batches)} batches", code="ambiguous", hint="Write more digits: " + ", ".join(found)
        )
    return batches[0]


def entry(namespace: str, rows: Sequence[EventRow], *, undone: bool = False) -> ImportEntry:
    """Return what a batch is, from its events."""
    match = _HEAD.match(rows[0].body)  # counted below: quotes in names are escaped, so such bytes are operations
    return ImportEntry(
        namespace=namespace,
        batch=match[1].decode() if match else "",
        first=rows[0].seq,
        last=rows[-1].seq,
        time=rows[-1].time,
        principal=rows[-1].principal,
        versions=sum(row.body.count(b'"op":"version"') for row in rows),
        records=sum(row.body.count(b'"op":"record"') for row in rows),
        statements=sum(row.body.count(b'"op":"statement"') for row in rows),
        labels=sum(row.body.count(b'"pointer":"label:') for row in rows),
        withdrawn=undone,
    )


def _joined(old: ImportEntry, now: ImportEntry) -> ImportEntry:
    counts = {name: getattr(old, name) + getattr(now, name) for name in ("versions", "records", "statements", "labels")}
    return old.model_copy(update={**counts, "last": now.last, "time": now.time})


def _events(tx: Reader, namespace: str) -> Iterator[tuple[str, str, EventRow]]:
    for page in event_pages.events(tx, namespace):
        for row in page:
            if match := _HEAD.match(row.body):
                yield match[1].decode(), (match[2] or b"").decode(), row


def _undoes(tx: Reader, said: set[str]) -> set[str]:
    """Return those statements that withdraw a batch: what they begin is its undo."""
    return {
        digest
        for digest, value in bodies.load(tx, said).items()
        if isinstance(value, Statement) and value.kind == "withdrawal" and value.subject[0].event
    }
