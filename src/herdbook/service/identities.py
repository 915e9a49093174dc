"""The noun ``identities``: what other systems call versions and their files."""

from __future__ import annotations

from herdbook.kernel.errors import UnavailableError
from herdbook.model.identities import IdentityEntry
from herdbook.service.context import Context


class Identities:
    """Foreign identities, as the façade gives them."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def find(self, identifier: str, *, tag: str = "") -> list[IdentityEntry]:
        """Return all that ``scheme:value`` led to."""
        raise UnavailableError("not yet", code="unavailable")

    def of(self, reference: str) -> list[IdentityEntry]:
        """Return what a version is called elsewhere."""
        raise UnavailableError("not yet", code="unavailable")
