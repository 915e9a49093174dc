"""Bytes in the store under a temporary key, and how they get their own."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Final, Self
from weakref import WeakValueDictionary

from herdbook.kernel.errors import InvalidError, MissingError, UnavailableError
from herdbook.model.files import Content
from herdbook.stores.s3 import sending, trouble
from herdbook.stores.s3.bucket import Bucket

TEMPORARY: Final = "tmp/"
UPLOADS: Final = "uploads/"


def blob_key(bucket: Bucket, sha256: str) -> str:
    """Return where the blob of a checked digest lies."""
    hexdigits = sha256.removeprefix("sha256:")
    return f"{bucket.prefix}{hexdigits[:2]}/{hexdigits}"


class Names:
    """Locks by name, made when they are needed; and the temporary keys that somebody in this process still needs."""

    def __init__(self) -> None:
        self.live: set[str] = set()
        self._locks: WeakValueDictionary[str, threading.Lock] = WeakValueDictionary()
        self._guard = threading.Lock()

    @contextlib.contextmanager
    def held(self, name: str) -> Iterator[None]:
        """Be the only one in this process that does something about a name."""
        with self._guard:
            lock = self._locks.get(name)
            if lock is None:
                lock = self._locks[name] = threading.Lock()
        with lock:
            yield


class S3Staged:
    """Bytes that are in the store under a temporary key, read back, and not yet kept; as a context, discarded.

    What is dropped without a word stays until a sweep takes it, a finished upload for a week.
    """

    def __init__(self, bucket: Bucket, names: Names, content: Content, key: str, etag: str, *beside: str) -> None:
        """Take what was staged under ``key`` and has this ETag there; the objects ``beside`` go when it goes."""
        self.content = content
        self._etag = etag
        self._bucket = bucket
        self._names = names
        self._key = key
        self._beside = beside
        self._kept = False
        self._dropped = False

    def keep(self) -> bool:
        """Copy the bytes to their own key, within the store; say whether they are new here, or were there only in part.

        Of several processes that keep the same bytes at the same moment more than one may be told that they are new.

        Raises:
            UnavailableError: when the store refuses or has another size then; or a sweep took the bytes meanwhile.
            DeniedError: when we may not write there.
            InvalidError: after ``discard``.
        """
        if self._kept:
            return False
        if self._dropped:
            raise InvalidError("these bytes were discarded", code="discarded", hint="Stage them again.")
        target = blob_key(self._bucket, self.content.sha256)
        with self._names.held(target):
            there = self._bucket.head(target)
            new = there is None or there.size != self.content.size
            if new:
                self._copy(target)
        self._kept = True
        self._forget()
        return new

    def _copy(self, target: str) -> None:
        try:
            etag = sending.copy(self._bucket, self._key, target, self.content.size)
        except MissingError as error:
            raise UnavailableError(
                f"the staged bytes of {self.content.sha256} are gone", code="staged-gone", hint="Stage them once more."
            ) from error
        found = self._bucket.soon(lambda: self._bucket.head(target))
        if found is None or found.size != self.content.size or not self._may_be(etag):
            if found is not None:
                self._bucket.drop_quietly(target)
            raise trouble.altered(f"the copy of {self.content.sha256} within the store is another")

    def _may_be(self, etag: str) -> bool:
        """Say whether a copy may have this ETag; it tells something where that of the original was its MD5."""
        return self._etag != self.content.md5.removeprefix("md5:") or etag in {"", self._etag}

    def discard(self) -> None:
        """Drop the temporary bytes; harmless after ``keep``."""
        if not self._kept and not self._dropped:
            self._dropped = True
            self._forget()

    def _forget(self) -> None:
        self._names.live.discard(self._key)
        # What stands beside goes first: without it nobody takes the rest for an upload that goes on.
        self._bucket.drop_quietly(*self._beside, self._key)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.discard()

    def __del__(self) -> None:
        # No request from here: it may come at any moment, in any thread. A sweep takes the bytes.
        with contextlib.suppress(AttributeError):
            self._names.live.discard(self._key)

    def __repr__(self) -> str:
        return f"<S3Staged {self.content.sha256}, {self.content.size} bytes>"
