"""Uploads that come piece by piece: full parts of a multipart upload, and one object for how it stands and the rest.

Any process may go on with one: nothing about it is held in memory. Where a part begins follows from its number alone,
so two who send the same bytes, as a client that was cut off and its own earlier request, write the same parts.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import BinaryIO, Final

from herdbook.kernel.errors import ConflictError, MissingError, UnavailableError
from herdbook.kernel.hashing import Digests
from herdbook.kernel.sources import Source
from herdbook.model.files import Content
from herdbook.ports.blobs import Progress
from herdbook.stores.s3 import trouble, upload_state
from herdbook.stores.s3.bucket import Bucket, Head
from herdbook.stores.s3.sending import Multipart, Work, md5_header, part_size, read_through
from herdbook.stores.s3.staged import UPLOADS, Names, S3Staged
from herdbook.stores.s3.upload_state import State

_ID: Final = re.compile(r"[0-9a-f]{32}")
_SENDERS: Final = 2
_WAITS: Final = (0.1, 0.4, 1.0)


@dataclass(frozen=True)
class _Here:
    """What is in the store of an upload: its state, its full parts in order, and the size in bytes of all of it.

    ``finished`` is the object that it became; ``lost`` when the store had told of more parts before.
    """

    state: State
    parts: tuple[tuple[int, str], ...]
    size: int
    finished: Head | None = None
    lost: bool = False

    @property
    def tail(self) -> bytes:
        """The bytes that follow the parts."""
        return self.state.tail if self.start == self.state.start else b""

    @property
    def start(self) -> int:
        """Where the tail begins."""
        return sum(part_size(number) for number, _ in self.parts)


class S3Uploads:
    """Uploads below ``PREFIX/uploads/ID/``: ``state``, and ``whole``, which the parts become."""

    def __init__(self, bucket: Bucket, names: Names) -> None:
        self._bucket = bucket
        self._names = names

    def begin(self, *, size: int | None = None) -> str:  # noqa: ARG002 - parts are cut alike whatever the size
        """Begin an upload; return its id.

        Raises:
            UnavailableError: when the store does not answer.
            DeniedError: when we may not write there.
        """
        upload = secrets.token_hex(16)
        multipart = Multipart.begin(self._bucket, self._key(upload, "whole"))
        upload_state.begun(multipart.upload).write(self._bucket, self._key(upload, "state"))
        return upload

    def offset(self, upload: str) -> int:
        """Return how many bytes of it are in the store.

        Raises:
            MissingError: ``no-upload``, when there is none.
        """
        return self._here(upload, whole=False).size

    def append(self, upload: str, offset: int, source: BinaryIO) -> int:
        """Add what follows; return how many bytes are in the store now. What came before a source broke off stays.

        Raises:
            MissingError: ``no-upload``.
            ConflictError: ``wrong-offset`` with the right one; ``upload-finished``.
            UnavailableError: when the store does not answer; what it has then, ``offset`` tells.
        """
        here = self._here(upload, whole=True)
        if here.finished is not None:
            raise ConflictError(
                "this upload is finished", code="upload-finished", hint="Finish it again, or begin another."
            )
        if here.size != offset:
            raise _wrong_offset(here.size)
        stream = Source(source)
        multipart = Multipart(self._bucket, self._key(upload, "whole"), here.state.multipart)
        start, tail = self._send(upload, multipart, here, stream)
        if start != here.start or tail != here.tail or here.lost:
            self._note(upload, here, multipart, here.state.then(start, tail))
        stream.check_broken()
        return start + len(tail)

    def _note(self, upload: str, here: _Here, multipart: Multipart, state: State) -> None:
        """Write how it stands now, and see whether the store has what it says that it took."""
        key = self._key(upload, "state")
        with self._names.held(upload):
            if State.read(self._bucket, key, whole=False).turn != here.state.turn:
                raise _wrong_offset(self.offset(upload))
            md5 = state.write(self._bucket, key)
        now = self._here(upload, whole=False)
        if now.state.turn != state.turn and now.size >= state.start + state.length:
            return  # somebody goes on already
        if state.plain and not (multipart.fits(now.parts) and now.state.etag in {md5, here.state.etag}):
            raise self._spoilt(upload)
        if now.size != state.start + state.length:
            raise trouble.altered("bytes of an upload that it took are not there")

    def _spoilt(self, upload: str) -> UnavailableError:
        # A part cannot be taken back, and would count as bytes that are here.
        self.abandon(upload)
        return trouble.altered("a part of an upload, which must begin again")

    def _send(self, upload: str, multipart: Multipart, here: _Here, stream: Source) -> tuple[int, bytes]:
        """Send all full parts; return where they end, and the bytes that are left over."""
        start, rest, number = here.start, here.tail, len(here.parts) + 1
        waiting: list[Future[None]] = []
        with ThreadPoolExecutor(_SENDERS, thread_name_prefix="herdbook-part") as pool:
            while True:
                buffer = bytearray(part_size(number))
                buffer[: len(rest)] = rest
                count = len(rest) + stream.fill(memoryview(buffer)[len(rest) :])
                if count < len(buffer):
                    break
                if len(waiting) >= _SENDERS:
                    waiting.pop(0).result()
                waiting.append(pool.submit(self._send_part, upload, multipart, number, buffer, here.state))
                start, rest, number = start + count, b"", number + 1
            for future in waiting:
                future.result()
        return start, bytes(memoryview(buffer)[:count])

    def _send_part(self, upload: str, multipart: Multipart, number: int, data: bytearray | bytes, state: State) -> None:
        try:
            etag = multipart.send(number, data)
        except MissingError as error:
            raise _no_upload(upload) from error
        if state.plain and etag != hashlib.md5(data, usedforsecurity=False).hexdigest():
            raise self._spoilt(upload)

    def finish(self, upload: str, *, progress: Progress | None = None) -> S3Staged:
        """Put the parts together, read the whole back, hash it, and return it; the upload stays until that is kept.

        Raises:
            MissingError: ``no-upload``.
            UnavailableError: when the store does not answer; ``store-altered``, when it has other bytes than it got.
        """
        with self._names.held(upload):
            here = self._here(upload, whole=True)
            if here.finished is None:
                try:
                    self._complete(upload, here)
                except MissingError:  # another process did it meanwhile, or it was abandoned
                    here = self._here(upload, whole=True)
                    if here.finished is None:
                        raise
        key = self._key(upload, "whole")
        content, etag = _read_back(self._bucket, key, here, progress)
        return S3Staged(self._bucket, self._names, content, key, etag, self._key(upload, "state"))

    def _complete(self, upload: str, here: _Here) -> None:
        if here.lost:
            raise trouble.altered("bytes of an upload that it took are not there; ask for the offset, and go on there")
        key = self._key(upload, "whole")
        multipart = Multipart(self._bucket, key, here.state.multipart, here.parts)
        if here.size == 0:  # a multipart upload has one part at least
            self._bucket.ask("put_object", Key=key, Body=b"", ContentMD5=md5_header(b""))
            multipart.abort()
            return
        if here.tail:
            self._send_part(upload, multipart, len(here.parts) + 1, here.tail, here.state)
        multipart.complete(here.size)

    def abandon(self, upload: str) -> None:
        """Drop an upload; harmless when there is none.

        Raises:
            UnavailableError: when the store does not answer.
        """
        try:
            state = State.read(self._bucket, self._key(upload, "state"), whole=False)
        except MissingError:
            return
        Multipart(self._bucket, self._key(upload, "whole"), state.multipart).abort()
        self._bucket.drop(self._key(upload, "state"), self._key(upload, "whole"))

    def _key(self, upload: str, name: str) -> str:
        if _ID.fullmatch(upload) is None:
            raise _no_upload(upload)
        return f"{self._bucket.prefix}{UPLOADS}{upload}/{name}"

    def _here(self, upload: str, *, whole: bool) -> _Here:
        try:
            state = State.read(self._bucket, self._key(upload, "state"), whole=whole)
        except MissingError as error:
            raise _no_upload(upload) from error
        key = self._key(upload, "whole")
        for wait in (*_WAITS, None):
            try:
                parts = self._parts(key, state.multipart)
            except MissingError as error:
                finished = self._bucket.head(key)
                if finished is None:
                    raise _no_upload(upload) from error
                return _Here(state, (), finished.size, finished)
            start = sum(part_size(number) for number, _ in parts)
            if start >= state.start:
                size = start if start > state.start else start + state.length
                return _Here(state, parts, size)
            if wait is not None:  # the list is older than the state that was written after it
                time.sleep(wait)
        # Whatever was lost there comes again, when the client is told how little is here.
        return _Here(state, parts, start, lost=True)

    def _parts(self, key: str, multipart: str) -> tuple[tuple[int, str], ...]:
        """Return the full parts, in order, up to the first gap; a short one is of a ``finish`` that did not end."""
        found: list[tuple[int, str]] = []
        for number, etag, size in self._bucket.parts(key, multipart):
            if number != len(found) + 1 or size != part_size(number):
                break
            found.append((number, etag))
        return tuple(found)


class _PartMd5s:
    """The ETag that a multipart object has where ETags are MD5: that of all parts' MD5s, a dash, their number."""

    def __init__(self) -> None:
        self._all = hashlib.md5(usedforsecurity=False)
        self._part = hashlib.md5(usedforsecurity=False)
        self._left = part_size(1)
        self._number = 1
        self._any = False

    def add(self, data: memoryview) -> None:
        """Take the next bytes."""
        while len(data):
            if not self._left:
                self._end()
            taken = data[: self._left]
            self._part.update(taken)
            self._left -= len(taken)
            self._any = True
            data = data[len(taken) :]

    def _end(self) -> None:
        self._all.update(self._part.digest())
        self._part = hashlib.md5(usedforsecurity=False)
        self._number += 1
        self._left = part_size(self._number)

    def comparable(self, etag: str) -> bool:
        """Say whether an ETag has the form of ours."""
        return len(etag) == len(self.etag()) and etag[32:] == self.etag()[32:]

    def etag(self) -> str:
        """Return it; for no bytes at all, that of an object which was put in one request."""
        if not self._any:
            return self._part.hexdigest()
        whole = self._all.copy()
        whole.update(self._part.digest())
        return f"{whole.hexdigest()}-{self._number}"


