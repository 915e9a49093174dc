"""The noun ``identities`` over HTTP."""

from __future__ import annotations

from herdbook.client.calls import Calls
from herdbook.model.identities import IdentityEntry
from herdbook.wire import identities as wire


class Identities:
    """Foreign identities, as the façade gives them."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def find(self, identifier: str, *, tag: str = "") -> list[IdentityEntry]:
        """Return all that ``scheme:value`` led to, oldest tag first."""
        return self._calls.get(wire.FIND, identifier=identifier, tag=tag or None)

    def of(self, reference: str) -> list[IdentityEntry]:
        """Return what a version, and its files, are called elsewhere."""
        return self._calls.get(wire.OF, reference=reference)
