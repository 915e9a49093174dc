"""Garbage collection: blobs that nothing needs, found and removed while others write.

Why it never takes what is needed. A blob's name appears in this order (``files.Files.put_many``): bytes under a
temporary name → lease, committed → the blob's own name → registration, which is refused unless the lease still stands
or a record needs the bytes already. Here a blob is removed inside a write transaction, after need and lease were looked
up in that same transaction. Leases, registrations and this removal take the one writer's lock, so they come one after
the other:

- the lease was committed before: we see it and leave the blob alone;
- the lease comes after: then the blob's name is given after our removal too, and is given anew from the temporary file;
- the registration was committed before: we see that the blob is needed;
- the registration comes after: it finds no lease that stands, since we saw none, and is refused with ``no-bytes``.

The temporary file of a running upload is protected by a lock that its process holds, however long that takes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

from herdbook.model.health import GarbageReport
from herdbook.ports.admin import Step
from herdbook.ports.catalogue import Reader
from herdbook.service.context import Context

LOOK = 500
"""Blobs that are looked up together."""
BATCH = 32
"""Blobs that are removed in one write transaction: others wait no longer than that takes."""
GRACE_S = 3600.0
"""How long after a lease's end its blob stays, in seconds: two clocks, or one that was set, may differ by that."""


def collect(context: Context, *, dry_run: bool = True, step: Step | None = None) -> GarbageReport:
    """Find, and without ``dry_run`` remove, blobs that no record, lease or running upload needs.

    With a blob go its facts and its other digests, which can be read from the bytes when they come again.

    Raises:
        DeniedError: when the registry is read-only and something shall be removed.
    """
    found = _Found()
    for number, part in enumerate(_parts(context.blobs.list(), LOOK)):
        with context.catalogue.read() as tx:
            free = found.sort(context, tx, part)
        if not dry_run:
            free = [item for some in _parts(free, BATCH) for item in _remove(context, some)]
        found.candidates += [sha256 for sha256, _ in free]
        found.bytes += sum(size for _, size in free)
        if step:
            step("looking at blobs", number * LOOK + len(part), 0)
    swept = 0
    if not dry_run:
        with context.catalogue.write():  # refuses where nothing may be written
            pass
        swept = context.blobs.sweep(0)
    return GarbageReport(
        dry_run=dry_run,
        candidates=tuple(found.candidates),
        bytes=found.bytes,
        leased=found.leased,
        kept=found.kept,
        temporary_bytes=swept,
    )


class _Found:
    """What was found so far."""

    def __init__(self) -> None:
        self.candidates: list[str] = []
        self.bytes = 0
        self.leased = 0
        self.kept = 0

    def sort(self, context: Context, tx: Reader, part: list[tuple[str, int]]) -> list[tuple[str, int]]:
        """Return those that nothing needs; count the others."""
        needed, leased = protected(context, tx, [sha256 for sha256, _ in part])
        self.kept += len(needed)
        self.leased += len(leased - needed)
        return [item for item in part if item[0] not in needed | leased]


def protected(context: Context, tx: Reader, sha256s: list[str]) -> tuple[set[str], set[str]]:
    """Return blobs that records need, and those that are leased or were within the last hour."""
    leases = tx.leases(sha256s, context.seconds() - GRACE_S)
    return tx.needed(sha256s), {lease.sha256 for lease in leases}


def _remove(context: Context, part: list[tuple[str, int]]) -> list[tuple[str, int]]:
    """Remove what nothing needs even now; return what was removed. See the module for why this is safe."""
    with context.catalogue.write() as tx:
        needed, leased = protected(context, tx, [sha256 for sha256, _ in part])
        free = [item for item in part if item[0] not in needed | leased]
        for sha256, _ in free:
            context.blobs.delete(sha256)
        tx.drop_contents(sha256 for sha256, _ in free)
    return free


def _parts(items: Iterable[tuple[str, int]], size: int) -> Iterator[list[tuple[str, int]]]:
    rest = iter(items)
    while part := list(islice(rest, size)):
        yield part
