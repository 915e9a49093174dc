"""What replayed events change beside their own rows: documents of versions that were there, and what was purged."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from herdbook.model.activities import Activity
from herdbook.model.journal import Event, PointOp, VersionOp
from herdbook.model.statements import Statement
from herdbook.ports.catalogue import Reader, Writer
from herdbook.service import documents, touched
from herdbook.service.context import Context

PAGE = 500
"""Versions of a model that are refreshed in one transaction."""
MEMOS = "replay"
"""Scope of the memos that name models whose documents are still to be made anew."""


def drop_purged(tx: Writer, namespace: str, purged: Iterable[str]) -> None:
    """Forget bodies that are purged now, unless another namespace refers to them."""
    gone = tx.purged(namespace, purged)
    for digest, places in tx.known(gone).items():
        if all(tx.purged(name, [digest]) for name, _ in places):
            tx.drop_bodies([digest])


def affected(tx: Reader, events: Sequence[Event], values: Mapping[str, object]) -> tuple[set[int], set[str]]:
    """Return versions whose documents change with what events say, and models of which all that were there do.

    Looked up for all of them at once; ``values`` are the bodies that the events name.
    """
    statements = [value for value in values.values() if isinstance(value, Statement)]
    subjects = [subject for value in touched.changed(tx, statements, None) for subject in value.subject]
    records = {subject.record for subject in subjects if subject.record}
    made = touched.made_from(tx, records)
    for value in values.values():
        if isinstance(value, Activity):
            made |= {part.record for part in value.outputs or () if part.record}
    files = {subject.file for subject in subjects if subject.file}
    made |= {row.record for row in tx.files_named(files)}
    for event in events:
        for op in event.ops:
            if isinstance(op, PointOp):
                made |= {digest for digest in (op.from_, op.to) if digest}
    begun = {op.model for event in events for op in event.ops if isinstance(op, VersionOp) and op.ordinal == 1}
    return touched.items_of(tx, records | made), {subject.name for subject in subjects if subject.name} - begun


def note_models(tx: Writer, names: Iterable[str]) -> None:
    """Note models whose documents are to be made anew by ``refresh_models``, now or after a crash."""
    for name in sorted(names):
        tx.put_memo(MEMOS, name, b"")


def refresh_models(context: Context) -> None:
    """Make the documents of noted models anew, a page in each transaction."""
    while names := _noted(context):
        for name in names:
            after = 0
            while True:
                with context.catalogue.write() as tx:
                    rows = tx.versions(name, after=after, limit=PAGE)
                    documents.refresh(tx, context.blobs, [row.item for row in rows])
                    if not rows:
                        tx.drop_memos(MEMOS, [name])
                        break
                after = rows[-1].ordinal


def _noted(context: Context) -> list[str]:
    with context.catalogue.read() as tx:
        return list(tx.memos(MEMOS))
