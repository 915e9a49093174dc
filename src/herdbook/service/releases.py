"""The noun ``releases``: releases of software, and which versions were in them."""

from __future__ import annotations

from herdbook.kernel.errors import UnavailableError
from herdbook.model.releases import Released, ReleaseEntry
from herdbook.service.context import Context


class Releases:
    """Releases, as the façade gives them."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def get(self, name: str) -> ReleaseEntry:
        """Return a release."""
        raise UnavailableError("not yet", code="unavailable")

    def versions(self, name: str, *, package: str = "") -> list[Released]:
        """Return which versions were in a release."""
        raise UnavailableError("not yet", code="unavailable")

    def of(self, reference: str) -> list[Released]:
        """Return in which releases a version was."""
        raise UnavailableError("not yet", code="unavailable")

    def list(self, prefix: str = "") -> list[ReleaseEntry]:
        """Return releases by name."""
        raise UnavailableError("not yet", code="unavailable")
