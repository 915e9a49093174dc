"""The noun ``files`` over HTTP: bytes in piece by piece, verified bytes out through the cache."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import BinaryIO

from herdbook.client.calls import Calls, asked
from herdbook.client.downloads import Downloads, Wanted
from herdbook.client.transport import Query, bad_answer
from herdbook.client.uploads import Uploads
from herdbook.kernel import digests as digests_
from herdbook.kernel.errors import UnavailableError
from herdbook.model.files import Content
from herdbook.model.registrations import FileCheck
from herdbook.model.versions import Registered
from herdbook.ports.blobs import Progress
from herdbook.ports.registry import Versions
from herdbook.wire import files as wire

THREADS = 8
"""How many files are put at once; of large ones two."""
VERIFY_S = 3600.0
"""Seconds of silence that are borne while a server reads files again."""


class Files:
    """Files, as the façade gives them."""

    def __init__(self, calls: Calls, versions: Versions, uploads: Uploads, downloads: Downloads) -> None:
        self._calls = calls
        self._versions = versions
        self._uploads = uploads
        self._downloads = downloads

    def put(self, source: BinaryIO, *, progress: Progress | None = None) -> Content:
        """Store bytes at the server and return their digests."""
        return self._uploads.put(source, progress)

    def put_many(self, sources: Sequence[BinaryIO], *, progress: Progress | None = None) -> list[Content]:
        """Store several, each by one of a few threads."""
        if len(sources) < 2:
            return [self._uploads.put(source, progress) for source in sources]
        lock, stop = threading.Lock(), threading.Event()

        def tell(count: int) -> None:
            if stop.is_set():
                raise UnavailableError("stopped", code="stopped", hint="Put them again.")
            with lock:
                if progress:
                    progress(count)

        with ThreadPoolExecutor(min(THREADS, len(sources)), thread_name_prefix="herdbook-put") as threads:
            try:
                return list(threads.map(lambda source: self._uploads.put(source, tell), sources))
            except BaseException:
                stop.set()  # the others end at their next piece
                threads.shutdown(wait=False, cancel_futures=True)
                raise

    def open(self, reference: str, path: str, *, progress: Progress | None = None) -> BinaryIO:
        """Open a file of a version as a verified stream; it is brought into the cache first."""
        entry = self._versions.get(reference)
        query: Query = {"reference": f"{entry.model}@{entry.ordinal}", "path": path}
        file = entry.version.file(path)
        if file is not None and file.resolved:
            return self._downloads.bring(Wanted(wire.OPEN, query, file.digest, file.size), progress).stream()
        sha256 = self._downloads.known_as(wire.OPEN, query)
        if not sha256:
            raise bad_answer("the server does not say what the file is that it gives")
        named = None if file is None else file.digest
        return self._downloads.bring(Wanted(wire.OPEN, query, sha256, named=named), progress).stream()

    def blob(self, namespace: str, sha256: str) -> BinaryIO:
        """Open bytes that a record of a namespace names, as a verified stream."""
        digests_.check_sha256(sha256)
        query: Query = {"namespace": namespace, "digest": sha256}
        if self._downloads.cached(sha256):
            self._downloads.known_as(wire.BLOB, query)  # whether one may have it is for the server to say
        return self._downloads.bring(Wanted(wire.BLOB, query, sha256)).stream()

    def verify(self, reference: str, *, progress: Progress | None = None) -> list[FileCheck]:
        """Let the server read the files of a version again and compare."""
        found = self._calls.post(wire.VERIFY, asked(wire.Verify, reference=reference), read=VERIFY_S)
        if progress:
            progress(self._versions.get(reference).version.size or 0)
        return found

    def supply(self, sha256s: Sequence[str]) -> list[Registered]:
        """Let bytes that were put resolve unresolved versions of this principal."""
        return self._calls.post(wire.SUPPLY, asked(wire.Supply, sha256s=tuple(sha256s)))

    def find(self, namespace: str, digests: Sequence[str]) -> dict[str, Content]:
        """Return contents that one may name in a namespace without bringing the bytes."""
        return self._calls.post(wire.FIND, asked(wire.Find, namespace=namespace, digests=tuple(digests)))
