"""The noun ``files``: bytes in, under a lease; verified bytes out."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, BinaryIO

from herdbook.kernel import digests as digests_
from herdbook.kernel.errors import CorruptError, DeniedError, HerdbookError, MissingError
from herdbook.model.files import Content, File
from herdbook.model.registrations import FileCheck
from herdbook.model.rows import Lease
from herdbook.model.versions import Registered
from herdbook.ports.blobs import Progress, Staged
from herdbook.ports.catalogue import Reader
from herdbook.service import arrivals, downloads, entitlement, facts, journal, references, statements
from herdbook.service.context import LEASE_S, Context

FOUND_AT_ONCE = 5000
"""Digests that are looked up together."""


THREADS = 4
"""How many sources are put at once: two at work for a processor, while others wait for the disk."""


@contextlib.contextmanager
def _lanes(count: int) -> Iterator[Callable[..., Iterable[Any]]]:
    """Give a ``map`` that works in threads where there are several things to do."""
    if count < 2:
        yield map
    else:
        with ThreadPoolExecutor(min(THREADS, count), thread_name_prefix="herdbook-put") as threads:
            yield threads.map


def _in_turn(progress: Progress | None) -> Progress | None:
    """Return a progress that several threads may call: what it calls is called by one at a time."""
    if progress is None:
        return None
    lock, told = threading.Lock(), progress

    def tell(count: int) -> None:
        with lock:
            told(count)

    return tell


class Files:
    """Files, as the façade gives them."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def put(self, source: BinaryIO, *, progress: Progress | None = None) -> Content:
        """Store bytes and return their digests."""
        return self.put_many([source], progress=progress)[0]

    def put_many(self, sources: Sequence[BinaryIO], *, progress: Progress | None = None) -> list[Content]:
        """Store several, all under one lease; several are read by a few threads, each source by one of them.

        The lease stands before a blob has its name: garbage collection never meets it bare. All of them lie on the
        disk under temporary names before the first has its own.
        """
        self._context.readers.prepare()  # they are read when they are registered, as a rule soon
        made: list[Staged] = []
        tell = _in_turn(progress)

        def stage(source: BinaryIO) -> Staged:
            item = self._context.blobs.stage(source, progress=tell)
            made.append(item)  # whatever becomes of the others
            return item

        try:
            with _lanes(len(sources)) as each:  # left when no thread works any more
                staged = list(each(stage, sources))
                contents = {item.content.sha256: item.content for item in staged}
                until = self._context.seconds() + LEASE_S
                leases = [Lease(self._context.principal.id, sha256, until) for sha256 in contents]
                self._context.catalogue.lease(leases, contents.values())
                list(each(lambda item: item.keep(), staged))
        finally:
            for item in made:
                item.discard()
        return [item.content for item in staged]

    def open(self, reference: str, path: str, *, progress: Progress | None = None) -> BinaryIO:  # noqa: ARG002 - for bytes that are not here
        """Open a file of a version as a verified stream."""
        return downloads.of_version(self._context, reference, path)[1].stream()

    def blob(self, namespace: str, sha256: str) -> BinaryIO:
        """Open bytes that a record of a namespace names, as a verified stream."""
        return downloads.of_namespace(self._context, namespace, sha256)[1].stream()

    def verify(self, reference: str, *, progress: Progress | None = None) -> list[FileCheck]:
        """Read the files of a version again and compare."""
        with self._context.catalogue.read() as tx:
            entry = references.resolve(tx, reference)
        return [self._check(file, progress) for file in entry.version.files]

    def _check(self, file: File, progress: Progress | None) -> FileCheck:
        told = {"path": file.path, "digest": file.digest}
        if not file.resolved:
            return FileCheck(**told, status="unresolved", message="nobody brought its bytes")
        try:
            self._context.blobs.verify(file.digest, progress=progress)
        except MissingError as error:
            return FileCheck(**told, status="missing", message=error.message)
        except (CorruptError, HerdbookError) as error:
            return FileCheck(**told, status="corrupt", message=error.message)
        return FileCheck(**told, status="ok")

    def supply(self, sha256s: Sequence[str]) -> list[Registered]:
        """Let bytes that were put resolve unresolved versions of this principal, in the journals whose home is here."""
        done: list[Registered] = []
        for sha256 in sha256s:
            digests_.check_sha256(sha256)
        with self._context.catalogue.write() as tx:
            leases = tx.leases(sha256s, self._context.seconds())
            leased = {lease.sha256 for lease in leases if lease.principal == self._context.principal.id}
            contents = [content for digest, content in tx.contents(sha256s).items() if digest in leased]
            for head in tx.heads():
                if head.home == self._context.catalogue.registry:
                    draft = journal.Draft(self._context, tx, head.namespace)
                    done += self._supply(tx, draft, contents)
        if done:
            facts.follow(self._context)
        return done

    def find(self, namespace: str, digests: Sequence[str]) -> dict[str, Content]:
        """Return contents that one may name; a lease of one's own is renewed, what a record has needs none.

        A digest that several contents share (adler32, md5) is not answered.
        """
        found: dict[str, Content] = {}
        for part in _parts([digests_.check(digest) for digest in dict.fromkeys(digests)]):
            with self._context.catalogue.read() as tx:
                contents = {content.sha256: content for content in tx.contents_named(part)}
                own, held = entitlement.among(self._context, tx, namespace, contents.keys())
            if own:
                until = self._context.seconds() + LEASE_S
                with contextlib.suppress(DeniedError):  # who only looks renews nothing
                    self._context.catalogue.lease([Lease(self._context.principal.id, sha256, until) for sha256 in own])
            here = [contents[sha256] for sha256 in own | held if self._context.blobs.size(sha256) is not None]
            by = _by_digest(here)
            found |= {digest: by[digest] for digest in part if digest in by}
        return found

    def _supply(self, tx: Reader, draft: journal.Draft, contents: list[Content]) -> list[Registered]:
        full: list[tuple[str, str]] = []
        for said, version, items in arrivals.completions(self._context, tx, draft, contents):
            if version is not None:
                draft.record(version)
                full.append((str(said.subject[0].record), version.digest))
            statements.make(self._context, draft.tx, draft, [said])
            draft.touched |= items
        rows = draft.commit()
        olds = {old for old, _ in full}
        return [
            Registered(
                model=row.model,
                ordinal=row.ordinal,
                record=row.record,
                outcome="resolved",
                journal=draft.head.journal,
                seq=draft.head.seq,
                event=rows[-1].digest,
            )
            for row in tx.versions_with(olds)
            if row.namespace == draft.namespace
        ]


def _parts(items: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(items), FOUND_AT_ONCE):
        yield items[start : start + FOUND_AT_ONCE]


def _by_digest(contents: Iterable[Content]) -> dict[str, Content]:
    by: dict[str, list[Content]] = {}
    for content in contents:
        for digest in content.digests:
            by.setdefault(digest, []).append(content)
    return {digest: several[0] for digest, several in by.items() if len(several) == 1}
