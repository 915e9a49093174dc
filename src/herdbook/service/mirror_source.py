"""A journal of another registry, as its façade gives it: the origin that a mirror follows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import BinaryIO

from herdbook.kernel.errors import CorruptError, HerdbookError
from herdbook.model.journal import Checkpoint, Event, PurgeOp, UnpurgeOp
from herdbook.ports.registry import Registry

LINES = 1000
"""Events that are asked for together."""


class RegistrySource:
    """A journal at another registry, up to a checkpoint; ``after`` is where the copy of it stands."""

    def __init__(self, source: Registry, there: Checkpoint, after: int) -> None:
        self.namespace = there.namespace
        self.journal = there.journal
        self._source = source
        self._last = there.seq
        self._after = after
        self._purged: frozenset[str] | None = None

    def lines(self, after: int) -> Iterator[bytes]:
        """Yield the events after a sequence, up to the checkpoint."""
        while after < self._last:
            found = self._source.journal.lines(self.namespace, after=after, limit=min(LINES, self._last - after))
            if not found or len(found) > self._last - after:
                raise self.wrong(
                    "head-differs", f"it has no events after {after}, and said that {self._last} is the last"
                )
            yield from found
            after += len(found)

    def bodies(self, digests: Sequence[str]) -> dict[str, bytes]:
        """Return the bytes of those bodies that it has."""
        return self._source.journal.bodies(digests)

    def purged(self) -> frozenset[str]:
        """Return what is purged by what is to come."""
        if self._purged is None:
            gone: set[str] = set()
            for data in self.lines(self._after):
                for op in Event.read_json(data).ops:
                    if isinstance(op, PurgeOp):
                        gone.add(op.digest)
                    elif isinstance(op, UnpurgeOp):
                        gone.discard(op.digest)
            self._purged = frozenset(gone)
        return self._purged

    def blob(self, sha256: str) -> BinaryIO:
        """Open a blob."""
        return self._source.files.blob(self.namespace, sha256)

    def lacks(self, sha256: str, error: HerdbookError) -> None:
        """Take it as it is: the journal stands, and the next run asks again."""

    def wrong(self, rule: str, message: str) -> CorruptError:
        """Return the error for something that is not as it should be."""
        return CorruptError(
            f"what {self._source.url} gives of {self.namespace!r} is not sound: {message}",
            code="source-unsound",
            hint="Run `herdbook doctor` there. What was copied until now is sound.",
            rule=rule,
            namespace=self.namespace,
        )
