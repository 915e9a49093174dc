"""The noun ``imports``: a delivery becomes one batch; a batch is listed, and undone as a whole."""

from __future__ import annotations

from herdbook.kernel.errors import UnavailableError
from herdbook.model.imports import Delivery, ImportEntry
from herdbook.service.context import Context


class Imports:
    """Imports, as the façade gives them."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def record(self, namespace: str, delivery: Delivery) -> ImportEntry:
        """Write a delivery as one batch."""
        raise UnavailableError("not yet", code="unavailable")

    def get(self, namespace: str, batch: str) -> ImportEntry:
        """Return a batch by id."""
        raise UnavailableError("not yet", code="unavailable")

    def list(self, namespace: str) -> list[ImportEntry]:
        """Return the batches of a namespace."""
        raise UnavailableError("not yet", code="unavailable")

    def undo(self, namespace: str, batch: str, *, reason: str) -> ImportEntry:
        """Withdraw all that a batch brought."""
        raise UnavailableError("not yet", code="unavailable")
