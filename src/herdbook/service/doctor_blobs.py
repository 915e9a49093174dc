"""Are the bytes there that records name, and are they what their digests say?"""

from __future__ import annotations

import hashlib
import os
import zlib
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

from herdbook.kernel.errors import HerdbookError
from herdbook.model.files import Content
from herdbook.ports.admin import Step
from herdbook.service import garbage
from herdbook.service.context import Context
from herdbook.service.findings import Findings

LOOK = 500
BUFFER = 2**20
T = TypeVar("T")


class Blobs:
    """Checks blobs against what records need.

    Args:
        context: the registry.
        needs: what records name, with the size in bytes where they say it.
        findings: where it says what it finds.
    """

    def __init__(self, context: Context, needs: Mapping[str, int | None], findings: Findings) -> None:
        self.count = 0
        self.bytes = 0
        self._context = context
        self._needs = needs
        self._findings = findings

    def check(self, *, read: bool, step: Step | None) -> None:
        """Look for what is needed, and with ``read`` read every byte of what is here."""
        listed = list(self._context.blobs.list())
        self.count = len(listed)
        self.bytes = sum(size for _, size in listed)
        for part in _parts(sorted(self._needs)):
            self._needed(part)
        free = 0
        for rows in _parts(listed):
            with self._context.catalogue.read() as tx:
                needed, leased = garbage.protected(self._context, tx, [sha256 for sha256, _ in rows])
            free += sum(sha256 not in needed | leased for sha256, _ in rows)
        if free:
            self._findings.note("garbage", f"{free} blobs are needed by nothing; `herdbook gc` removes them")
        if read:
            self._read(listed, step)

    def _needed(self, sha256s: list[str]) -> None:
        sizes = {sha256: self._context.blobs.size(sha256) for sha256 in sha256s}
        with self._context.catalogue.read() as tx:  # after the sizes: what a purge dropped meanwhile is no loss
            held = tx.contents(sha256s)
            needed = tx.needed([sha256 for sha256, size in sizes.items() if size is None])
        for sha256, size in sizes.items():
            told = self._needs[sha256]
            if size is None and sha256 in needed:
                self._missing(sha256, held=sha256 in held)
            elif size is not None and sha256 not in held:
                self._findings.warning("contents-unknown", "its bytes are here, its other digests are not", sha256)
            elif size is not None and told not in {None, size}:
                self._findings.error("blob-size", f"it has {size} bytes, and a record says {told}", sha256)

    def _missing(self, sha256: str, *, held: bool) -> None:
        if held:
            self._findings.error(
                "blob-gone", "the bytes were here and are gone: bring them from a backup, a bundle or a mirror", sha256
            )
        else:
            self._findings.note("blob-absent", "a record names it, and its bytes were never here", sha256)

    def _read(self, listed: list[tuple[str, int]], step: Step | None) -> None:
        done = 0
        threads = os.cpu_count() or 1
        waiting: deque[tuple[str, int, Future[Content | HerdbookError]]] = deque()
        with ThreadPoolExecutor(threads, thread_name_prefix="herdbook-doctor") as pool:
            for rows in _parts(listed):
                with self._context.catalogue.read() as tx:
                    told = tx.contents(sha256 for sha256, _ in rows)
                waiting.extend((sha256, size, pool.submit(self._content, sha256)) for sha256, size in rows)
                while waiting:
                    sha256, size, future = waiting.popleft()
                    self._compare(sha256, future.result(), told.get(sha256))
                    done += size
                    if step:
                        step("reading blobs", done, self.bytes)

    def _compare(self, sha256: str, found: Content | HerdbookError, told: Content | None) -> None:
        if isinstance(found, Content):
            if told is not None and told != found:
                self._findings.error("contents-differ", "the table has other digests, or another size, for it", sha256)
        elif found.code != "blob-missing":  # removed while we looked: said above when it was needed
            self._findings.error(found.code, found.message, sha256)

    def _content(self, sha256: str) -> Content | HerdbookError:
        """Read a blob and return all its digests, or what is wrong."""
        md5, sha1, adler, size = hashlib.md5(usedforsecurity=False), hashlib.sha1(usedforsecurity=False), 1, 0
        try:
            blob = self._context.blobs.open(sha256)
            try:
                sha1.update(b"blob %d\0" % blob.size)
                with blob.stream() as stream:  # this checks the sha256 as it goes
                    while data := stream.read(BUFFER):
                        md5.update(data)
                        sha1.update(data)
                        adler = zlib.adler32(data, adler)
                        size += len(data)
            finally:
                blob.close()
        except HerdbookError as error:
            return error
        return Content(
            size=size,
            sha256=sha256,
            md5=f"md5:{md5.hexdigest()}",
            adler32=f"adler32:{adler:08x}",
            git_sha1=f"git-sha1:{sha1.hexdigest()}",
        )


def _parts(items: Iterable[T]) -> Iterator[list[T]]:
    rest = iter(items)
    while part := list(islice(rest, LOOK)):
        yield part
