"""Blobs of a copy that is being made: several at once, in groups that share a lease, checked before they are kept.

What garbage collection must not meet bare stands under a lease before a blob has its name, as in ``files.Files``.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any, BinaryIO, Self, TypeVar, cast

from herdbook.kernel.errors import CorruptError, HerdbookError, MissingError, UnavailableError
from herdbook.kernel.verified import VerifiedStream
from herdbook.model.files import Content
from herdbook.model.rows import Lease
from herdbook.ports.admin import Step
from herdbook.ports.blobs import Staged
from herdbook.service.context import Context

if TYPE_CHECKING:
    from herdbook.service.replay import Origin

LEASE_S = 7 * 24 * 3600.0
"""How long blobs of a copy that broke off wait for the next try, in seconds."""
TOGETHER = 128
"""Blobs that are leased together."""
THREADS = 16
"""Files that are brought at once: each waits for a disk or a network most of its time."""
SMALL = 4 * 2**20
"""Bytes up to which a file is read into memory before it is stored."""
T = TypeVar("T")


@dataclass
class Blobs:
    """Brings blobs.

    Attributes:
        count: how many were new here.
        bytes: how many bytes these have.
        lacking: by sha256, the code of the error for those that could not be had.
        stop: set by who no longer waits; what is at work then ends soon.
    """

    context: Context
    step: Step | None = None
    count: int = 0
    bytes: int = 0
    lacking: dict[str, str] = field(default_factory=dict)
    stop: threading.Event = field(default_factory=threading.Event)
    _leased: set[str] = field(default_factory=set)
    _done: int = 0

    def __post_init__(self) -> None:
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="herdbook-copy")

    def bring(self, origin: Origin, wanted: Mapping[str, int | None]) -> None:
        """Bring those that are not here; ``wanted`` has their sizes in bytes where a record says them.

        While the blobs of one group are given their names, those of the next are on their way.

        Raises:
            CorruptError: the origin's ``wrong``, when a record says another size than the bytes have.
            UnavailableError: when the origin cannot serve, or there is no room here.
        """
        groups = _parts(sorted(wanted), TOGETHER)
        coming = self._begin(origin, next(groups, []), wanted)
        while coming.here or coming.waiting:
            following = _Group(origin)
            try:
                following = self._begin(origin, next(groups, []), wanted)
                self._keep(coming, wanted)
            except BaseException:
                self.stop.set()
                following.discard()
                raise
            finally:
                coming.discard()
            self._done += len(coming.here) + len(coming.waiting)
            if self.step:
                self.step("bringing files", self._done, 0)
            coming = following

    def _begin(self, origin: Origin, sha256s: list[str], wanted: Mapping[str, int | None]) -> _Group:
        """Look what is here, and let the others come."""
        if not sha256s:
            return _Group(origin)
        with self.context.catalogue.read() as tx:
            known = tx.contents(sha256s)
        here = [digest for digest in sha256s if digest in known and self._whole(known[digest])]
        for digest in here:
            if wanted[digest] not in {None, known[digest].size}:
                raise origin.wrong("blob-size", f"{digest} has {known[digest].size} bytes, a record says otherwise")
        group = _Group(origin, {digest: known[digest] for digest in here})
        for digest in sha256s:
            if digest not in group.here:
                group.waiting[digest] = self._threads.submit(self._stage, origin, digest, wanted[digest])
        return group

    def _whole(self, content: Content) -> bool:
        return self.context.blobs.size(content.sha256) == content.size

    def _stage(self, origin: Origin, sha256: str, size: int | None) -> Staged | None:
        """Bring one; what came with other bytes is asked for once more, compared there while it is read."""
        try:
            staged = self._copied(origin, sha256, size, entrusted=True)
            if staged.content.sha256 != sha256:
                staged.discard()
                staged = self._copied(origin, sha256, size, entrusted=False)
        except (MissingError, CorruptError) as error:
            self._lacks(origin, sha256, error)
            return None
        if staged.content.sha256 != sha256:
            staged.discard()
            self._lacks(origin, sha256, CorruptError(f"{sha256} came with other bytes", code="blob-corrupt"))
            return None
        if size not in {None, staged.content.size}:
            staged.discard()
            raise origin.wrong("blob-size", f"{sha256} has {staged.content.size} bytes, and a record says {size}")
        return staged

    def _lacks(self, origin: Origin, sha256: str, error: HerdbookError) -> None:
        origin.lacks(sha256, error)
        self.lacking[sha256] = error.code

    def _copied(self, origin: Origin, sha256: str, size: int | None, *, entrusted: bool) -> Staged:
        if self.stop.is_set():
            raise _stopped()
        with origin.blob(sha256) as stream:
            if entrusted and isinstance(stream, VerifiedStream):
                stream.entrust()  # the store here computes the digest of what it takes
            checked = cast("BinaryIO", _Checked(stream, sha256, size, self.stop))
            if size is not None and size <= SMALL:
                checked = io.BytesIO(checked.read(size + 1))  # a store that knows the size has less to do
            return self.context.blobs.stage(checked)

    def _keep(self, group: _Group, wanted: Mapping[str, int | None]) -> None:
        """Lease what is here and what came, then give the latter its name."""
        staged = group.staged()
        self._lease({**group.here, **{item.content.sha256: item.content for item in staged}})
        lost = [digest for digest, content in group.here.items() if not self._whole(content)]
        again = _Group(
            group.origin, {}, {d: self._threads.submit(self._stage, group.origin, d, wanted[d]) for d in lost}
        )
        try:
            staged += again.staged()
            kept = self._threads.map(lambda item: item.keep(), staged)
            sizes = [item.content.size for item, is_new in zip(staged, kept, strict=True) if is_new]
        finally:
            again.discard()
        for item in staged:
            self.lacking.pop(item.content.sha256, None)
        self.count += len(sizes)
        self.bytes += sum(sizes)

    def _lease(self, contents: Mapping[str, Content]) -> None:
        if contents:
            until = self.context.seconds() + LEASE_S
            leases = [Lease(self.context.principal.id, sha256, until) for sha256 in contents]
            self.context.catalogue.lease(leases, contents.values())
            self._leased |= contents.keys()

    def release(self) -> None:
        """Let the leases go: records need now what they protected."""
        self.context.catalogue.release(self.context.principal.id, self._leased)
        self._leased.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop.set()
        self._threads.shutdown(wait=True, cancel_futures=True)


@dataclass
class _Group:
    """Blobs that share a lease: those that are here, and those that come."""

    origin: Origin
    here: Mapping[str, Content] = field(default_factory=dict)
    waiting: dict[str, Future[Staged | None]] = field(default_factory=dict)

    def staged(self) -> list[Staged]:
        """Return what came, once all did."""
        wait(self.waiting.values())
        return [item for future in self.waiting.values() if (item := future.result()) is not None]

    def discard(self) -> None:
        """Drop what came and was not kept."""
        for future in self.waiting.values():
            future.cancel()
        wait(self.waiting.values())
        for future in self.waiting.values():
            if not future.cancelled() and future.exception() is None and (item := future.result()) is not None:
                item.discard()


class _Checked(io.RawIOBase):
    """A stream that ends in an error as soon as it gives more bytes than it should, or nobody waits for it."""

    def __init__(self, stream: BinaryIO, sha256: str, size: int | None, stop: threading.Event) -> None:
        super().__init__()
        self._stream = stream
        self._sha256 = sha256
        self._left = size
        self._stop = stop

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        if self._stop.is_set():
            raise _stopped()
        data = self._stream.read(-1 if size is None else size)
        self._count(len(data))
        return data

    def readinto(self, buffer: Any, /) -> int:  # noqa: ANN401 - whatever takes bytes
        if self._stop.is_set():
            raise _stopped()
        readinto = getattr(self._stream, "readinto", None)
        if readinto is not None:
            count = int(readinto(buffer))
        else:
            data = self._stream.read(len(memoryview(buffer)))
            count = len(data)
            memoryview(buffer)[:count] = data
        self._count(count)
        return count

    def _count(self, count: int) -> None:
        if self._left is not None:
            self._left -= count
            if self._left < 0:
                raise CorruptError(f"{self._sha256} came with more bytes than a record says", code="blob-corrupt")


def _stopped() -> HerdbookError:
    return UnavailableError("nobody waits for these bytes any more", code="stopped")


def _parts(items: Iterable[T], size: int) -> Iterator[list[T]]:
    rest = iter(items)
    while part := list(islice(rest, size)):
        yield part
