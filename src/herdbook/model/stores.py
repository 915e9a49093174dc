"""Blob stores: where they are, and what came of verifying, copying and repairing."""

from __future__ import annotations

from typing import Literal

from herdbook.model.base import Bool, Int, Text, Time, Value
from herdbook.model.facts import Finding


class Verification(Value):
    """How far the newest verification of a store is, and what it found; without ``ended`` it was interrupted.

    ``after`` is the last blob that it came to. ``bad`` are blobs found corrupt, also by the doctor, and not repaired
    since: the first ten thousand of them.
    """

    started: Time
    ended: Time | None = None
    after: Text = ""
    ok: Int = 0
    corrupt: Int = 0
    missing: Int = 0
    extra: Int = 0
    bytes: Int = 0
    bad: tuple[Text, ...] = ()


class StoreEntry(Value):
    """A blob store. ``written`` is the first, where new bytes go; ``blobs`` and ``bytes`` only where they were counted.

    ``trouble`` says why it could not be asked.
    """

    name: Text
    place: Text
    written: Bool
    blobs: Int | None = None
    bytes: Int | None = None
    verification: Verification | None = None
    trouble: Text | None = None


class StoreReport(Value):
    """What was done with a store.

    Of blobs that records need: ``ok`` are as they should be (after a copy: were there already), ``corrupt`` and
    ``missing`` are not (still, after a repair), ``mended`` were copied to it or replaced. ``extra`` blobs are needed by
    no record. ``bytes`` were read, or copied.
    """

    store: Text
    task: Literal["verify", "copy", "repair"]
    started: Time
    ended: Time
    resumed: Bool = False
    ok: Int = 0
    corrupt: Int = 0
    missing: Int = 0
    extra: Int = 0
    mended: Int = 0
    bytes: Int = 0
    findings: tuple[Finding, ...] = ()

    @property
    def sound(self) -> bool:
        """Whether all that records need is there, as far as was looked."""
        return not self.corrupt and not self.missing
