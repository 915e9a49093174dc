"""Bytes on their way into the store: in parts, hashed as they go, and read back before anybody believes that they came.

An ETag proves what a store received, not what it holds: it may be no digest at all (encrypted buckets), and a store
that lost or mangled the bytes still answers with it. So what is staged is read back and its sha256 compared, always.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import mmap
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any, BinaryIO, Final

from herdbook.kernel.errors import HerdbookError
from herdbook.kernel.hashing import BUFFER, Digests
from herdbook.kernel.ring import Ring
from herdbook.kernel.sources import Source
from herdbook.model.files import Content
from herdbook.ports.blobs import Progress
from herdbook.stores.s3 import trouble
from herdbook.stores.s3.bucket import Bucket, Head
from herdbook.stores.s3.reading import Ranges

PART: Final = 8 << 20
"""Bytes of the first thousand parts; S3 wants 5 MiB at least. Up to this size one request does."""
SENDERS: Final = 2
COPY_WHOLE: Final = 5 << 30
"""Bytes that one CopyObject copies at most. Source: Amazon S3 API reference, CopyObject."""
COPY_PART: Final = 1 << 30
"""Bytes of a part that is copied, above that."""
_READINGS: Final = 2

Work = Callable[[memoryview], object]
"""Something that is given all bytes, in order."""


def part_size(number: int) -> int:
    """Return the size in bytes of a part, from 1 on: twice that each thousand, for S3 takes 10 000 parts at most.

    It depends on the number alone, so that two who send the same bytes cut them alike.
    """
    return PART << ((number - 1) // 1000)


def md5_header(data: bytes | bytearray) -> str:
    """Return the value of Content-MD5 (RFC 1864), by which the store notices what was altered on the way."""
    return base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()


class Multipart:
    """A multipart upload; parts may be sent by several threads."""

    def __init__(self, bucket: Bucket, key: str, upload: str, parts: Iterable[tuple[int, str]] = ()) -> None:
        self._bucket = bucket
        self.key = key
        self.upload = upload
        self._etags = {number: etag.strip('"') for number, etag in parts}
        self._lock = threading.Lock()

    @classmethod
    def begin(cls, bucket: Bucket, key: str) -> Multipart:
        """Begin one in the store."""
        return cls(bucket, key, bucket.ask("create_multipart_upload", Key=key)["UploadId"])

    def send(self, number: int, data: bytes | bytearray) -> str:
        """Send a part; return its ETag."""
        answer = self._bucket.ask(
            "upload_part",
            Key=self.key,
            UploadId=self.upload,
            PartNumber=number,
            Body=data,
            ContentMD5=md5_header(data),
        )
        return self.has(number, answer["ETag"])

    def has(self, number: int, etag: str) -> str:
        """Note that a part is there."""
        with self._lock:
            self._etags[number] = etag.strip('"')
        return self._etags[number]

    def fits(self, parts: Iterable[tuple[int, str]]) -> bool:
        """Say whether none of these parts is another than what was sent under its number."""
        return all(self._etags.get(number, etag) == etag for number, etag in parts)

    def complete(self, size: int) -> None:
        """Put the parts together; done already, as when an answer was lost, is done.

        Raises:
            HerdbookError: as the store says, when no object of this size is there then.
        """
        parts = [{"PartNumber": number, "ETag": f'"{etag}"'} for number, etag in sorted(self._etags.items())]
        try:
            self._bucket.ask(
                "complete_multipart_upload",
                patient=True,
                Key=self.key,
                UploadId=self.upload,
                MultipartUpload={"Parts": parts},
            )
        except HerdbookError:
            found = None
            with contextlib.suppress(HerdbookError):
                found = self._bucket.head(self.key)
            if found is None or found.size != size:
                raise

    def abort(self) -> None:
        """Drop all parts; a later sweep takes what cannot be dropped now."""
        with contextlib.suppress(HerdbookError):
            self._bucket.ask("abort_multipart_upload", Key=self.key, UploadId=self.upload)


def send(bucket: Bucket, key: str, stream: BinaryIO, progress: Progress | None) -> tuple[Content, str]:
    """Send what is left in ``stream`` to ``key``, and read it back; memory stays flat. Return what it is and its ETag.

    Raises:
        InvalidError: when the source is not a stream of bytes.
        UnavailableError: when the source cannot be read, or the store does not take it, or has other bytes than it got.
    """
    source = Source(stream)
    digests = Digests(source.size)
    # Of anonymous pages, so that a small file costs no more memory than it has bytes.
    first = memoryview(mmap.mmap(-1, PART))
    count = source.fill(first)
    if count < PART:
        source.check(count)
        _tell(progress, count)
        for work in digests.parts:
            work(first[:count])
        data = bytes(first[:count])
        bucket.ask("put_object", Key=key, Body=data, ContentMD5=md5_header(data))
    else:
        multipart = Multipart.begin(bucket, key)
        try:
            _send_parts(multipart, source, first, digests, progress)
            source.check(digests.size)
            multipart.complete(digests.size)
        except BaseException:
            multipart.abort()
            raise
    etag = _prove(bucket, key, digests)
    return Content(**digests.facts()), etag


def _send_parts(
    multipart: Multipart, source: Source, first: memoryview, digests: Digests, progress: Progress | None
) -> None:
    with Ring(digests.parts, PART, most=SENDERS + 1, beside=SENDERS) as ring:
        index, view = ring.take()
        view[:] = first
        count, number = len(first), 1
        while count:
            _tell(progress, count)
            ring.give(index, count, _sender(multipart, number))
            number += 1
            size = part_size(number)
            index, view = ring.take(size)
            count = source.fill(view[:size])
            source.check_broken()


def _sender(multipart: Multipart, number: int) -> Callable[[memoryview], object]:
    return lambda data: multipart.send(number, bytes(data))


def _tell(progress: Progress | None, count: int) -> None:
    if progress is not None and count:
        progress(count)


def _prove(bucket: Bucket, key: str, digests: Digests) -> str:
    """Read back what the store has, and compare; return its ETag. git's digest is made too where it was not."""
    wanted, git_known = digests.sha256, digests.git_known
    for _ in range(_READINGS):  # what was altered on the way back is not altered in the store
        found = hashlib.sha256()
        works: list[Work] = [found.update] if git_known else [found.update, digests.git_again()]
        head = read_through(bucket, key, digests.size, works)
        if head is not None and f"sha256:{found.hexdigest()}" == wanted:
            return head.etag
    raise trouble.altered(f"{digests.size} bytes were sent, and they do not come back")


