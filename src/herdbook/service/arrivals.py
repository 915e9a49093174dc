"""Bytes that arrive: which unresolved versions and files of this principal they complete."""

from __future__ import annotations

from collections.abc import Iterable

from herdbook.kernel import digests
from herdbook.model.files import Content
from herdbook.model.rows import VersionRow
from herdbook.model.statements import Said
from herdbook.model.versions import Version
from herdbook.ports.catalogue import Reader
from herdbook.service import bodies, resolution
from herdbook.service.context import Context
from herdbook.service.entries import known_files, standing_of
from herdbook.service.journal import Draft


def completions(
    context: Context, tx: Reader, draft: Draft, contents: Iterable[Content]
) -> list[tuple[Said, Version | None, set[int]]]:
    """Return what bytes resolve: for each unresolved version, or file, a statement, and the record if it is full."""
    new = resolution.index(contents)
    weak = {digest for digest in new if not digests.is_sha256(digest)}
    waiting = tx.files_named(weak)
    found: list[tuple[Said, Version | None, set[int]]] = []
    for old in sorted({row.record for row in waiting}):
        rows = [row for row in tx.versions_with([old]) if row.namespace == draft.namespace]
        if not rows or standing_of(tx, rows).resolved_by or not _own(context, tx, rows):
            continue
        version = bodies.version(tx, old)
        full = resolution.completed(version, {**known_files(tx, version, draft.namespace), **new})
        items = {row.item for row in rows}
        if full is not None:
            draft.preload([full.digest])
            found.append((resolution.statement(old, full, version), full, items))
            continue
        for file in version.files:
            content = resolution.found(file, new)
            if content is not None:
                found.append((resolution.file_statement(file.digest, content), None, items))
    return found


def _own(context: Context, tx: Reader, rows: list[VersionRow]) -> bool:
    actors = {actor for row in rows for actor in tx.actors(row.namespace, [row.seq]).values()}
    return context.principal.id in actors
