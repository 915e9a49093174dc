"""The noun ``identities`` of the façade."""

from __future__ import annotations

from typing import Protocol

from herdbook.model.identities import IdentityEntry


class Identities(Protocol):
    """Foreign identities: what another system calls something, from which tag on, until before which."""

    def find(self, identifier: str, *, tag: str = "") -> list[IdentityEntry]:
        """Return all that ``scheme:value`` led to, oldest tag first; ``tag`` narrows to what it led to in that one."""
        ...

    def of(self, reference: str) -> list[IdentityEntry]:
        """Return what a version, and its files, are called elsewhere."""
        ...
