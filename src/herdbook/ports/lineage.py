"""What the catalogue knows of lineage: activities, what they took and made, datasets."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from herdbook.model.rows import Descendant, EdgeRow


class LineageReader(Protocol):
    """Activities, their inputs and outputs, and datasets."""

    def same_activity(self, sameness: Iterable[str]) -> dict[str, list[str]]:
        """Return, by sameness, digests of activities."""
        ...

    def edges(self, activities: Iterable[str]) -> list[EdgeRow]:
        """Return inputs and outputs of activities, in the record's order."""
        ...

    def edges_at(self, targets: Iterable[str], direction: str, limit: int = 0) -> list[EdgeRow]:
        """Return edges whose target, or ``file``, is one of these; ``direction``: ``in`` or ``out``; 0: no limit."""
        ...

    def descendants(self, targets: Iterable[str]) -> list[Descendant]:
        """Return what was made with these, and with what was made with them, and so on, each version by itself."""
        ...

    def taken_by_name(self) -> list[tuple[str, str]]:
        """Return (id, record) for all that was made with something that is named by its id alone."""
        ...

    def resolving(self) -> list[str]:
        """Return records that resolve another, as statements say; some of these may no longer be current."""
        ...

    def activities(self, after: str = "", limit: int = 100, kind: str = "") -> list[str]:
        """Return digests of activities, by digest."""
        ...

    def datasets(
        self, *, scheme: str = "", value: str = "", prefix: str = "", after: str = "", limit: int = 100
    ) -> list[tuple[str, str, str, str]]:
        """Return (record, scheme, value, manifest) by record; an exact value or its prefix may narrow."""
        ...

    def datasets_named(self, ids: Iterable[str]) -> dict[str, list[str]]:
        """Return, by ``scheme:value``, records of datasets that have this id."""
        ...

    def datasets_with(self, manifests: Iterable[str]) -> list[tuple[str, str]]:
        """Return (record, manifest) of datasets that have one of these manifests."""
        ...
