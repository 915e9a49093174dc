"""A page of a listing, and the cursor with which the next one begins."""

from __future__ import annotations

from typing import Generic, TypeVar

from herdbook.model.base import Bool, Int, Text, Value

T = TypeVar("T")

DEFAULT_LIMIT = 50
MAX_LIMIT = 1000


class Page(Value, Generic[T]):
    """Items in an explicit order; ``cursor`` is ``None`` on the last page.

    ``total`` counts all matches where that was asked for; with ``total_is_exact`` false it is a lower bound.
    """

    items: tuple[T, ...]
    cursor: Text | None = None
    total: Int | None = None
    total_is_exact: Bool = True

    def __len__(self) -> int:
        return len(self.items)
