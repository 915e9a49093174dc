"""Unresolved files whose bytes are here, brought by somebody else or for another namespace: offered, never taken.

Bytes resolve a version by themselves only in the journal, and by the principal, that registered them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from herdbook.kernel import digests
from herdbook.model.files import Content, File
from herdbook.model.versions import Version
from herdbook.ports.catalogue import Reader
from herdbook.service.context import Context
from herdbook.service.entries import known_files, standing_of
from herdbook.service.findings import Findings


def offer(context: Context, tx: Reader, namespace: str, values: Mapping[str, object], findings: Findings) -> None:
    """Say for which files of unresolved versions among these bodies the bytes are here."""
    for record, version in values.items():
        if not isinstance(version, Version) or version.resolved:
            continue
        found = list(_found(context, tx, version))
        rows = [row for row in tx.versions_with([record]) if row.namespace == namespace] if found else []
        if not rows or standing_of(tx, rows).resolved_by:
            continue
        known = known_files(tx, version, namespace)
        for file, content in found:
            if file.digest not in known:
                findings.note("bytes-here", _how(file, content), f"{rows[0].model}@{rows[0].ordinal} {file.path}")


def _found(context: Context, tx: Reader, version: Version) -> Iterator[tuple[File, Content]]:
    for file in version.files:
        if file.resolved:
            continue
        algorithm, _, value = file.digest.partition(":")
        for content in tx.contents_like(value, algorithm, limit=2):
            same = file.digest in content.digests and file.size in {None, content.size}
            if same and context.blobs.size(content.sha256) is not None:
                yield file, content


def _how(file: File, content: Content) -> str:
    weak = digests.algorithm(file.digest) == "adler32" or (
        digests.algorithm(file.digest) == "md5" and file.size is None
    )
    if weak:
        return (
            f"bytes that may be {file.digest} are here as {content.sha256}, which so weak a digest does not prove: "
            "who knows that they are the same registers the full folder under the version's label"
        )
    return (
        f"the bytes of {file.digest} are here as {content.sha256}, brought by another principal or for another "
        "namespace: who has them registers the folder once more under the version's label, which resolves it"
    )
