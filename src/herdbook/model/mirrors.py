"""Mirrors and adoptions: what came from another registry, and where it stands now."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from herdbook.model.base import Bool, Int, Sha256, Text, Value
from herdbook.model.facts import Finding
from herdbook.model.journal import Namespace

Count = Annotated[Int, Field(ge=0)]


class Mirrored(Value):
    """A namespace after a mirror's run.

    ``before`` is the event at which the copy stood, ``seq`` the one at which it stands, ``there`` the source's last one
    as far as it was seen. ``state`` is the state digest, once the source gave the same one for the same event.
    """

    namespace: Namespace
    journal: Sha256
    before: Count
    seq: Count
    head: Sha256
    there: Count
    state: Sha256 | None = None

    def __repr__(self) -> str:
        return f"<mirrored {self.namespace} to event {self.seq}>"


class MirrorReport(Value):
    """What a mirror's run brought, and what it could not bring: ``absent`` are blobs that the source did not give."""

    source: Text
    folder: Text
    namespaces: tuple[Mirrored, ...]
    events: Count = 0
    bodies: Count = 0
    blobs: Count = 0
    blob_bytes: Count = 0
    absent: tuple[Text, ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def sound(self) -> bool:
        """Whether nothing was found wrong."""
        return not any(finding.severity == "error" for finding in self.findings)


class Adopted(Value):
    """A version that was, or would be, adopted: where it stands there, and where here.

    ``outcome``: ``new``, ``labelled`` when it is here and only labels are new, ``known`` when nothing is.
    ``ordinal`` is absent in a dry run of what is new.
    """

    origin: Text
    record: Sha256
    model: Text
    labels: tuple[Text, ...] = ()
    ordinal: Int | None = None
    outcome: Literal["new", "labelled", "known"]


class AdoptReport(Value):
    """What an adoption brought, or in a dry run would bring. ``batches`` are the ids under which it can be undone.

    ``bytes`` are those of files that were transferred, or would be as far as their size is known before; ``absent`` are
    files that the source did not give.
    """

    source: Text
    target: Text
    dry_run: Bool
    versions: tuple[Adopted, ...]
    batches: tuple[Text, ...] = ()
    statements: Count = 0
    activities: Count = 0
    datasets: Count = 0
    files: Count = 0
    bytes: Count = 0
    absent: tuple[Text, ...] = ()
    conflicts: tuple[Text, ...] = ()
    findings: tuple[Finding, ...] = ()
