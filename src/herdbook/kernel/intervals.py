"""Half-open intervals ``[first, last)`` on an ordered axis: runs, sequences, positions of tags."""

from __future__ import annotations

import math
from dataclasses import dataclass

from herdbook.kernel.errors import InvalidError


@dataclass(frozen=True, slots=True)
class Interval:
    """From ``first``, which belongs to it, to ``last``, which does not; ``last`` is ``None`` while it is open.

    Sorts by ``first``, then by ``last``, an open one after all that are closed.

    Raises:
        InvalidError: when ``last`` does not come after ``first``.
    """

    first: int
    last: int | None = None

    def __post_init__(self) -> None:
        if self.last is not None and self.last <= self.first:
            raise InvalidError(
                f"the interval [{self.first}, {self.last}) is empty",
                code="bad-interval",
                hint="Intervals are half-open: the end is the first value that no longer belongs.",
            )

    def __lt__(self, other: Interval) -> bool:
        return self._order() < other._order()

    def _order(self) -> tuple[int, float]:
        return self.first, math.inf if self.last is None else self.last

    def __contains__(self, point: int) -> bool:
        return self.first <= point and (self.last is None or point < self.last)

    def overlap(self, other: Interval) -> Interval | None:
        """Return what both cover, or ``None``."""
        first = max(self.first, other.first)
        ends = [end for end in (self.last, other.last) if end is not None]
        last = min(ends) if ends else None
        return Interval(first, last) if last is None or first < last else None

    def __str__(self) -> str:
        return f"[{self.first}, {'…' if self.last is None else self.last})"
