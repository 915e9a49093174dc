"""What a run took: time, processor, memory, bytes, and energy where it can be read."""

from __future__ import annotations

from herdbook.model.base import Json


class Watch:
    """Counts from its making to `stop`: this process and those of its descendants that it, or they, waited for.

    Args:
        own: count this process too, for a training inside it; otherwise descendants alone.
    """

    def __init__(self, *, own: bool = False) -> None:
        self._own = own

    def sample(self) -> None:
        """Look at counters that wrap around (energy); call it every few minutes in a long run."""

    def stop(self) -> Json:
        """Return what an activity's ``usage`` says; may be called again, later."""
        return {}
