"""Inspection: facts of files that are not registered, under the names of docs/reference/facts.md."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from herdbook.kernel import paths
from herdbook.kernel.errors import DeniedError
from herdbook.model.base import Json
from herdbook.model.facts import Facts
from herdbook.model.registrations import Intake
from herdbook.ports.formats import Readers
from herdbook.service import hashing
from herdbook.service.hashing import OpenFile
from herdbook.service.intake import plan


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
    content = hashing.content(file)
    told: Json = {
        "path": item.path,
        "size": file.size,
        "sha256": content.sha256.partition(":")[2],
        "md5": content.md5.partition(":")[2],
        "adler32": content.adler32.partition(":")[2],
        "git_id": content.git_sha1.partition(":")[2],
    }
    if facts is None:
        return {**told, "format": "other"}
    told |= {"format": facts.format, "safety": str(facts.safety), **facts.values}
    told["read_by"] = f"{facts.reader} {facts.reader_version}".strip()
    if facts.findings:
        told["findings"] = [finding.json_object() for finding in facts.findings]
    return told
