"""Quantiles of more numbers than fit: exact while they are few, then of a fair part of them, the same on every run.

Each value has a key that is mixed from where it stands (its file's number and its own in it); of many, those with the
smallest keys are kept. So the part is a uniform sample without replacement, does not depend on how the values came in
chunks, and parts of several files can be put together ("bottom-k sampling": E. Cohen, H. Kaplan, Summarizing data using
bottom-k sketches, PODC 2007; the mixing is the finaliser of SplitMix64, G. Steele et al., OOPSLA 2014).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

STEPS = 100
"""Quantiles are given in steps of 1/100: 101 values."""

Keys = NDArray[np.uint64]
Values = NDArray[np.generic]


class Sketch:
    """A fair part of a column's values.

    Args:
        room: how many values are kept at most, but for twice as many while they come.
        origin: number of the file that the values come from.
    """

    def __init__(self, room: int, origin: int = 0) -> None:
        self.room = room
        self.count = 0
        self._origin = origin
        self._below: np.uint64 | None = None
        self._keys: list[Keys] = []
        self._values: list[Values] = []
        self._held = 0

    def add(self, values: Values) -> None:
        """Take further values, none of them missing."""
        if not len(values):
            return
        keys = _places(self._origin, self.count, len(values))
        self.count += len(values)
        if self._below is not None:
            kept = keys < self._below
            keys, values = keys[kept], values[kept]
        self._take(keys, values.copy())  # else a part of a chunk keeps all of it in memory

    def merge(self, other: Sketch) -> None:
        """Take what another sketch, of another file, holds."""
        self.count += other.count
        self.room = min(self.room, other.room)
        for keys, values in zip(other._keys, other._values, strict=True):
            self._take(keys, values)

    def _take(self, keys: Keys, values: Values) -> None:
        self._keys.append(keys)
        self._values.append(values)
        self._held += len(keys)
        if self._held > 2 * self.room:
            self._shrink()

    def _shrink(self) -> None:
        keys, values = np.concatenate(self._keys), np.concatenate(self._values)
        if len(keys) > self.room:
            least = np.argpartition(keys, self.room)
            self._below = keys[least[self.room]]
            keys, values = keys[least[: self.room]], values[least[: self.room]]
        self._keys, self._values, self._held = [keys], [values], len(keys)

    @property
    def sampled(self) -> int | None:
        """How many values quantiles are of, where not of all."""
        return self.room if self.count > self.room else None

    def quantiles(self) -> Values:
        """Return 101 of the values, the i-th the smallest with at least i % of all at or below it; none of nothing."""
        if not self.count:
            return np.array([])
        self._shrink()
        ordered = np.sort(self._values[0])
        places = (np.arange(STEPS + 1) * len(ordered) + STEPS - 1) // STEPS - 1
        result: Values = ordered[np.maximum(places, 0)]
        return result


@lru_cache(maxsize=16)
def _places(origin: int, first: int, count: int) -> Keys:
    """Return the keys of values by where they stand; columns of one table mostly share them."""
    keys = _mix(np.arange(first, first + count, dtype=np.uint64) ^ _mix(np.array([origin], np.uint64))[0])
    keys.flags.writeable = False
    return keys


def content(values: Values) -> int:
    """Return a number of 64 bits that tells values from others, in whatever order they stand; sums of it add up.

    It finds what went wrong by accident. Who wants to can make other values with the same one: it is no digest.
    """
    plain: NDArray[Any] = values.astype(np.uint8) if values.dtype.kind == "b" else values
    if plain.dtype.kind == "f":
        plain = plain + plain.dtype.type(0)  # so that -0 is 0
    bits = np.ascontiguousarray(plain).view(f"u{plain.dtype.itemsize}").astype(np.uint64)
    return int(_mix(bits).sum(dtype=np.uint64))


def _mix(keys: Keys) -> Keys:
    keys = keys + np.uint64(0x9E3779B97F4A7C15)
    keys = (keys ^ (keys >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    keys = (keys ^ (keys >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return keys ^ (keys >> np.uint64(31))
