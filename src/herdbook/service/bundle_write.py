"""Export: journals, bodies and blobs of namespaces into a folder that can be checked without Herdbook."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from herdbook.kernel import canonical
from herdbook.kernel.errors import CorruptError, MissingError
from herdbook.model.health import BundleReport
from herdbook.model.journal import Event, digest_lines
from herdbook.model.rows import Head
from herdbook.ports.admin import Step
from herdbook.ports.catalogue import Reader
from herdbook.service import event_pages, needs
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

CHUNK = 2000
"""Bodies that are looked up together."""


def export(
    context: Context, folder: str, namespaces: Sequence[str] = (), *, people: bool = True, step: Step | None = None
) -> BundleReport:
    """Write a bundle of namespaces, of all when none is given.

    All journals are those of one moment; what is registered meanwhile is not in it. Each byte is checked while it is
    copied: what is not as its digest says is left out, named under ``absent``, and said in an error of the report.
    The folder appears under its name when everything in it is on disk.

    Raises:
        ConflictError: when the folder is there and not empty.
        MissingError: when there is no such namespace.
        UnavailableError: when there is no room; nothing is left then.
    """
    with NewFolder(Path(folder)) as new:
        work = _Export(context, new, step)
        with context.catalogue.read() as tx:
            heads = list({head.namespace: head for head in (head_of(tx, name) for name in namespaces)}.values())
            heads = heads or tx.heads()
            if not heads:
                raise MissingError("there is nothing to export yet", code="empty", hint="Register something first.")
            for head in heads:
                work.journal(tx, head)
            if people:
                work.people(tx)
        work.copy_blobs()
        report = work.report()
        new.finish()
    return report


class _Export:
    """One bundle in the making."""

    def __init__(self, context: Context, new: NewFolder, step: Step | None) -> None:
        self._context = context
        self._new = new
        self._step = step
        self._findings = Findings()
        self._journals: list[BundleJournal] = []
        self._states: dict[str, str] = {}
        self._blobs: dict[str, int | None] = {}
        self._actors: set[str] = set()
        self._absent: set[str] = set()
        self._events = 0
        self._bodies = 0
        self._held = 0
        self._bytes = 0

    def journal(self, tx: Reader, head: Head) -> None:
        """Write a journal and its bodies; remember its blobs."""
        chain = Chain(self._findings, head.namespace, head.journal)
        with self._new.create(journal_name(head.namespace)) as file:
            for rows in event_pages.events(tx, head.namespace):
                for row in rows:
                    file.write(row.body + b"\n")
                    event = chain.take(row.body)
                    if event is not None:
                        self._event(tx, head.namespace, event)
                if self._step:
                    self._step(f"writing the journal of {head.namespace}", chain.seq, head.seq)
        if (chain.seq, chain.head) != (head.seq, head.head):
            self._findings.error("head-differs", "the journal does not end at its head", head.namespace)
        self._events += chain.seq
        entry = {"namespace": head.namespace, "journal": head.journal, "first": 1, "last": chain.seq}
        self._journals.append(BundleJournal(**entry, head=chain.head))
        self._states[head.namespace] = digest_lines(chain.state.lines())

    def _event(self, tx: Reader, namespace: str, event: Event) -> None:
        self._actors.add(event.principal.id)
        wanted = list(dict.fromkeys(needs.bodies_of(event.ops)))
        for start in range(0, len(wanted), CHUNK):
            part = wanted[start : start + CHUNK]
            gone = tx.purged(namespace, part)
            kept = [digest for digest in part if digest not in gone]
            found = tx.bodies(kept)
            named: dict[str, int | None] = {}
            for digest in kept:
                named.update(self._body(digest, found.get(digest)))
            dropped = tx.purged(namespace, named)
            self._blobs.update((sha256, size) for sha256, size in named.items() if sha256 not in dropped)

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
        for number, sha256 in enumerate(sorted(self._blobs), 1):
            self._blob(sha256, self._blobs[sha256])
            if self._step:
                self._step("copying files", number, len(self._blobs))

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
