"""Reports of doctor, garbage collection, backup and bundles: values that render to text or JSON."""

from __future__ import annotations

from herdbook.model.base import Bool, Int, Text, Value
from herdbook.model.facts import Finding
from herdbook.model.journal import Checkpoint


class DoctorReport(Value):
    """What the doctor saw. ``sound`` is false as soon as one finding is an error."""

    sound: Bool
    findings: tuple[Finding, ...]
    checkpoints: tuple[Checkpoint, ...]
    states: dict[Text, Text]
    events: Int
    bodies: Int
    blobs: Int
    blob_bytes: Int
    reindexed: Int = 0


class GarbageReport(Value):
    """What garbage collection found, or removed."""

    dry_run: Bool
    candidates: tuple[Text, ...]
    bytes: Int
    leased: Int
    kept: Int
    temporary_bytes: Int = 0


class BundleReport(Value):
    """What a bundle or a backup holds. ``complete`` is false for a part, which proves content only."""

    folder: Text
    complete: Bool
    checkpoints: tuple[Checkpoint, ...]
    states: dict[Text, Text]
    events: Int
    bodies: Int
    blobs: Int
    blob_bytes: Int
    absent: tuple[Text, ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def sound(self) -> bool:
        """Whether nothing was found wrong."""
        return not any(finding.severity == "error" for finding in self.findings)
