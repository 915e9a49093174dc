"""The noun ``journal`` over HTTP."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence

from herdbook.client.calls import Calls, asked
from herdbook.client.transport import Asking, Query, bad_answer
from herdbook.model.journal import Checkpoint, EventEntry
from herdbook.model.pages import Page
from herdbook.wire import journal as wire


class Journal:
    """Journals, as the façade gives them."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def events(self, namespace: str, *, after: int = 0, limit: int = 100, wait: float = 0.0) -> Page[EventEntry]:
        """Return events in order; with ``wait`` (seconds, 60 are the most) an empty page only when none followed."""
        wait = min(wait, wire.MAX_WAIT_S)
        return self._calls.get(wire.EVENTS, namespace=namespace, after=after, limit=limit, wait=wait)

    def lines(self, namespace: str, *, after: int = 0, limit: int = 1000) -> list[bytes]:
        """Return events as they are kept, byte for byte."""
        query: Query = {"namespace": namespace, "after": after, "limit": limit}
        return self._calls.exchange(Asking("GET", wire.LINES, query)).body.split(b"\n")[:-1]

    def checkpoint(self, namespace: str) -> Checkpoint:
        """Return (journal, sequence, head)."""
        return self._calls.get(wire.CHECKPOINT, namespace=namespace)

    def state_digest(self, namespace: str) -> str:
        """Return the digest of the namespace's state."""
        return self._calls.get(wire.STATE, namespace=namespace)

    def bodies(self, digests: Sequence[str]) -> dict[str, bytes]:
        """Return canonical bytes of records and statements."""
        found = self._calls.post(wire.BODIES, asked(wire.Bodies, digests=tuple(digests)))
        try:
            return {digest: base64.b64decode(text, validate=True) for digest, text in found.items()}
        except binascii.Error as error:
            raise bad_answer(f"the server's answer to {wire.BODIES.name} is no base64") from error
