"""The index and the facts are built anew while the registry is in use.

Each chunk is a write transaction of its own, so that other writers get their turn. Until the end, search may find less
than there is; nothing else is affected. What is registered meanwhile is indexed as ever.
"""

from __future__ import annotations

from herdbook.model.rows import Document
from herdbook.model.versions import Version
from herdbook.ports.admin import Step
from herdbook.ports.blobs import BlobStore
from herdbook.ports.catalogue import Reader
from herdbook.service import bodies, documents, facts
from herdbook.service.context import Context
from herdbook.service.findings import Findings

CHUNK = 500
"""Versions that are indexed in one write transaction."""
SAMPLE = 200
"""Versions whose documents are compared with what they should be."""


def rebuild(context: Context, step: Step | None = None) -> int:
    """Empty the index and the facts, and build them anew; return how many versions were indexed."""
    with context.catalogue.write() as tx:
        tx.clear_derived()
        last = tx.last_item()
    done = 0
    for start in range(1, last + 1, CHUNK):
        done += _chunk(context, range(start, min(start + CHUNK, last + 1)))
        if step:
            step("indexing versions", done, last)
    facts.follow(context)  # what came, or was left, meanwhile
    return done


def _chunk(context: Context, items: range) -> int:
    with context.catalogue.read() as tx:
        records = {row.record for row in tx.items(items).values()}
        versions = [value for value in bodies.load(tx, records).values() if isinstance(value, Version)]
    read = facts.read_ahead(context, versions)
    with context.catalogue.write() as tx:
        tx.put_facts(read.facts)
        if read.unread:
            tx.put_unread(read.unread, context.readers.versions)
        present = tx.items(items)
        documents.refresh(tx, context.blobs, present)
        return len(present)


def check(tx: Reader, blobs: BlobStore, findings: Findings) -> None:
    """Compare the documents of some versions, spread evenly, with what they should be."""
    last = tx.last_item()
    sample = range(1, last + 1, max(1, last // SAMPLE))
    stale = [
        item for item, wanted in documents.build(tx, blobs, sample).items() if _told(tx.document(item)) != _told(wanted)
    ]
    if stale:
        row = tx.items(stale[:1])[stale[0]]
        findings.warning(
            "index-stale",
            f"search knows {len(stale)} of {len(sample)} versions otherwise than it should: "
            "`herdbook doctor --reindex` builds the index anew",
            f"{row.model}@{row.ordinal}",
        )


def _told(document: Document) -> tuple[frozenset[tuple[str, str]], frozenset[tuple[str, str]]]:
    # As text, since NaN is no number equal to itself.
    return document.terms, frozenset((name, repr(value + 0.0)) for name, value in document.numbers)
