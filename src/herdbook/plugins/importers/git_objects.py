"""The objects of a repository: small ones as bytes, blobs as streams, each checked against its id."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from typing import IO, BinaryIO

from dulwich.errors import ApplyDeltaError
from dulwich.pack import apply_delta as apply_in_memory

from herdbook.kernel.errors import MissingError, UnavailableError
from herdbook.plugins.importers.git_loose import Loose
from herdbook.plugins.importers.git_packs import KINDS, Entry, Pack, check_depth
from herdbook.plugins.importers.git_stream import apply_delta, checked, delta_sizes, stream
from herdbook.plugins.importers.git_troubles import corrupt

SMALL = 4 << 20
"""Where base, result and commands of a delta are smaller it is applied in memory, else over a temporary file."""
MOST = 64 << 20
"""Larger commits, trees and tags are not read; no real one is near it."""
CACHED = 16 << 20


class _TooLargeError(Exception):
    """An object is larger than it may be in memory."""


class _Cache:
    """What was made last, some MiB of it: pack and offset → kind and bytes."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[Pack, int], tuple[str, bytes]] = OrderedDict()
        self._held = 0

    def get(self, pack: Pack, offset: int) -> tuple[str, bytes] | None:
        found = self._kept.get((pack, offset))
        if found is not None:
            self._kept.move_to_end((pack, offset))
        return found

    def keep(self, pack: Pack, offset: int, kind: str, data: bytes) -> None:
        if len(data) > CACHED // 16 or (pack, offset) in self._kept:
            return
        self._kept[pack, offset] = (kind, data)
        self._held += len(data) + 200
        while self._held > CACHED:
            self._held -= len(self._kept.popitem(last=False)[1][1]) + 200


class Objects:
    """All objects that are in a repository."""

    def __init__(self, packs: list[Pack], loose: Loose | None = None) -> None:
        self._packs = packs
        self._loose = loose
        self._cache = _Cache()
        self._heads: dict[str, tuple[str, int] | None] = {}

    def head(self, digest: str) -> tuple[str, int] | None:
        """Return kind and size in bytes of an object, ``None`` when it, or a base below it, is absent.

        Raises:
            CorruptError: when nothing can be made of what is there.
        """
        if digest not in self._heads:
            self._heads[digest] = self._head(digest)
        return self._heads[digest]

    def _head(self, digest: str) -> tuple[str, int] | None:
        if (place := self._place(digest)) is not None:
            chain = place[0].chain(place[1])
            return None if chain is None else (KINDS[chain[-1].kind], place[0].result_size(chain[0]))
        if self._loose is None or not self._loose.has(digest):
            return None
        return self._loose.head(digest)

    def _place(self, digest: str) -> tuple[Pack, int] | None:
        raw = bytes.fromhex(digest)
        for pack in self._packs:
            if (offset := pack.index.find(raw)) is not None:
                return pack, offset
        return None

    def read(self, digest: str) -> tuple[str, bytes] | None:
        """Return the kind and the bytes of an object that is no blob; ``None`` when it is absent.

        Raises:
            CorruptError: when it is not what its id says, or larger than any real one.
        """
        try:
            found = self._read(digest)
        except _TooLargeError:
            raise corrupt(f"the object {digest} is larger than any real one of its kind") from None
        if found is None:
            return None
        hasher = hashlib.sha1(b"%s %d\0" % (found[0].encode(), len(found[1])), usedforsecurity=False)
        hasher.update(found[1])
        if hasher.hexdigest() != digest:
            raise corrupt(f"the object {digest} has other bytes than its id says")
        return found

    def _read(self, digest: str) -> tuple[str, bytes] | None:
        if (place := self._place(digest)) is not None:
            return self.whole(*place, MOST)
        if self._loose is None or not self._loose.has(digest) or (head := self._loose.head(digest)) is None:
            return None
        if head[1] > MOST:
            raise _TooLargeError
        return head[0], b"".join(self._loose.pieces(digest))

    def whole(self, pack: Pack, offset: int, most: int) -> tuple[str, bytes] | None:
        """Return kind and bytes of an object in a pack; ``None`` when a base is absent."""
        waiting: list[tuple[int, Entry]] = []
        at: int | None = offset
        while True:
            if at is None:
                return None
            if (found := self._cache.get(pack, at)) is not None:
                break
            entry = pack.entry(at)
            if entry.size > most:
                raise _TooLargeError
            if entry.base is None:
                found = KINDS[entry.kind], b"".join(pack.inflate(entry))
                self._cache.keep(pack, at, *found)
                break
            waiting.append((at, entry))
            check_depth(len(waiting))
            at = pack.place_of_base(entry)
        kind, data = found
        for place, entry in reversed(waiting):
            delta = b"".join(pack.inflate(entry))
            if delta_sizes(iter([delta]))[1] > most or len(data) > most:
                raise _TooLargeError
            try:
                data = b"".join(apply_in_memory(data, delta))
            except ApplyDeltaError as error:
                raise corrupt(f"a delta does not fit its base ({error})") from error
            self._cache.keep(pack, place, kind, data)
        return kind, data

    def open(self, digest: str) -> BinaryIO:
        """Open a blob as a stream in flat memory.

        Raises:
            MissingError: when its content is absent.
            CorruptError: here or while reading, when it is not what its id says.
        """
        head = self.head(digest)
        if head is None:
            raise MissingError(
                f"the source lacks the content of git-sha1:{digest}",
                code="content-absent",
                hint="It may be a partial clone; fetch the rest there, or import a source that has it.",
            )
        if head[0] != "blob":
            raise corrupt(f"the object {digest} is a {head[0]} and not a blob")
        place = self._place(digest)
        pieces = self.pieces(*place) if place else self._loose.pieces(digest) if self._loose else iter(())
        return stream(checked("blob", head[1], pieces, digest))

    def pieces(self, pack: Pack, offset: int) -> Iterator[bytes]:
        """Yield what an object in a pack holds, unchecked."""
        chain = pack.chain(offset)
        if chain is None:
            return
        if len(chain) == 1:
            yield from pack.inflate(chain[0])
            return
        try:
            found = self.whole(pack, offset, SMALL)
        except _TooLargeError:
            yield from _over_files(pack, chain)
        else:
            yield from [] if found is None else [found[1]]

    def close(self) -> None:
        """Release all packs."""
        for pack in self._packs:
            pack.close()


def _over_files(pack: Pack, chain: list[Entry]) -> Iterator[bytes]:
    """Yield what a chain of deltas makes, each result but the last over a temporary file that has no name."""
    with ExitStack() as files:
        pieces = iter(pack.inflate(chain[-1]))
        for entry in reversed(chain[:-1]):
            with files.pop_all():
                base = files.enter_context(_temporary(pieces))
            read = partial(_read, base.fileno())
            pieces = apply_delta(read, base.tell(), iter(pack.inflate(entry)))
        yield from pieces


def _temporary(pieces: Iterator[bytes]) -> IO[bytes]:
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the caller's stack closes it
    try:
        for piece in pieces:
            file.write(piece)
        file.flush()
    except OSError as error:
        file.close()
        raise UnavailableError(
            f"a large object cannot be put together in {tempfile.gettempdir()}: {error.strerror}",
            code="disk-full",
            hint="Free some space there, or set TMPDIR to where there is more.",
        ) from error
    except BaseException:
        file.close()
        raise
    return file


def _read(handle: int, offset: int, length: int) -> bytes:
    return os.pread(handle, length, offset)
