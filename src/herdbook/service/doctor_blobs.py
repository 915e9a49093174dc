"""Are the bytes there that records name, and are they what their digests say?"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import TypeVar

from herdbook.kernel.errors import HerdbookError, UnavailableError
from herdbook.model.files import Content
from herdbook.ports.admin import Step
from herdbook.service import blob_checks, garbage
from herdbook.service.context import Context
from herdbook.service.findings import Findings
from herdbook.service.in_order import in_order
from herdbook.service.tiers import named

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
        self._stores = named(context.blobs)
        self._sizes: dict[str, dict[str, int]] = {}

    def check(self, *, read: bool, step: Step | None) -> None:
        """Look for what is needed in every store, and with ``read`` read every byte of what is here."""
        for name, store in self._stores.items():
            try:
                self._sizes[name] = dict(store.list())
            except UnavailableError as error:
                self._findings.error("store-away", f"the blob store {name} was not looked at: {error.message}", name)
        every = sorted(set().union(*self._sizes.values()))
        listed = [(sha256, self._copies(sha256)) for sha256 in every]
        self.count = len(listed)
        self.bytes = sum(next(iter(sizes.values())) for _, sizes in listed)
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

    def _copies(self, sha256: str) -> dict[str, int]:
        """Return how large a blob is in each store that has it, in their order."""
        return {name: sizes[sha256] for name, sizes in self._sizes.items() if sha256 in sizes}

    def _needed(self, sha256s: list[str]) -> None:
        copies = {sha256: self._copies(sha256) for sha256 in sha256s}
        with self._context.catalogue.read() as tx:  # after the sizes: what a purge dropped meanwhile is no loss
            held = tx.contents(sha256s)
            needed = tx.needed([sha256 for sha256, here in copies.items() if len(here) < len(self._stores)])
        for sha256, here in copies.items():
            told = self._needs[sha256]
            if not here and sha256 in needed:
                self._missing(sha256, held=sha256 in held)
            elif here and sha256 not in held:
                self._findings.warning("contents-unknown", "its bytes are here, its other digests are not", sha256)
            elif here and told is not None and told not in here.values():
                size = next(iter(here.values()))
                self._findings.error("blob-size", f"it has {size} bytes, and a record says {told}", sha256)
            elif here and sha256 in needed:
                self._lacking([name for name in self._sizes if name not in here], sha256)

    def _lacking(self, names: list[str], sha256: str) -> None:
        for name in names:
            self._findings.warning(
                "copy-missing", f"the blob store {name} lacks it: `herdbook store repair` brings it", sha256
            )

    def _missing(self, sha256: str, *, held: bool) -> None:
        if len(self._sizes) < len(self._stores):
            return  # it may be in the store that is away, which was said
        if held:
            self._findings.error(
                "blob-gone", "the bytes were here and are gone: bring them from a backup, a bundle or a mirror", sha256
            )
        else:
            self._findings.note("blob-absent", "a record names it, and its bytes were never here", sha256)

    def _read(self, listed: list[tuple[str, dict[str, int]]], step: Step | None) -> None:
        done, total = 0, sum(sum(sizes.values()) for _, sizes in listed)
        bad: dict[str, list[str]] = {name: [] for name in self._sizes}
        for rows in _parts(listed):
            with self._context.catalogue.read() as tx:
                told = tx.contents(sha256 for sha256, _ in rows)
            reads = [(name, sha256, size) for sha256, sizes in rows for name, size in sizes.items()]
            found: dict[str, dict[str, Content | HerdbookError]] = {}
            for (name, sha256, size), content in in_order(self._content, reads):
                found.setdefault(sha256, {})[name] = content
                done += size
                if step:
                    step("reading blobs", done, total)
            for sha256, contents in found.items():
                for name in self._compare(sha256, contents, told.get(sha256)):
                    bad[name].append(sha256)
        for name, sha256s in bad.items():
            blob_checks.remember(self._context, name, sha256s)

    def _compare(self, sha256: str, found: Mapping[str, Content | HerdbookError], told: Content | None) -> list[str]:
        """Say what is wrong with copies of a blob; return which are, where another one is sound."""
        sound = [content for content in found.values() if isinstance(content, Content)]
        if sound and told is not None and told != sound[0]:
            self._findings.error("contents-differ", "the table has other digests, or another size, for it", sha256)
        wrong = {name: error for name, error in found.items() if isinstance(error, HerdbookError)}
        wrong = {name: error for name, error in wrong.items() if error.code != "blob-missing"}  # removed meanwhile
        for name, error in wrong.items():
            if sound:
                message = f"corrupt in the blob store {name}, sound in another: `herdbook store repair` replaces it"
                self._findings.warning("copy-corrupt", message, sha256)
            else:
                where = "" if len(self._stores) == 1 else f"in the blob store {name}: "
                self._findings.error(error.code, where + error.message, sha256)
        return list(wrong) if sound else []

    def _content(self, copy: tuple[str, str, int]) -> Content | HerdbookError:
        """Read a blob and return all its digests, or what is wrong."""
        name, sha256, _ = copy
        md5, sha1, adler, size = hashlib.md5(usedforsecurity=False), hashlib.sha1(usedforsecurity=False), 1, 0
        try:
            blob = self._stores[name].open(sha256)
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
