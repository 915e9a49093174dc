"""The noun ``releases`` of the façade."""

from __future__ import annotations

from typing import Protocol

from herdbook.model.releases import Released, ReleaseEntry


class Releases(Protocol):
    """Releases of software, and which versions were in them."""

    def get(self, name: str) -> ReleaseEntry:
        """Return a release.

        Raises:
            MissingError: when no release of that name is known, with names that are near.
        """
        ...

    def versions(self, name: str, *, package: str = "") -> list[Released]:
        """Return which versions were in a release, under which identities."""
        ...

    def of(self, reference: str) -> list[Released]:
        """Return in which releases a version was."""
        ...

    def list(self, prefix: str = "") -> list[ReleaseEntry]:
        """Return releases by name."""
        ...
