"""The noun ``releases`` over HTTP."""

from __future__ import annotations

from herdbook.client.calls import Calls
from herdbook.model.releases import Released, ReleaseEntry
from herdbook.wire import releases as wire


class Releases:
    """Releases of software, as the façade gives them."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def get(self, name: str) -> ReleaseEntry:
        """Return a release."""
        return self._calls.get(wire.GET, name=name)

    def versions(self, name: str, *, package: str = "") -> list[Released]:
        """Return which versions were in a release, under which identities."""
        return self._calls.get(wire.VERSIONS, name=name, package=package or None)

    def of(self, reference: str) -> list[Released]:
        """Return in which releases a version was."""
        return self._calls.get(wire.OF, reference=reference)

    def list(self, prefix: str = "") -> list[ReleaseEntry]:
        """Return releases by name."""
        return self._calls.get(wire.LIST, prefix=prefix or None)
