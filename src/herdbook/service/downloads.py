"""Downloads: which blob is meant, for who wants its bytes in parts."""

from __future__ import annotations

from herdbook.kernel import digests
from herdbook.kernel.errors import MissingError
from herdbook.kernel.names import namespace_of
from herdbook.model.versions import Entry
from herdbook.ports.blobs import Blob
from herdbook.ports.catalogue import Reader
from herdbook.service import entries, journal, references, tiers
from herdbook.service.context import Context


def of_version(context: Context, reference: str, path: str) -> tuple[str, Blob]:
    """Open a file of a version; return its sha256 and the blob.

    Raises:
        MissingError: when there is no such version or file, or nobody brought its bytes.
    """
    with context.catalogue.read() as tx:
        entry = references.resolve(tx, reference)
        sha256 = _held(tx, entry, path)
        size = _size(context, tx, sha256)
    try:
        return sha256, tiers.open_sized(context.blobs, sha256, size)
    except MissingError as error:
        raise MissingError(
            f"the bytes of {path!r} of {entry.reference} ({sha256}) are not kept here",
            code="no-bytes",
            hint="Another registry, or the place it was imported from, may have them.",
        ) from error


def of_namespace(context: Context, namespace: str, sha256: str) -> tuple[str, Blob]:
    """Open bytes that a record of a namespace names; return their sha256 and the blob.

    Raises:
        MissingError: when no record of the namespace names them, or they are not here.
    """
    digests.check_sha256(sha256)
    with context.catalogue.read() as tx:
        named = tx.names(namespace, sha256)
        if not named:
            journal.head_of(tx, namespace)
        size = _size(context, tx, sha256)
    if not named:
        raise MissingError(
            f"no record of {namespace!r} names {sha256}", code="no-bytes", hint="Is it in another namespace?"
        )
    return sha256, tiers.open_sized(context.blobs, sha256, size)


def _size(context: Context, tx: Reader, sha256: str) -> int | None:
    """Return how many bytes were once stored, or told, where several stores may have them."""
    if not isinstance(context.blobs, tiers.Tiers):
        return None
    content = tx.contents([sha256]).get(sha256)
    return None if content is None else content.size


def _held(tx: Reader, entry: Entry, path: str) -> str:
    """Return the sha256 under which a file of a version can be had.

    Raises:
        MissingError: when the version has no such file, or nobody brought its bytes.
    """
    file = entry.version.file(path)
    if file is None:
        paths = ", ".join(item.path for item in entry.version.files[:8])
        raise MissingError(f"{entry.reference} has no file {path!r}", code="no-file", hint=f"Its files are: {paths}.")
    if file.resolved:
        return file.digest
    known = entries.known_files(tx, entry.version, namespace_of(entry.model))
    if file.digest in known:
        return known[file.digest].sha256
    raise MissingError(
        f"{path!r} of {entry.reference} is known by {file.digest} alone; nobody brought its bytes",
        code="unresolved",
        hint="Bring them: register the folder under the same label, or `files.put` and `files.supply`.",
    )
