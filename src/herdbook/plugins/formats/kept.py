"""What a reader keeps of long lists and texts: their beginning, with a finding that says so."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from herdbook.model.facts import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MAX_ITEMS = 20_000
MAX_TEXT = 65_536


class Kept:
    """Cuts lists and texts, and remembers what it cut.

    Args:
        items: how many items of a list, or of a mapping, are kept.
        text: how many characters of a text.
    """

    def __init__(self, *, items: int = MAX_ITEMS, text: int = MAX_TEXT) -> None:
        self._items = items
        self._text = text
        self._cut: dict[str, int] = {}

    def cut(self, what: str, length: int) -> None:
        """Remember that only the beginning of something was kept, which had this length or more."""
        self._cut[what] = max(self._cut.get(what, 0), length)

    def text(self, value: str | bytes, what: str) -> str:
        """Return a text, or its beginning; bytes that are no UTF-8 become U+FFFD."""
        if len(value) > self._text:
            self.cut(what, len(value))
            value = value[: self._text]
        return value.decode("utf-8", "replace") if isinstance(value, bytes) else value

    def items(self, values: Sequence[Any], what: str) -> list[Any]:
        """Return a list, or its beginning."""
        if len(values) > self._items:
            self.cut(what, len(values))
        return list(values[: self._items])

    def texts(self, values: Mapping[Any, Any], what: str) -> dict[str, str]:
        """Return the entries of a mapping whose values are texts, or the first of them."""
        found = [(key, value) for key, value in values.items() if isinstance(key, str) and isinstance(value, str)]
        return {self.text(key, what): self.text(value, what) for key, value in self.items(found, what)}

    @staticmethod
    def number(value: float) -> float | str:
        """Return a number; one that JSON has none for becomes a word: ``NaN``, ``Infinity``, ``-Infinity``."""
        if math.isfinite(value):
            return value
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Return a finding for what was cut, if anything was."""
        if not self._cut:
            return ()
        said = ", ".join(f"{what} ({length})" for what, length in sorted(self._cut.items()))
        return (Finding(rule="values-cut", severity=Severity.NOTE, message=f"only the beginning is kept of: {said}"),)
