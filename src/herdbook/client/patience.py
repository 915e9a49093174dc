"""How long to keep trying: pauses that grow, with chance in them, within a bounded time."""

from __future__ import annotations

import random
import time

FIRST_S = 0.1
LONGEST_S = 5.0
ATTEMPTS = 60


class Patience:
    """Pauses between attempts. Many clients that lost a server at once do not come back at once.

    Args:
        seconds: how long, from now, a further attempt is begun.
        least: attempts that are made however long one took: a server that is silent over a long work tells the next
            one so.
    """

    def __init__(self, seconds: float, *, least: int = 1) -> None:
        self._end = time.monotonic() + seconds
        self._least = least
        self.attempts = 1

    @property
    def left(self) -> float:
        """Seconds that are left."""
        return max(0.0, self._end - time.monotonic())

    def again(self, *, after: float = 0.0) -> bool:
        """Wait, ``after`` seconds at least, and say whether to try once more; at once when that would be too late."""
        bound = min(LONGEST_S, FIRST_S * 2.0 ** min(self.attempts - 1, 10))
        pause = max(after, random.uniform(bound / 2, bound))  # noqa: S311 - no secret hangs on it
        late = pause > self.left and (self.attempts >= self._least or after > self.left)
        if late or self.attempts >= ATTEMPTS:
            return False
        time.sleep(pause)
        self.attempts += 1
        return True
