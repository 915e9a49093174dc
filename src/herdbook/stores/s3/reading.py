"""A kept blob in the store, open: ranged reads, and a stream that hands out no wrong byte."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from typing import Any, BinaryIO, Final, Self, cast

from botocore.exceptions import BotoCoreError
from urllib3.exceptions import HTTPError

from herdbook.kernel.errors import CorruptError, HerdbookError, InvalidError, MissingError
from herdbook.kernel.verified import RawVerified, VerifiedStream
from herdbook.stores.s3 import trouble
from herdbook.stores.s3.bucket import Bucket

BLOCK: Final = 1 << 18
"""Bytes asked for at least; small reads are answered from blocks of this size."""
_BLOCKS: Final = 16
_PIECE: Final = 1 << 20
_TRIES: Final = 4
"""How often a connection may break without one byte coming between."""


class Ranges:
    """Reads an object at an offset. Who reads on where the last read ended gets one answer that goes on to the end.

    Args:
        settled: how many reads must follow one another before that is believed.
    """

    def __init__(self, bucket: Bucket, key: str, size: int, *, settled: int = 1) -> None:
        self._bucket = bucket
        self._key = key
        self._size = size
        self._settled = settled
        self._body: Any = None
        self._at = 0
        self._until = 0
        self._run = 0
        self._lock = threading.Lock()

    def read(self, offset: int, view: memoryview) -> None:
        """Fill ``view`` from ``offset`` on; a connection that breaks is opened again where it broke.

        Raises:
            CorruptError: ``blob-cut``, when the object is not as long as it was when it was opened.
            UnavailableError: when the store does not answer, or breaks off again and again.
        """
        with self._lock:
            self._run = self._run + 1 if offset == self._at else 0
            done = tries = 0
            while done < len(view):
                try:
                    done += self._some(offset + done, view[done:])
                    tries = 0
                except (BotoCoreError, HTTPError, OSError) as error:
                    self._close()
                    tries += 1
                    if tries >= _TRIES:
                        raise self._bucket.translate(error, "get_object") from error
                except MissingError as error:  # some stores take a moment to know what they were given
                    tries += 1
                    if tries >= _TRIES:
                        raise _cut(self._key, "it was deleted") from error
                    time.sleep(0.1 * 2**tries)

    def _some(self, offset: int, view: memoryview) -> int:
        if self._body is None or offset != self._at or self._at >= self._until:
            self._open(offset, len(view))
        count: int = self._body.readinto(view[:_PIECE])
        if count == 0:
            raise ConnectionError("the answer ended before its end")
        self._at += count
        if self._at >= self._until:
            self._close()
        return count

    def _open(self, offset: int, wanted: int) -> None:
        self._close()
        on = self._run >= self._settled
        until = self._size if on else min(self._size, offset + wanted)
        try:
            answer = self._bucket.ask("get_object", Key=self._key, Range=f"bytes={offset}-{until - 1}")
        except HerdbookError as error:
            if error.details.get("status") == 416:
                raise _cut(self._key, "it was cut short") from error
            raise
        self._body, self._at, self._until = answer["Body"], offset, until
        # `bytes FIRST-LAST/SIZE` (RFC 9110 §14.4). A store that knows no ranges answers with the whole.
        told = answer.get("ContentRange", "")
        if told != f"bytes {offset}-{until - 1}/{self._size}":
            self._close()
            if told.startswith(f"bytes {offset}-") and not told.endswith(f"/{self._size}"):
                raise _cut(self._key, "its length is another")
            raise trouble.away("get_object", self._bucket.place, self._bucket.name, "it answers with another range")

    def _close(self) -> None:
        body, self._body = self._body, None
        if body is not None:
            body.close()

    def close(self) -> None:
        """Let go of the connection; a later read opens another."""
        with self._lock:
            self._close()


def _cut(key: str, why: str) -> CorruptError:
    return CorruptError(
        f"the object {key} is not what it was when it was opened: {why}",
        code="blob-cut",
        hint="Bring the file back from a backup or a mirror, or register it once more.",
    )


class S3Blob:
    """A kept blob, open for reading; also a context. What it reads at an offset is not verified, its stream is."""

    def __init__(self, bucket: Bucket, sha256: str, key: str, size: int) -> None:
        self._bucket = bucket
        self._sha256 = sha256
        self._key = key
        self._size = size
        self._ranges = Ranges(bucket, key, size, settled=2)
        self._blocks: OrderedDict[int, bytes] = OrderedDict()
        self._lock = threading.Lock()
        self._open = True

    @property
    def size(self) -> int:
        """How many bytes there are."""
        return self._size

    def read_at(self, offset: int, length: int) -> bytes:
        """Return ``length`` bytes from ``offset`` on; fewer only at the end.

        Raises:
            CorruptError: when the object was cut short since it was opened.
            UnavailableError: when the store does not answer.
            InvalidError: on a negative number, or after ``close``.
        """
        if offset < 0 or length < 0:
            raise InvalidError(f"no bytes at offset {offset}, length {length}", code="bad-range")
        if not self._open:
            raise InvalidError(f"{self._sha256} is closed", code="closed", hint="Open the blob again.")
        wanted = max(0, min(length, self._size - offset))
        if wanted >= BLOCK:
            data = bytearray(wanted)
            self._ranges.read(offset, memoryview(data))
            return bytes(data)
        parts = []
        while wanted:
            start = offset - offset % BLOCK
            part = self._block(start)[offset - start : offset - start + wanted]
            parts.append(part)
            offset += len(part)
            wanted -= len(part)
        return b"".join(parts)

    def _block(self, start: int) -> bytes:
        with self._lock:
            if start not in self._blocks:
                data = bytearray(min(BLOCK, self._size - start))
                self._ranges.read(start, memoryview(data))
                self._blocks[start] = bytes(data)
                if len(self._blocks) > _BLOCKS:
                    self._blocks.popitem(last=False)
            self._blocks.move_to_end(start)
            return self._blocks[start]

    def stream(self) -> BinaryIO:
        """Return a seekable, verified stream, which stays good after this blob is closed.

        Raises:
            CorruptError: while reading, when the bytes are not what the digest says.
            UnavailableError: while reading, when the store does not answer.
        """
        if not self._open:
            raise InvalidError(f"{self._sha256} is closed", code="closed", hint="Open the blob again.")
        ranges = Ranges(self._bucket, self._key, self._size)
        raw = RawVerified(self._sha256, self._size, ranges.read, ranges.close)
        return cast("BinaryIO", VerifiedStream(raw))  # typing's BinaryIO is no base class for a real stream

    def close(self) -> None:
        """Let go of the connection and of what is held in memory."""
        self._open = False
        self._ranges.close()
        self._blocks.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<S3Blob {self._sha256}, {self._size} bytes>"