def read_through(
    bucket: Bucket, key: str, size: int, works: Sequence[Work], progress: Progress | None = None
) -> Head | None:
    """Give the bytes of an object that was just made to all ``works``; ``None`` when it has not ``size`` bytes."""
    if size <= BUFFER:  # one request instead of two
        found = bucket.soon(lambda: bucket.get(key, size + 1))
        if found is None or len(found[0]) != size:
            return None
        for work in works:
            work(memoryview(found[0]))
        _tell(progress, size)
        return Head(size, found[1])
    head = bucket.soon(lambda: bucket.head(key))
    if head is None or head.size != size:
        return None
    feed(bucket, key, size, works, progress)
    return head


def feed(bucket: Bucket, key: str, size: int, works: Sequence[Work], progress: Progress | None = None) -> None:
    """Give an object's bytes, ``size`` of them, to all ``works``; memory stays flat.

    Raises:
        CorruptError: ``blob-cut``, when it has another size.
        UnavailableError: when the store does not answer.
    """
    ranges = Ranges(bucket, key, size)
    try:
        with Ring(works, BUFFER) as ring:
            offset = 0
            while offset < size:
                index, view = ring.take()
                count = min(len(view), size - offset)
                ranges.read(offset, view[:count])
                ring.give(index, count)
                offset += count
                _tell(progress, count)
    finally:
        ranges.close()


def copy(bucket: Bucket, source: str, target: str, size: int) -> str:
    """Copy an object within the store, by the store; return the ETag of the copy, empty where it tells nothing.

    Raises:
        MissingError: when the source is not there.
    """
    origin = {"Bucket": bucket.name, "Key": source}
    if size <= COPY_WHOLE:
        answer: dict[str, Any] = bucket.ask("copy_object", patient=True, Key=target, CopySource=origin)
        return str(answer["CopyObjectResult"].get("ETag", "")).strip('"')
    multipart = Multipart.begin(bucket, target)
    try:
        for number, start in enumerate(range(0, size, COPY_PART), 1):
            answer = bucket.ask(
                "upload_part_copy",
                patient=True,
                Key=target,
                UploadId=multipart.upload,
                PartNumber=number,
                CopySource=origin,
                CopySourceRange=f"bytes={start}-{min(size, start + COPY_PART) - 1}",
            )
            multipart.has(number, answer["CopyPartResult"]["ETag"])
        multipart.complete(size)
    except BaseException:
        multipart.abort()
        raise
    return ""
