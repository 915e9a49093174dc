"""Several blob stores in a declared order, as one: the first is written, and all are read.

A store that lacks a blob, is away, or has other bytes than the digest says is passed over, also in the middle of a
stream. Such a store is asked last for a while, so that not every read waits for it.
"""

from __future__ import annotations

import heapq
import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import BinaryIO, Final

from herdbook.kernel import digests
from herdbook.kernel.errors import CorruptError, HerdbookError, MissingError, UnavailableError
from herdbook.ports.blobs import Blob, BlobStore, Progress, Staged, Uploads
from herdbook.service.tier_stream import TierBlob, gravest

AWAY_S: Final = 30.0
"""How long a store that was away is asked last, in seconds."""
_REMEMBERED: Final = 10_000
ALONE: Final = "blobs"
"""What the one store of a registry is called that names none."""

Note = Callable[[str, str, HerdbookError], None]
"""Is told which store was passed over, for which blob, and why."""

_log = logging.getLogger("herdbook.blobs")


def log(name: str, sha256: str, error: HerdbookError) -> None:
    """Write to the log that a store was passed over."""
    _log.warning("blob store %s was passed over for %s: %s", name, sha256, error.message)


class Tiers:
    """Named stores in their order; may be shared by threads as they may.

    Args:
        stores: by name; the first is written.
        places: where each is, for people.
        note: is told of a store that was passed over because it is away or its bytes are wrong, once in a while; that
            a store merely lacks a blob is nobody's concern here.
    """

    def __init__(
        self, stores: Mapping[str, BlobStore], places: Mapping[str, str] | None = None, *, note: Note = log
    ) -> None:
        self.stores: Mapping[str, BlobStore] = MappingProxyType(dict(stores))
        self.places: Mapping[str, str] = MappingProxyType(dict(places or {}))
        self._first = next(iter(self.stores.values()))
        self.uploads: Uploads = self._first.uploads
        self._tell = note
        self._lock = threading.Lock()
        self._away: dict[str, float] = {}
        self._bad: OrderedDict[tuple[str, str], None] = OrderedDict()

    def stage(self, source: BinaryIO, *, progress: Progress | None = None) -> Staged:
        """Stage in the first store."""
        return self._first.stage(source, progress=progress)

    def open(self, sha256: str, *, size: int | None = None) -> Blob:
        """Open a blob in the first store that has it; with ``size``, in bytes, in the first that has as many of it.

        Raises:
            MissingError: when none has it.
            UnavailableError: when a store is away, and no other has it.
            CorruptError: when none has it that can be read.
        """
        if len(self.stores) == 1:
            return self._first.open(sha256)
        return TierBlob(self, sha256, size)

    def opened(self, sha256: str, size: int | None = None) -> Iterator[tuple[str, Blob]]:
        """Yield the blob, open, from one store after the other, those likely to be sound first; close each.

        Args:
            sha256: of the blob.
            size: when it is told, copies of another size are passed over.

        Raises:
            HerdbookError: at the end, why the stores that did not open it did not, the gravest first; nothing when some
                did.
        """
        troubles: list[HerdbookError] = []
        opened = False
        for name in self._order(sha256):
            try:
                blob = _sized(self.stores[name].open(sha256), size)
            except HerdbookError as error:
                self.passed(name, sha256, error)
                troubles.append(error)
                continue
            opened = True
            yield name, blob
        if not opened:
            raise gravest(troubles)

    def size(self, sha256: str) -> int | None:
        """Return the size in bytes in the first store that has it, ``None`` when none has.

        Raises:
            HerdbookError: when one could not be asked, and no other has it.
        """
        troubles: list[HerdbookError] = []
        for name in self._order(sha256):
            try:
                size = self.stores[name].size(sha256)
            except HerdbookError as error:
                self.passed(name, sha256, error)
                troubles.append(error)
                continue
            if size is not None:
                return size
        if troubles:
            raise gravest(troubles)
        return None

    def verify(self, sha256: str, *, progress: Progress | None = None) -> None:
        """Read the blob until a store is found whose bytes are right.

        Raises:
            MissingError: when no store has it.
            CorruptError: when those that have it have other bytes.
        """
        troubles: list[HerdbookError] = []
        for name in self._order(sha256):
            try:
                return self.stores[name].verify(sha256, progress=progress)
            except HerdbookError as error:
                self.passed(name, sha256, error)
                troubles.append(error)
        raise gravest(troubles)

    def delete(self, sha256: str) -> int:
        """Remove a blob from all stores; return how many bytes that freed, in all of them.

        Raises:
            HerdbookError: when one refused; the others were asked all the same.
        """
        freed, troubles = 0, []
        for store in self.stores.values():
            try:
                freed += store.delete(sha256)
            except HerdbookError as error:
                troubles.append(error)
        if troubles:
            raise gravest(troubles)
        return freed

    def list(self) -> Iterator[tuple[str, int]]:
        """Yield (sha256, size) of every blob in any store, sorted; the size is that in the first that has it.

        Raises:
            UnavailableError: when one is away.
        """
        last = ""
        for sha256, _, size in heapq.merge(*map(_numbered, range(len(self.stores)), self.stores.values())):
            if sha256 != last:
                yield sha256, size
            last = sha256

    def sweep(self, older_than_s: float) -> int:
        """Remove temporary bytes from all stores; return how many bytes that freed."""
        return sum(store.sweep(older_than_s) for store in self.stores.values())

    def close(self) -> None:
        """Let go of all stores' connections and locks."""
        for store in self.stores.values():
            store.close()

    # -- which store is asked first

    def passed(self, name: str, sha256: str, error: HerdbookError) -> None:
        """Remember, and once in a while tell, why a store was passed over."""
        if isinstance(error, MissingError):
            return
        now = time.monotonic()
        with self._lock:
            if isinstance(error, UnavailableError):
                told = self._away.get(name, 0.0) > now
                self._away[name] = now + AWAY_S
            else:
                told = (name, sha256) in self._bad
                self._bad[name, sha256] = None
                if len(self._bad) > _REMEMBERED:
                    self._bad.popitem(last=False)
        if not told:
            self._tell(name, sha256, error)

    def _order(self, sha256: str) -> Sequence[str]:
        digests.check_sha256(sha256)
        now = time.monotonic()
        with self._lock:
            away = {name for name, until in self._away.items() if until > now}
            return sorted(self.stores, key=lambda name: (name in away, (name, sha256) in self._bad))

    def __repr__(self) -> str:
        return f"Tiers({', '.join(self.stores)})"


def named(blobs: BlobStore) -> Mapping[str, BlobStore]:
    """Return the stores behind one, by name, in their order."""
    return blobs.stores if isinstance(blobs, Tiers) else {ALONE: blobs}


def open_sized(blobs: BlobStore, sha256: str, size: int | None) -> Blob:
    """Open a blob whose size in bytes is known, where several stores may have it: a copy that was cut is no answer."""
    return blobs.open(sha256, size=size) if isinstance(blobs, Tiers) else blobs.open(sha256)


def _sized(blob: Blob, size: int | None) -> Blob:
    if size is None or blob.size == size:
        return blob
    blob.close()
    raise CorruptError(
        f"a copy has {blob.size} bytes, and should have {size}",
        code="blob-size",
        hint="Find it by `herdbook store verify`, and mend it by `herdbook store repair`.",
    )


def _numbered(number: int, store: BlobStore) -> Iterator[tuple[str, int, int]]:
    for sha256, size in store.list():
        yield sha256, number, size


_: type[BlobStore] = Tiers
