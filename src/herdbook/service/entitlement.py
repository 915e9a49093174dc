"""Who may name which bytes: who brought them, and whoever writes in a namespace that has them.

Naming others is refused in the same words whether the bytes are here or not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from herdbook.kernel.errors import InvalidError, MissingError
from herdbook.model.activities import Activity
from herdbook.model.datasets import Dataset
from herdbook.model.files import Content
from herdbook.model.registrations import Registration
from herdbook.ports.catalogue import Reader
from herdbook.service.context import Context


def check(
    context: Context, tx: Reader, namespace: str, wanted: Mapping[str, str], absent: Iterable[str] = ()
) -> set[str]:
    """Return those blobs that may be named.

    Args:
        context: who acts, and what time it is.
        tx: a look.
        namespace: into whose journal it is to be written.
        wanted: sha256 of blobs, and what to call each.
        absent: those that nobody needs to have brought.

    Raises:
        MissingError: when one may not be named.
    """
    allowed = set().union(*among(context, tx, namespace, wanted))
    if missing := wanted.keys() - allowed - set(absent):
        digest = min(missing)
        raise MissingError(
            f"the bytes of {wanted[digest]} were not brought ({digest})",
            code="no-bytes",
            hint="Put them first (files.put), or name the digest under `absent` when nobody holds the bytes.",
        )
    return allowed


def among(context: Context, tx: Reader, namespace: str, sha256s: Iterable[str]) -> tuple[set[str], set[str]]:
    """Return those blobs that this principal brought, and others that a namespace has: all of them may be named."""
    wanted = set(sha256s)
    own = {lease.sha256 for lease in tx.leases(wanted, context.seconds()) if lease.principal == context.principal.id}
    return own, of_namespace(tx, namespace, wanted - own)


def check_parts(context: Context, tx: Reader, namespace: str, values: Sequence[Dataset | Activity]) -> None:
    """Check the blobs that datasets and activities name; what the namespace knows already needs no bytes.

    Raises:
        MissingError: when one may not be named.
    """
    check(context, tx, namespace, _parts(tx, namespace, values))


def registrations(
    context: Context,
    tx: Reader,
    namespace: str,
    items: Sequence[Registration],
    more: Iterable[Dataset | Activity] = (),
) -> dict[str, Content]:
    """Check what registrations, and ``more``, of a namespace name; return the contents of files that may be named.

    Raises:
        MissingError: when bytes may not be named.
        InvalidError: when a size is not the content's.
    """
    wanted = {file.digest: repr(file.path) for item in items for file in item.version.files if file.resolved}
    values: list[Dataset | Activity] = [*more, *(value for item in items for value in item.datasets)]
    values += [value for item in items for value in item.activities]
    wanted |= _parts(tx, namespace, values)
    allowed = check(context, tx, namespace, wanted, {digest for item in items for digest in item.absent})
    contents = tx.contents(allowed)
    for item in items:
        for file in item.version.files:
            content = contents.get(file.digest)
            if content is not None and content.size != file.size:
                raise InvalidError(
                    f"{file.path!r} is said to have {file.size} bytes; its content has {content.size}",
                    code="wrong-size",
                    hint="Give the size of the bytes that were put.",
                )
    return contents


def _parts(tx: Reader, namespace: str, values: Sequence[Dataset | Activity]) -> dict[str, str]:
    wanted: dict[str, dict[str, str]] = {}
    for value in values:
        if isinstance(value, Dataset):
            wanted[value.digest] = {value.manifest: "a manifest"} if value.manifest else {}
        else:
            wanted[value.digest] = dict.fromkeys(value.blobs(), f"a {value.kind}")
    known = tx.known(record for record, blobs in wanted.items() if blobs)
    new = (blobs for record, blobs in wanted.items() if not _has(known, record, namespace))
    return {blob: name for blobs in new for blob, name in blobs.items()}


def of_namespace(tx: Reader, namespace: str, blobs: set[str]) -> set[str]:
    """Return those blobs that a record or statement of a namespace names, and that it has not purged.

    As a file, a manifest, what an activity took or gave, a schema, or the bytes of a file that was known by name.
    """
    found: set[str] = set()
    for look in _NAMING:
        if not (rest := blobs - found):
            break
        held = set(look(tx, rest))
        known = tx.known({record for record, _ in held})
        found |= {blob for record, blob in held if _has(known, record, namespace)}
    return found - tx.purged(namespace, found) if found else found


def _edges(direction: str) -> Callable[[Reader, set[str]], Iterable[tuple[str, str]]]:
    def look(tx: Reader, blobs: set[str]) -> Iterable[tuple[str, str]]:
        edges = tx.edges_at(blobs, direction)
        return ((edge.activity, edge.target) for edge in edges if edge.target_kind == "blob")

    return look


_NAMING: tuple[Callable[[Reader, set[str]], Iterable[tuple[str, str]]], ...] = (
    lambda tx, blobs: ((row.record, row.digest) for row in tx.files_named(blobs)),
    lambda tx, blobs: tx.datasets_with(blobs),
    *map(_edges, ("in", "out", "holds")),
)
"""Each returns (record, blob), for records that name one of some blobs in one way; the commonest way comes first."""


def _has(known: Mapping[str, Sequence[tuple[str, int]]], record: str, namespace: str) -> bool:
    return any(name == namespace for name, _ in known.get(record, ()))
