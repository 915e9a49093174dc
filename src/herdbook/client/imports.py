"""The noun ``imports`` over HTTP."""

from __future__ import annotations

from herdbook.client.calls import Calls, asked
from herdbook.model.imports import Delivery, ImportEntry
from herdbook.wire import imports as wire


class Imports:
    """Imports, as the façade gives them."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def record(self, namespace: str, delivery: Delivery) -> ImportEntry:
        """Write a delivery as one batch: all of it or nothing."""
        return self._calls.post(wire.RECORD, asked(wire.Record, namespace=namespace, delivery=delivery))

    def get(self, namespace: str, batch: str) -> ImportEntry:
        """Return a batch by id (or its beginning)."""
        return self._calls.get(wire.GET, namespace=namespace, batch=batch)

    def list(self, namespace: str) -> list[ImportEntry]:
        """Return the batches of a namespace, newest first."""
        return self._calls.get(wire.LIST, namespace=namespace)

    def undo(self, namespace: str, batch: str, *, reason: str) -> ImportEntry:
        """Withdraw all that a batch brought and clear its labels."""
        return self._calls.post(wire.UNDO, asked(wire.Undo, namespace=namespace, batch=batch, reason=reason))