def _read_back(bucket: Bucket, key: str, here: _Here, progress: Progress | None) -> tuple[Content, str]:
    """Hash what the store has; believe it when the ETag fits or, where that is no digest, when two readings agree.

    Nobody here has the bytes any more, so what was altered on the way back would get a digest of its own.
    """
    before = ""
    for tell in (progress, None, None):
        digests, parts = Digests(here.size), _PartMd5s()
        works: list[Work] = [*digests.parts, parts.add]
        head = read_through(bucket, key, here.size, works, tell)
        if head is None:
            raise trouble.altered(f"an upload of {here.size} bytes has another size now")
        told = here.state.plain and parts.comparable(head.etag)
        if head.etag == parts.etag() if told else digests.sha256 == before:
            return Content(**digests.facts()), head.etag
        before = digests.sha256
    raise trouble.altered("an upload is not what was sent, or another each time that it is read")


def _no_upload(upload: str) -> MissingError:
    return MissingError(
        f"there is no upload {upload!r}",
        code="no-upload",
        hint="It was kept, given up or swept, or never begun: begin another.",
    )


def _wrong_offset(size: int) -> ConflictError:
    return ConflictError(
        f"this upload has {size} bytes", code="wrong-offset", hint=f"Go on from offset {size}.", offset=size
    )
