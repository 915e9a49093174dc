"""Parsed values as facts can hold them: bounded in number and depth; numbers that JSON cannot write become words."""

from __future__ import annotations

import math
from typing import Any

from herdbook.kernel.canonical import SAFE_INTEGER
from herdbook.model.facts import Finding, Severity

MAX_VALUES = 50_000
MAX_DEPTH = 12
MAX_TEXT = 4096


class Plain:
    """Copies parsed values into facts, within one budget for the file.

    Infinities and NaN, which trainers do write, become `"Infinity"`, `"-Infinity"` and `"NaN"`; integers beyond
    2^53 - 1 their digits. Null members of objects are left out: absent and null mean the same in facts.
    """

    def __init__(self, values: int = MAX_VALUES) -> None:
        self._left = values
        self.cut = False

    def copy(self, value: Any, depth: int = 0) -> Any:  # noqa: ANN401 - any parsed JSON or YAML
        """Return a value that facts can hold; what goes beyond the limits is left out, and ``cut`` says so."""
        self._left -= 1
        if isinstance(value, float):
            return value if math.isfinite(value) else _word(value)
        if isinstance(value, str):
            if len(value) <= MAX_TEXT:
                return value
            self.cut = True
            return value[:MAX_TEXT]
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, int):
            return value if abs(value) <= SAFE_INTEGER else hex(value)[:MAX_TEXT]
        if depth == MAX_DEPTH or not isinstance(value, dict | list | tuple):
            self.cut = True
            return "…"
        if isinstance(value, dict):
            return self._object(value, depth + 1)
        return [self.copy(item, depth + 1) for item in value if self._more()]

    def _object(self, value: dict[Any, Any], depth: int) -> dict[str, Any]:
        copied = {}
        for key, item in value.items():
            if item is None:
                continue
            if self._left <= 0:
                self.cut = True
                break
            name = key if isinstance(key, str) and len(key) <= MAX_TEXT else str(key)[:MAX_TEXT]
            copied[name] = self.copy(item, depth)
        return copied

    def _more(self) -> bool:
        if self._left > 0:
            return True
        self.cut = True
        return False

    def findings(self) -> tuple[Finding, ...]:
        """Return a finding where not everything was kept."""
        if not self.cut:
            return ()
        message = f"only the first {MAX_VALUES} values, {MAX_DEPTH} levels and {MAX_TEXT} characters of a text are kept"
        return (Finding(rule="values-cut", severity=Severity.WARNING, message=message),)


def _word(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


def present(**values: Any) -> dict[str, Any]:  # noqa: ANN401 - any value of facts
    """Return the fields that are there."""
    return {key: value for key, value in values.items() if value is not None}


def is_number(value: object) -> bool:
    """Say whether this is a number, and no truth value."""
    return isinstance(value, int | float) and not isinstance(value, bool)
