"""Looking again whether places still have what records name: each look, and what came of all of them."""

from __future__ import annotations

from typing import Literal

from herdbook.model.base import Bool, Int, Sha256, Text, Time, Value


class Looked(Value):
    """One location that was asked for again.

    ``before`` and ``after`` are states of a location; ``lost`` that it was there before and is gone, or that of its
    files some are gone. ``wrote`` is the statement that was made, where the answer was worth one.
    """

    uri: Text
    subject: Sha256
    of: Literal["dataset", "code", "container", "version"]
    before: Literal["unknown", "exists", "gone"] = "unknown"
    after: Literal["unknown", "exists", "gone"] = "unknown"
    asked: Time
    detail: Text = ""
    lost: Bool = False
    wrote: Sha256 | None = None


class Dropped(Value):
    """A version whose level fell, from where to where, and why."""

    reference: Text
    record: Sha256
    before: Int
    after: Int
    why: tuple[Text, ...] = ()


class RecheckReport(Value):
    """What looking again found. ``fresh`` were asked within the time and left alone; ``unreachable`` said nothing."""

    versions: Int = 0
    asked: Int = 0
    fresh: Int = 0
    written: Int = 0
    unreachable: Int = 0
    unserved: Int = 0
    left: Int = 0
    lost: tuple[Looked, ...] = ()
    dropped: tuple[Dropped, ...] = ()

    @property
    def sound(self) -> bool:
        """Whether nothing was lost and no level fell."""
        return not self.lost and not self.dropped
