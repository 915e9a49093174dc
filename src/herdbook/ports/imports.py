"""The noun ``imports`` of the façade; what opens a source is in ``ports.importers``."""

from __future__ import annotations

from typing import Protocol

from herdbook.model.imports import Delivery, ImportEntry


class Imports(Protocol):
    """Imports: batches of what other systems held. ``service.importing`` reads, plans and delivers them."""

    def record(self, namespace: str, delivery: Delivery) -> ImportEntry:
        """Write a delivery as one batch: all of it or nothing. Idempotent: what is there is not written again.

        Raises:
            ConflictError: when a label is there with other content.
            MissingError: when bytes, or records that are named, are neither here nor in the delivery.
        """
        ...

    def get(self, namespace: str, batch: str) -> ImportEntry:
        """Return a batch by id (or its beginning).

        Raises:
            MissingError: when there is none.
        """
        ...

    def list(self, namespace: str) -> list[ImportEntry]:
        """Return the batches of a namespace, newest first."""
        ...

    def undo(self, namespace: str, batch: str, *, reason: str) -> ImportEntry:
        """Withdraw all that a batch brought and clear its labels; what others added stays.

        Raises:
            MissingError: when there is no such batch.
            ConflictError: when it was undone already.
        """
        ...
