"""Reading a bundle: its journals, bodies and blobs, each checked before it is believed."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from typing import TypeVar

from herdbook.kernel import canonical, digests
from herdbook.kernel.errors import CorruptError, HerdbookError, InvalidError, MissingError
from herdbook.model.health import BundleReport
from herdbook.model.journal import MAX_BYTES, digest_lines
from herdbook.model.principals import Person
from herdbook.ports.admin import Step
from herdbook.service import bodies, needs
from herdbook.service.bundle_manifest import (
    MANIFEST,
    PEOPLE,
    BundleJournal,
    BundleManifest,
    blob_name,
    body_name,
    journal_name,
)
from herdbook.service.bundle_source import Source
from herdbook.service.chain import Chain, Checkpoints
from herdbook.service.findings import Findings

BUFFER = 2**20
LOOK = 500
T = TypeVar("T")


@dataclass
class Read:
    """What a bundle holds, as far as it was found sound.

    ``purged`` is by namespace; ``lacking`` are absent bodies; ``blobs`` are those that must be
    there, with their size where a record says it.
    """

    manifest: BundleManifest
    states: dict[str, str] = field(default_factory=dict)
    purged: dict[str, frozenset[str]] = field(default_factory=dict)
    lacking: set[str] = field(default_factory=set)
    bodies: set[str] = field(default_factory=set)
    blobs: dict[str, int | None] = field(default_factory=dict)
    events: int = 0
    blob_bytes: int = 0

    def report(self, folder: str, findings: Findings) -> BundleReport:
        """Return what is told of it."""
        return BundleReport(
            folder=folder,
            complete=self.manifest.complete,
            checkpoints=tuple(entry.checkpoint for entry in self.manifest.journals),
            states=self.states,
            events=self.events,
            bodies=len(self.bodies),
            blobs=len(self.blobs),
            blob_bytes=self.blob_bytes,
            absent=self.manifest.absent,
            findings=findings.all(),
        )


def read(source: Source, findings: Findings, expect: Iterable[str] = (), step: Step | None = None) -> Read:
    """Check all of a bundle; what is wrong stands in the findings.

    Raises:
        InvalidError: when there is no manifest, or it does not fit; when one of ``expect`` is no checkpoint.
    """
    checkpoints = Checkpoints(expect)
    found = Read(manifest(source))
    for entry in found.manifest.journals:
        _Journal(source, entry, found, findings, checkpoints).check(step)
    checkpoints.end({entry.journal: entry.last for entry in found.manifest.journals}, findings)
    _check_blobs(source, found, findings, step)
    _check_names(source, found, findings)
    for problem in _people_problems(source):
        findings.error("people", problem, PEOPLE)
    return found


def manifest(source: Source) -> BundleManifest:
    """Return the manifest.

    Raises:
        InvalidError: when there is none, or it does not fit.
    """
    try:
        with source.open(MANIFEST) as stream:
            data = stream.read(MAX_BYTES)
        return BundleManifest.read(canonical.loads(data))
    except MissingError as error:
        raise InvalidError(f"there is no {MANIFEST}: this is no bundle", code="not-a-bundle") from error
    except InvalidError as error:
        raise InvalidError(f"{MANIFEST} does not fit: {error.message}", code="not-a-bundle") from error


def lines(source: Source, namespace: str) -> Iterator[bytes]:
    """Yield the events of a journal, without their line feeds.

    Raises:
        CorruptError: when one is cut, or longer than an event may be.
        MissingError: when the journal is not in the bundle.
    """
    with source.open(journal_name(namespace)) as stream:
        while line := stream.readline(MAX_BYTES + 1):
            if not line.endswith(b"\n"):
                raise CorruptError("a line is cut, or longer than 32 MiB", code="line-cut")
            yield line[:-1]


def body(source: Source, digest: str) -> bytes:
    """Return the bytes of a body, which are its digest's and canonical.

    Raises:
        MissingError: when it is not in the bundle.
        CorruptError: when it is another one.
    """
    with source.open(body_name(digest)) as stream:
        data = stream.read(MAX_BYTES + 1)
    needs.read_body(digest, data)
    return data


def people(source: Source) -> Iterator[Person]:
    """Yield what actors are called; fields that we do not know are left out.

    Raises:
        InvalidError: when a line does not fit.
    """
    try:
        stream = source.open(PEOPLE)
    except MissingError:
        return
    with stream:
        while line := stream.readline(2**16):
            value = canonical.loads(line)
            told = value if isinstance(value, dict) else {}
            yield Person.read({key: told[key] for key in ("id", "name", "email") if key in told})


def _people_problems(source: Source) -> Iterator[str]:
    try:
        for _ in people(source):
            pass
    except InvalidError as error:
        yield error.message


class _Journal:
    """One journal of a bundle."""

    def __init__(
        self, source: Source, entry: BundleJournal, found: Read, findings: Findings, checkpoints: Checkpoints
    ) -> None:
        self._source = source
        self._entry = entry
        self._found = found
        self._findings = findings
        self._checkpoints = checkpoints
        self._chain = Chain(findings, entry.namespace, entry.journal, entry.first)
        self._wanted: set[str] = set()

    def check(self, step: Step | None) -> None:
        """Check events, then bodies; remember which blobs they name."""
        self._events(step)
        chain, entry = self._chain, self._entry
        if (chain.seq, chain.head) != (entry.last, entry.head):
            self._findings.error(
                "head-differs",
                f"the journal ends at event {chain.seq} ({chain.head}), and the manifest says {entry.last} "
                f"({entry.head})",
                entry.namespace,
            )
        chain.end()
        purged = chain.state.purged
        self._found.lacking |= self._wanted & set(self._found.manifest.absent)
        self._found.purged[entry.namespace] = purged
        self._found.events += max(0, chain.seq - entry.first + 1)
        if chain.whole:
            self._found.states[entry.namespace] = digest_lines(chain.state.lines())
        self._bodies(purged | set(self._found.manifest.absent), step)

    def _events(self, step: Step | None) -> None:
        try:
            for data in lines(self._source, self._entry.namespace):
                event = self._chain.take(data)
                self._checkpoints.met(self._entry.journal, self._chain.seq, self._chain.head, self._findings)
                if event is not None:
                    self._wanted.update(needs.bodies_of(event.ops))
                if step and self._chain.seq % 1000 == 0:
                    step(f"checking the journal of {self._entry.namespace}", self._chain.seq, self._entry.last)
        except HerdbookError as error:
            self._findings.error(error.code, error.message, f"{self._entry.namespace} event {self._chain.seq + 1}")

    def _bodies(self, gone: set[str] | frozenset[str], step: Step | None) -> None:
        wanted = sorted(self._wanted - gone)
        for number, digest in enumerate(wanted, 1):
            try:
                data = body(self._source, digest)
            except MissingError as error:
                self._findings.error("body-missing", error.message, self._entry.namespace)
                continue
            except HerdbookError as error:
                self._found.bodies.add(digest)  # its file does belong here
                self._findings.error(error.code, error.message, self._entry.namespace)
                continue
            self._found.bodies.add(digest)
            value = bodies.parse(data)
            if isinstance(value, dict):
                self._findings.note("body-unknown", f"{digest} was written by a newer Herdbook: it is kept as it is")
            told = needs.blobs_of(value if isinstance(value, dict) else value.json_object())
            self._found.blobs.update((sha256, size) for sha256, size in told.items() if sha256 not in gone)
            if step and number % 1000 == 0:
                step(f"checking the records of {self._entry.namespace}", number, len(wanted))


def _check_blobs(source: Source, found: Read, findings: Findings, step: Step | None) -> None:
    done = 0

    def judge(sha256: str) -> tuple[str, int, str]:
        try:
            with source.open(blob_name(sha256)) as stream:
                size, total = 0, hashlib.sha256()
                while data := stream.read(BUFFER):
                    total.update(data)
                    size += len(data)
        except HerdbookError as error:
            return error.code, 0, error.message
        if "sha256:" + total.hexdigest() != sha256:
            return "blob-corrupt", 0, "its bytes are not what its digest says"
        if found.blobs[sha256] not in {None, size}:
            return "blob-size", 0, f"it has {size} bytes, and a record says {found.blobs[sha256]}"
        return "", size, ""

    with ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="herdbook-bundle") as pool:
        for part in _parts(sorted(found.blobs)):
            for sha256, (code, size, message) in zip(part, pool.map(judge, part), strict=True):
                found.blob_bytes += size
                done += 1
                if code:
                    findings.error(code, message, sha256)
            if step:
                step("checking files", done, len(found.blobs))


def _check_names(source: Source, found: Read, findings: Findings) -> None:
    """Nothing lies in a bundle that does not belong there."""
    journals = {journal_name(entry.namespace) for entry in found.manifest.journals}
    for name, plain in source.names():
        shown = name if name.isprintable() else ascii(name)
        if not plain:
            findings.error("not-plain", "there twice, no plain file, or outside the bundle", shown)
        elif name not in journals and name not in {MANIFEST, PEOPLE} and not _belongs(name, found):
            findings.error("stray-file", "it does not belong here", shown)


def _belongs(name: str, found: Read) -> bool:
    digest = "sha256:" + name.rpartition("/")[2]
    if not digests.is_sha256(digest):
        return False
    return (name == body_name(digest) and digest in found.bodies) or (
        name == blob_name(digest) and digest in found.blobs
    )


def _parts(items: Iterable[T]) -> Iterator[list[T]]:
    rest = iter(items)
    while part := list(islice(rest, LOOK)):
        yield part
