"""Inspection: facts of files that are not registered, under the names of docs/reference/facts.md."""

from __future__ import annotations

import hashlib
import os
import zlib
from collections.abc import Iterator, Sequence

from herdbook.kernel import paths
from herdbook.kernel.errors import DeniedError
from herdbook.model.base import Json
from herdbook.model.facts import Facts
from herdbook.model.registrations import Intake
from herdbook.ports.formats import Readers
from herdbook.service.intake import plan

CHUNK = 1 << 20


class OpenFile:
    """A local file as readers see it."""

    def __init__(self, path: bytes) -> None:
        self._handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self.size = os.fstat(self._handle).st_size

    def read_at(self, offset: int, length: int) -> bytes:
        """Return bytes from an offset on."""
        return os.pread(self._handle, length, offset)

    def close(self) -> None:
        """Release the file."""
        os.close(self._handle)


def inspect(readers: Readers, given: Sequence[str]) -> Iterator[Json]:
    """Yield, for each file that a registration of these paths would take, its digests and facts.

    Raises:
        HerdbookError: as ``service.intake.plan`` says.
    """
    taken = [item for item in plan(given) if item.left_out is None]
    listing = {item.path: item.size for item in taken}
    for item in taken:
        try:
            file = OpenFile(paths.unescape(item.source))
        except OSError as error:
            raise DeniedError(f"{item.path!r} cannot be read: {error.strerror}", code="unreadable") from error
        try:
            facts = readers.read([(item.path, file)], listing)[0]
            yield describe(item, file, facts)
        finally:
            file.close()


def describe(item: Intake, file: OpenFile, facts: Facts | None) -> Json:
    """Return path, size, digests and facts of a file."""
    told: Json = {"path": item.path, "size": file.size, **_digests(file)}
    if facts is None:
        return {**told, "format": "other"}
    told |= {"format": facts.format, "safety": str(facts.safety), **facts.values}
    told["read_by"] = f"{facts.reader} {facts.reader_version}".strip()
    if facts.findings:
        told["findings"] = [finding.json_object() for finding in facts.findings]
    return told


def _digests(file: OpenFile) -> Json:
    sha256, md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
    git = hashlib.sha1(b"blob %d\0" % file.size, usedforsecurity=False)
    adler, offset = 1, 0
    while chunk := file.read_at(offset, CHUNK):
        for digest in (sha256, md5, git):
            digest.update(chunk)
        adler = zlib.adler32(chunk, adler)
        offset += len(chunk)
    return {
        "sha256": sha256.hexdigest(),
        "md5": md5.hexdigest(),
        "adler32": f"{adler:08x}",
        "git_id": git.hexdigest(),
    }
