"""Downloads: files into the cache, or beside it where there is no room; resumed, and whole and right or not at all."""

from __future__ import annotations

import contextlib
import itertools
import re
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from herdbook.client.cache import Cache, Slot, Whole, full
from herdbook.client.calls import Calls
from herdbook.client.patience import Patience
from herdbook.client.refusals import refusal
from herdbook.client.transport import Asking, BrokenError, Incoming, Query, bad_answer
from herdbook.kernel.errors import CorruptError, UnavailableError
from herdbook.ports.blobs import Progress
from herdbook.service import hashing

_ETAG = re.compile(r'"(sha256:[0-9a-f]{64})"')
_RANGE = re.compile(r"bytes ([0-9]+)-([0-9]+)/([0-9]+)")
_AGAIN = frozenset({429, 502, 503, 504})
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file to bring: where the server has it, and what is known of it.

    ``size`` is in bytes; ``named`` is the weaker digest by which alone a record knows it, where that is so.
    """

    path: str
    query: Query
    sha256: str
    size: int | None = None
    named: str | None = None


class _Told:
    """A progress that hears of each byte once, also of one that is brought twice."""

    def __init__(self, progress: Progress | None) -> None:
        self._progress = progress
        self._told = 0

    def reach(self, have: int) -> None:
        """So many bytes are there."""
        if self._progress and have > self._told:
            self._progress(have - self._told)
            self._told = have


class _FullError(Exception):
    """There is no room in the cache."""


class Downloads:
    """Downloads through one cache; threads share them."""

    def __init__(self, calls: Calls, cache: Cache) -> None:
        self._calls = calls
        self._cache = cache

    def bring(self, wanted: Wanted, progress: Progress | None = None) -> Whole:
        """Return a file, from the cache if it is there.

        Args:
            wanted: the file.
            progress: is told of the bytes that are brought, those of an interrupted attempt before included.

        Raises:
            HerdbookError: what the server says.
            CorruptError: ``wrong-bytes``, when what it gives is not what its digest says, twice.
            UnavailableError: ``no-server``; ``disk-full``.
        """
        told = _Told(progress)
        whole = self._cache.find(wanted.sha256)
        with contextlib.suppress(_FullError):
            whole = whole or self._into(wanted, told, beside=False)
        if whole is None:
            self._cache.make_room(wanted.size or 0)
            with contextlib.suppress(_FullError):
                whole = self._into(wanted, told, beside=False)
        try:
            whole = whole or self._into(wanted, told, beside=True)
        except _FullError as error:
            raise UnavailableError(
                f"there is no room for {wanted.sha256}, neither in the cache nor for a temporary file",
                code="disk-full",
                hint="Free some space, or name another folder with HERDBOOK_CACHE or TMPDIR.",
            ) from error
        if wanted.named and wanted.named not in hashing.content(whole).digests:
            whole.close()
            raise self._wrong(wanted.named, wanted.sha256)
        return whole

    def _into(self, wanted: Wanted, told: _Told, *, beside: bool) -> Whole:
        with self._cache.filling(wanted.sha256, beside=beside) as slot:
            if isinstance(slot, Whole):
                return slot
            try:
                slot.look()
                told.reach(slot.have)
                if self._fill(slot, wanted, told) or self._anew(slot, wanted, told):
                    return self._cache.keep(slot)
                found = slot.found
                slot.restart()
            except OSError as error:
                if not full(error):
                    raise
                with contextlib.suppress(OSError):
                    slot.restart()
                raise _FullError from error
        raise self._wrong(wanted.sha256, found)

    def _wrong(self, wanted: str, found: str) -> CorruptError:
        return CorruptError(
            f"what {self._calls.transport.url} gives for {wanted} is not that; it is {found}",
            code="wrong-bytes",
            hint="Something between alters bytes, or the server's copy is corrupt: tell who runs it.",
            wanted=wanted,
            found=found,
        )

    def _anew(self, slot: Slot, wanted: Wanted, told: _Told) -> bool:
        """Bring it once more from the start: what was there before may have been wrong."""
        slot.restart()
        return self._fill(slot, wanted, told)

    def _fill(self, slot: Slot, wanted: Wanted, told: _Told) -> bool:
        """Bring what is missing; say whether the whole is what it should be."""
        self._calls.meet()
        transport = self._calls.transport
        patience = Patience(transport.timeouts.retry, least=2)
        while True:
            before = slot.have
            try:
                return self._once(slot, wanted, told)
            except BrokenError as error:
                if slot.have > before:
                    patience = Patience(transport.timeouts.retry, least=2)  # it goes on
                if not patience.again():
                    raise transport.away(str(error), patience) from error

    def _once(self, slot: Slot, wanted: Wanted, told: _Told) -> bool:
        head = {"Accept-Encoding": "identity"}
        if slot.have:
            head |= {"Range": f"bytes={slot.have}-", "If-Range": f'"{wanted.sha256}"'}
        with self._calls.transport.open(Asking("GET", wanted.path, wanted.query, head)) as incoming:
            if incoming.status == 416:  # nothing follows what we have
                return slot.found == wanted.sha256
            if incoming.status in _AGAIN:
                raise BrokenError(f"HTTP status {incoming.status}")
            if incoming.status >= 400:
                raise refusal(incoming.whole(60.0))
            size = self._begin(slot, wanted, incoming)
            _pour(incoming, slot, size - slot.have, told)
        if slot.have < size:
            raise BrokenError("the file broke off")
        return slot.found == wanted.sha256

    def _begin(self, slot: Slot, wanted: Wanted, incoming: Incoming) -> int:
        """Check where the answer begins; return how many bytes the whole has."""
        if "content-encoding" in incoming.headers and incoming.headers["content-encoding"] != "identity":
            raise bad_answer("the server packs a file, which nobody asked for")
        if incoming.status == 206 and slot.have:
            part = _RANGE.fullmatch(incoming.headers.get("content-range", ""))
            if part is None or int(part[1]) != slot.have or int(part[2]) != int(part[3]) - 1:
                raise bad_answer("the server gives another part of a file than was asked for")
            size = int(part[3])
        elif incoming.status == 200:
            slot.restart()
            length = incoming.headers.get("content-length", "")
            size = int(length) if length.isascii() and length.isdigit() else -1
        else:
            raise bad_answer(f"the server gives a file with HTTP status {incoming.status}")
        if size < 0 or (wanted.size is not None and size != wanted.size):
            raise bad_answer(f"the server gives {size} bytes where {wanted.sha256} has {wanted.size}")
        return size

    def cached(self, sha256: str) -> bool:
        """Say whether a file seems to be in the cache."""
        return self._cache.path(sha256).exists()

    def known_as(self, path: str, query: Query) -> str:
        """Ask whether one may have a file; return the sha256 that the server has it under, empty when it does not say.

        Raises:
            HerdbookError: what the server says.
        """
        self._calls.meet()
        answer = self._calls.transport.ask(Asking("HEAD", path, query))
        if answer.status >= 400:  # such an answer has no body that would say why
            answer = self._calls.exchange(Asking("GET", path, query, {"Range": "bytes=0-0"}))
        named = _ETAG.fullmatch(answer.headers.get("etag", ""))
        return named[1] if named else ""


def _pour(incoming: Incoming, slot: Slot, size: int, told: _Told) -> None:
    """Let a body run into a slot: while one block is hashed and written, the next one comes."""
    if size <= _BLOCK:
        buffer = memoryview(bytearray(size))
        for block in incoming.into(lambda: buffer, size):
            slot.add(block)
            told.reach(slot.have)
        return
    buffers = [memoryview(bytearray(_BLOCK)) for _ in range(2)]
    turn = itertools.count()
    with ThreadPoolExecutor(1, thread_name_prefix="herdbook-get") as beside:
        before: Future[None] | None = None
        try:
            for block in incoming.into(lambda: buffers[next(turn) % 2], size):
                if before is not None:
                    before.result()
                    told.reach(slot.have)
                before = beside.submit(slot.add, block)
        finally:
            if before is not None:
                before.result()
        told.reach(slot.have)
