"""Imports: what is sent to be imported, the batches that were, and the reports that account for everything."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from herdbook.model.activities import Activity
from herdbook.model.base import Bool, Digest, Int, Sha256, Text, Time, Value
from herdbook.model.datasets import Dataset
from herdbook.model.drafts import Finding, SourceState
from herdbook.model.identifiers import NonEmpty
from herdbook.model.registrations import Registration
from herdbook.model.statements import Said
from herdbook.model.versions import Version

Count = Annotated[Int, Field(ge=0)]


class Delivery(Value):
    """Everything that one import brings into one namespace: one batch. Statements may name records that it brings.

    ``labels`` are further labels, (model, record) → labels, beside the one that a registration has. ``arrived`` are
    contents that were put, and that unresolved versions wait for which are here already. ``records`` are versions that
    activities name, such as the parents of an adopted one: known from then on, without a place in a model.
    """

    registrations: tuple[Registration, ...] = ()
    datasets: tuple[Dataset, ...] = ()
    activities: tuple[Activity, ...] = ()
    statements: tuple[Said, ...] = ()
    labels: tuple[tuple[Text, Sha256, Text], ...] = ()
    arrived: tuple[Sha256, ...] = ()
    records: tuple[Version, ...] = ()


class ImportEntry(Value):
    """A batch where it stands. ``batch`` is empty when there was nothing new to write."""

    namespace: Text
    batch: Text = ""
    first: Int = 0
    last: Int = 0
    time: Time | None = None
    principal: Text = ""
    versions: Count = 0
    records: Count = 0
    statements: Count = 0
    labels: Count = 0
    withdrawn: Bool = False
    """Whether the batch was undone."""

    def __repr__(self) -> str:
        state = ", undone" if self.withdrawn else ""
        return f"<import {self.batch[:12]} of {self.namespace}, {self.versions} versions{state}>"


class BlobFate(Value):
    """What became of one distinct blob of the source, and why."""

    digest: Digest
    size: Count | None = None
    paths: tuple[Text, ...]
    fate: Literal["taken", "duplicate", "absent", "skipped"]
    reason: Text = ""
    versions: tuple[Text, ...] = ()
    """References of the versions that have it."""


class Coverage(Value):
    """How many of a source's versions have a field, and how many could."""

    field: NonEmpty
    known: Count
    of: Count


class CoverageRow(Value):
    """One field of a survey: by source, how many of its versions have it."""

    field: NonEmpty
    sources: dict[Text, Coverage]


class Report(Value):
    """Accounts for everything; ``sound`` says whether ``distinct == taken + duplicate + absent + skipped`` holds."""

    source: SourceState
    namespace: Text
    rules: Text
    outcome: Literal["planned", "applied", "unchanged"]
    batch: Text = ""
    models: Count = 0
    versions: Count = 0
    new: Count = 0
    """Versions that were not registered before."""
    unresolved: Count = 0
    distinct: Count = 0
    taken: Count = 0
    duplicate: Count = 0
    absent: Count = 0
    skipped: Count = 0
    datasets: Count = 0
    activities: Count = 0
    statements: Count = 0
    proposed: Count = 0
    """Withdrawals that the source proposes and nobody accepted."""
    blobs: tuple[BlobFate, ...] = ()
    coverage: tuple[Coverage, ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def sound(self) -> bool:
        """Whether every distinct blob is accounted for once."""
        listed = len({blob.digest for blob in self.blobs})
        return self.distinct == self.taken + self.duplicate + self.absent + self.skipped == listed == len(self.blobs)


class Drift(Value):
    """One difference between a source and the registry."""

    model: Text
    reference: Text = ""
    what: Literal["new", "changed", "gone", "corrupt", "missing", "unresolved", "label", "identity"]
    message: NonEmpty
    master: Literal["registry", "source"] | None = None

    @property
    def alarm(self) -> bool:
        """Whether the registry is the master of what drifted."""
        return self.master == "registry"


class Status(Value):
    """How a source and the registry stand to each other."""

    source: SourceState
    namespace: Text
    moved: Bool
    """Whether the source moved since the last import; ``imported`` is the state it had then."""
    imported: Text = ""
    checked: Count = 0
    """Versions, or for verify files, that were compared."""
    drifts: tuple[Drift, ...] = ()

    @property
    def alarm(self) -> bool:
        """Whether something drifted of which the registry is the master."""
        return any(drift.alarm for drift in self.drifts)
