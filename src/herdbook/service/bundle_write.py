"""Export: journals, bodies and blobs of namespaces into a folder, or a tar, that can be checked without Herdbook."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import BinaryIO, Protocol

from herdbook.kernel import canonical
from herdbook.kernel.errors import CorruptError, MissingError
from herdbook.model.health import BundleReport
from herdbook.model.journal import digest_lines
from herdbook.model.rows import Head
from herdbook.ports.admin import Step
from herdbook.ports.catalogue import Reader
from herdbook.service import bundle_since, event_pages, needs
from herdbook.service.bundle_manifest import (
    MANIFEST,
    PEOPLE,
    BundleJournal,
    BundleManifest,
    blob_name,
    body_name,
    journal_name,
)
from herdbook.service.chain import Chain
from herdbook.service.context import Context
from herdbook.service.findings import Findings
from herdbook.service.journal import head_of
from herdbook.service.new_folder import NewFolder
from herdbook.service.new_tar import NewTar

CHUNK = 2000
"""Bodies that are looked up together."""


class _New(Protocol):
    """What a bundle is written into: nothing is seen under its name before ``finish``."""

    target: Path

    def write(self, name: str, data: bytes) -> None: ...

    def create(self, name: str) -> AbstractContextManager[BinaryIO]: ...

    def copy(self, name: str, stream: BinaryIO) -> int: ...

    def has(self, name: str) -> bool: ...

    def finish(self) -> None: ...


def export(
    context: Context,
    folder: str,
    namespaces: Sequence[str] = (),
    *,
    since: Sequence[str] = (),
    after: str | None = None,
    people: bool = True,
    step: Step | None = None,
) -> BundleReport:
    """Write a bundle of namespaces, of all when none is given.

    All journals are those of one moment; what is registered meanwhile is not in it. Each byte is checked while it is
    copied: what is not as its digest says is left out, named under ``absent``, and said in an error of the report.
    The bundle appears under its name when everything in it is on disk.

    Args:
        context: the registry.
        folder: where it is to be; a name that ends in ``.tar`` becomes a single file.
        namespaces: which.
        since: what the receiver has (see ``bundle_since``): each journal becomes a part that begins after it.
        after: an earlier bundle that the receiver has: the same.
        people: whether what actors are called comes along.
        step: told of progress.

    Raises:
        ConflictError: when something is there; ``diverged`` when the receiver has another history.
        MissingError: when there is no such namespace, or nothing new.
        UnavailableError: when there is no room; nothing is left then.
    """
    with NewTar(Path(folder)) if folder.endswith(".tar") else NewFolder(Path(folder)) as new:
        work = _Export(context, new, step)
        with context.catalogue.read() as tx:
            heads = list({head.namespace: head for head in (head_of(tx, name) for name in namespaces)}.values())
            heads = heads or tx.heads()
            if not heads:
                raise MissingError("there is nothing to export yet", code="empty", hint="Register something first.")
            known = bundle_since.known(tx, heads, since, after)
            for head in heads:
                seq, _ = known.get(head.journal, (0, ""))
                if seq < head.seq:
                    work.journal(tx, head, seq)
            if people:
                work.people(tx)
        work.copy_blobs()
        report = work.report()
        new.finish()
    return report


class _Export:
    """One bundle in the making."""

    def __init__(self, context: Context, new: _New, step: Step | None) -> None:
        self._context = context
        self._new = new
        self._step = step
        self._findings = Findings()
        self._journals: list[BundleJournal] = []
        self._states: dict[str, str] = {}
        self._blobs: dict[str, int | None] = {}
        self._actors: set[str] = set()
        self._absent: set[str] = set()
        self._carried: set[str] = set()
        self._events = 0
        self._bodies = 0
        self._held = 0
        self._bytes = 0

    def journal(self, tx: Reader, head: Head, seq: int) -> None:
        """Write a journal from the event after ``seq`` on, and its bodies; remember its blobs."""
        chain = Chain(self._findings, head.namespace, head.journal, seq + 1)
        wanted: dict[str, None] = {}
        with self._new.create(journal_name(head.namespace)) as file:
            for rows in event_pages.events(tx, head.namespace, seq):
                for row in rows:
                    file.write(row.body + b"\n")
                    event = chain.take(row.body)
                    if event is not None:
                        self._actors.add(event.principal.id)
                        wanted.update(dict.fromkeys(needs.bodies_of(event.ops)))
                if self._step:
                    self._step(f"writing the journal of {head.namespace}", chain.seq, head.seq)
        if (chain.seq, chain.head) != (head.seq, head.head):
            self._findings.error("head-differs", "the journal does not end at its head", head.namespace)
        self._write_bodies(tx, head.namespace, list(wanted), seq)
        self._events += chain.seq - seq
        entry = {"namespace": head.namespace, "journal": head.journal, "first": seq + 1, "last": chain.seq}
        self._journals.append(BundleJournal(**entry, head=chain.head))
        if seq == 0:
            self._states[head.namespace] = digest_lines(chain.state.lines())

    def _write_bodies(self, tx: Reader, namespace: str, wanted: list[str], seq: int) -> None:
        """Write bodies; the blobs of a part are those that what was told in it names for the first time."""
        for start in range(0, len(wanted), CHUNK):
            part = wanted[start : start + CHUNK]
            gone = tx.purged(namespace, part)
            kept = [digest for digest in part if digest not in gone]
            found = tx.bodies(kept)
            named: dict[str, int | None] = {}
            for digest in kept:
                named.update(self._body(digest, found.get(digest)))
            dropped = tx.purged(namespace, named)
            early = _carried(tx, namespace, named, seq) if seq else set()
            self._carried |= early - dropped
            self._blobs.update((sha256, size) for sha256, size in named.items() if sha256 not in dropped | early)

    def _body(self, digest: str, data: bytes | None) -> dict[str, int | None]:
        """Write a body; return the blobs that it names."""
        if data is None:
            self._findings.error("body-missing", "the body is not here", digest)
            self._absent.add(digest)
            return {}
        try:
            body = needs.read_body(digest, data)
        except CorruptError as error:
            self._findings.error(error.code, error.message, digest)
            self._absent.add(digest)
            return {}
        if not self._new.has(body_name(digest)):
            self._new.write(body_name(digest), data)
            self._bodies += 1
        self._actors.update(needs.actors_of(body))
        return needs.blobs_of(body)

    def people(self, tx: Reader) -> None:
        """Write what the actors that occur are called."""
        known = tx.people(self._actors)
        if known:
            lines = [canonical.dumps(known[actor].json_object()) + b"\n" for actor in sorted(known)]
            self._new.write(PEOPLE, b"".join(lines))

    def copy_blobs(self) -> None:
        """Copy the blobs, each checked as it is read; those that are not here are told."""
        self._absent |= self._carried - self._blobs.keys()
        wanted = sorted(self._blobs)
        for number, sha256 in enumerate(wanted, 1):
            self._blob(sha256, self._blobs[sha256])
            if self._step:
                self._step("copying files", number, len(wanted))

    def _blob(self, sha256: str, size: int | None) -> None:
        try:
            with self._open(sha256) as stream:
                copied = self._new.copy(blob_name(sha256), stream)
        except MissingError:
            self._absent.add(sha256)
        except CorruptError as error:
            self._findings.error(error.code, error.message, sha256)
            self._absent.add(sha256)
        else:
            self._held += 1
            self._bytes += copied
            if size not in {None, copied}:
                self._findings.error("blob-size", f"it has {copied} bytes, and a record says {size}", sha256)

    def _open(self, sha256: str) -> BinaryIO:
        blob = self._context.blobs.open(sha256)
        try:
            return blob.stream()
        finally:
            blob.close()

    def report(self) -> BundleReport:
        """Write the manifest; say what was written."""
        manifest = BundleManifest(journals=tuple(self._journals), absent=tuple(sorted(self._absent)))
        self._new.write(MANIFEST, canonical.dumps(manifest.json_object()) + b"\n")
        return BundleReport(
            folder=str(self._new.target),
            complete=manifest.complete,
            checkpoints=tuple(entry.checkpoint for entry in manifest.journals),
            states=self._states,
            events=self._events,
            bodies=self._bodies,
            blobs=self._held,
            blob_bytes=self._bytes,
            absent=manifest.absent,
            findings=self._findings.all(),
        )


def _carried(tx: Reader, namespace: str, blobs: Iterable[str], seq: int) -> set[str]:
    """Return those blobs that a version of a namespace named up to an event: who has the journal so far has them."""
    rows = tx.files_named(blobs)
    places = tx.known({row.record for row in rows})
    early = {
        record for record, where in places.items() if any(name == namespace and first <= seq for name, first in where)
    }
    return {row.digest for row in rows if row.record in early}
