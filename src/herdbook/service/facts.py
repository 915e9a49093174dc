"""Facts follow: files are read in worker processes, cached by sha256, reader and reader version."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from herdbook.kernel.errors import HerdbookError
from herdbook.model.facts import Facts
from herdbook.model.versions import Version
from herdbook.ports.blobs import Blob
from herdbook.ports.catalogue import Writer
from herdbook.ports.formats import Listing
from herdbook.service import documents, touched
from herdbook.service.context import Context

CHUNK = 100
PASSING = frozenset({"bytes-unavailable", "reader-unavailable"})
"""Findings about the store or the machine, not about the bytes: nothing to keep, the file is read again later."""


@dataclass
class Read:
    """What readers found: facts by sha256, and files that no reader takes."""

    facts: dict[str, Facts] = field(default_factory=dict)
    unread: list[str] = field(default_factory=list)


def read_ahead(context: Context, versions: Iterable[Version]) -> Read:
    """Read files that have no facts yet, before a registration takes the writer's place.

    A trouble of the pool as a whole is not the registration's: the files stay in the queue of unread ones.
    """
    versions = list(versions)
    with context.catalogue.read() as tx:
        known = set(tx.facts({file.digest for version in versions for file in version.files if file.resolved}))
    result = Read()
    for version in versions:
        todo = {file.digest: file.path for file in version.files if file.resolved and file.digest not in known}
        known.update(todo)
        _read(context, todo, {file.path: file.size for file in version.files}, result)
    return result


def put(context: Context, tx: Writer, read: Read) -> None:
    """Keep what was read ahead; what no reader takes is asked again when there are other readers."""
    tx.put_facts(read.facts)
    if read.unread:
        tx.put_unread(read.unread, context.readers.versions)


def _read(context: Context, todo: dict[str, str], listing: Listing, result: Read) -> None:
    """Read files (sha256 → path) that lie beside the listing, as far as their bytes are here."""
    blobs: dict[str, Blob] = {}
    try:
        for digest in todo:
            if context.blobs.size(digest) is not None:
                blobs[digest] = context.blobs.open(digest)
        found = context.readers.read([(todo[digest], blob) for digest, blob in blobs.items()], listing) if blobs else []
        for digest, facts in zip(blobs, found, strict=True):
            if facts is None:
                result.unread.append(digest)
            elif not {finding.rule for finding in facts.findings} & PASSING:
                result.facts[digest] = facts
    except HerdbookError:
        return
    finally:
        for blob in blobs.values():
            blob.close()


def follow(context: Context, limit: int = 10_000) -> int:
    """Read what is still unread and bring the index up to date; return how many files were read."""
    done = 0
    while done < limit:
        with context.catalogue.read() as tx:
            todo = set(tx.unread(context.readers.versions, CHUNK))
            records = {row.record for row in tx.files_named(todo)}
            files = tx.files(records)
        if not todo:
            break
        read = Read()
        for rows in files.values():
            wanted = {row.digest: row.path for row in rows if row.digest in todo and row.digest not in read.facts}
            _read(context, wanted, {row.path: row.size for row in rows}, read)
        with context.catalogue.write() as tx:
            tx.put_facts(read.facts)
            tx.put_unread(read.unread, context.readers.versions)
            told = {row.record for rows in files.values() for row in rows if row.digest in read.facts}
            documents.refresh(tx, context.blobs, touched.items_of(tx, told))
        done += len(todo)
        if not read.facts and not read.unread:
            break  # nothing of these can be read now
    return done
