"""The blob store in a bucket: ``PREFIX/9c/9c02…``, temporary objects in ``PREFIX/tmp/``, ``PREFIX/uploads/``.

Nothing is ever at the key of a digest before its bytes were read back from the store and have that digest. Nothing
here relies on conditional writes, on checksums that the store makes, or on what it says about its success.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO, Final

from herdbook.kernel import digests
from herdbook.kernel.errors import HerdbookError, MissingError
from herdbook.kernel.verified import wrong
from herdbook.ports.blobs import Progress, Uploads
from herdbook.stores.s3 import sending, sweeping
from herdbook.stores.s3.bucket import Bucket
from herdbook.stores.s3.reading import S3Blob
from herdbook.stores.s3.staged import TEMPORARY, Names, S3Staged, blob_key
from herdbook.stores.s3.uploads import S3Uploads

if TYPE_CHECKING:
    from herdbook.ports.blobs import BlobStore

_KEY: Final = re.compile(r"([0-9a-f]{2})/(\1[0-9a-f]{62})")


class S3Blobs:
    """Blobs below one prefix of a bucket, which must be there. May be shared by threads, processes and machines.

    Credentials come from boto3's standard chain alone: the environment, a profile, the machine's role. Foreign objects
    are left alone.

    Args:
        bucket: its name.
        prefix: below which keys; slashes at its ends are dropped.
        endpoint: ``https://HOST[:PORT]``; ``None`` for Amazon's own, or what AWS_ENDPOINT_URL_S3 says.
        region: as the provider says; ``None`` for what the environment or the profile says.
        path_style: whether the bucket stands in the path of a URL, which every store but Amazon's wants.

    Raises:
        InvalidError: ``s3-bad-endpoint``.
    """

    def __init__(
        self,
        bucket: str,
        prefix: str = "",
        *,
        endpoint: str | None = None,
        region: str | None = None,
        path_style: bool = True,
    ) -> None:
        self._bucket = Bucket(bucket, prefix, endpoint, region, path_style=path_style)
        self._names = Names()
        self.uploads: Uploads = S3Uploads(self._bucket, self._names)

    def stage(self, source: BinaryIO, *, progress: Progress | None = None) -> S3Staged:
        """Copy a stream to a temporary key, computing all digests in one pass, and read it back; memory stays flat.

        Raises:
            UnavailableError: when the store does not take it, has other bytes than it got (``store-altered``), is full
                (``disk-full``), or the source cannot be read; nothing half-written is left.
            DeniedError: ``s3-denied``, when we may not write there.
            InvalidError: when the source is not a blocking stream of bytes; ``s3-no-bucket``.
        """
        key = f"{self._bucket.prefix}{TEMPORARY}{secrets.token_hex(16)}"
        self._names.live.add(key)
        try:
            content, etag = sending.send(self._bucket, key, source, progress)
        except BaseException as error:
            self._names.live.discard(key)
            if isinstance(error, HerdbookError) and error.code == "store-altered":
                self._bucket.drop_quietly(key)
            raise
        return S3Staged(self._bucket, self._names, content, key, etag)

    def _key(self, sha256: str) -> str:
        return blob_key(self._bucket, digests.check_sha256(sha256))

    def open(self, sha256: str) -> S3Blob:
        """Open a blob.

        Raises:
            MissingError: when it is not here.
            UnavailableError: when the store does not answer.
            InvalidError: when this is not a sha256 digest; ``s3-no-bucket``.
        """
        key = self._key(sha256)
        found = self._bucket.head(key)
        if found is None:
            raise _missing(sha256)
        return S3Blob(self._bucket, sha256, key, found.size)

    def size(self, sha256: str) -> int | None:
        """Return the size in bytes, or ``None`` when the blob is not here.

        Raises:
            UnavailableError: when the store does not answer.
            InvalidError: when this is not a sha256 digest; ``s3-no-bucket``.
        """
        found = self._bucket.head(self._key(sha256))
        return None if found is None else found.size

    def verify(self, sha256: str, *, progress: Progress | None = None) -> None:
        """Read the blob and compare.

        Raises:
            MissingError: when it is not here.
            CorruptError: when its bytes are not what the digest says.
            UnavailableError: when the store does not answer.
            InvalidError: when this is not a sha256 digest; ``s3-no-bucket``.
        """
        key = self._key(sha256)
        head = self._bucket.head(key)
        if head is None:
            raise _missing(sha256)
        found = hashlib.sha256()
        sending.feed(self._bucket, key, head.size, [found.update], progress)
        if f"sha256:{found.hexdigest()}" != sha256:
            raise wrong(sha256, found.hexdigest())

    def delete(self, sha256: str) -> int:
        """Remove a blob; return how many bytes that freed, 0 when it was not here.

        Raises:
            UnavailableError: when the store does not answer.
            DeniedError: when we may not.
        """
        key = self._key(sha256)
        with self._names.held(key):
            found = self._bucket.head(key)
            if found is None:
                return 0
            self._bucket.drop(key)
        return found.size

    def list(self) -> Iterator[tuple[str, int]]:
        """Yield (sha256, size) of every blob, sorted by sha256, a page at a time; foreign objects are not among them.

        Raises:
            UnavailableError: when the store does not answer, or answers in another order.
        """
        last = f"{self._bucket.prefix}g"
        for item in self._bucket.list(self._bucket.prefix):
            if item.key > last:
                return
            match = _KEY.fullmatch(item.key.removeprefix(self._bucket.prefix))
            if match is not None:
                yield f"sha256:{match[2]}", item.size

    def sweep(self, older_than_s: float) -> int:
        """Remove staged bytes whose writer is gone, and uploads that nobody goes on with; return how many bytes.

        Nobody here can see whether a writer on another machine is gone: its bytes are left alone for a day, an upload
        for a week, by the store's own clock, however small ``older_than_s`` is.

        Raises:
            UnavailableError: when the store does not answer.
            DeniedError: when we may not.
        """
        return sweeping.sweep(self._bucket, self._names, older_than_s)

    def close(self) -> None:
        """Close the connections; a later use opens new ones."""
        self._bucket.close()

    def __repr__(self) -> str:
        return f"S3Blobs({self._bucket!r})"


def _missing(sha256: str) -> MissingError:
    return MissingError(
        f"the bytes of {sha256} are not here",
        code="blob-missing",
        hint="Bring them from a backup or a mirror, or register the file once more.",
        sha256=sha256,
    )


if TYPE_CHECKING:
    _: BlobStore = S3Blobs("")
