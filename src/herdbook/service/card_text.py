"""Markdown of cards: tables and texts in which nothing that somebody typed can become a marker, a cell or a tag."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

_TABLE = str.maketrans({"|": "\\|", "\n": " ", "\r": " "})


def prose(text: object) -> str:
    """Return a text of several lines whose Markdown is kept, and whose HTML is not."""
    return str(text).replace("&", "&amp;").replace("<", "&lt;").strip()


def cell(value: Any) -> str:  # noqa: ANN401 - whatever a body holds
    """Return a value for a table's cell."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}" if math.isfinite(value) else str(value)
    if isinstance(value, list | tuple):
        return ", ".join(map(cell, value))
    if isinstance(value, dict):
        return ", ".join(f"{key} {cell(item)}" for key, item in value.items())
    return prose(value).translate(_TABLE)


def table(heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Return a table; empty when it has no row."""
    lines = ["| " + " | ".join("" if item is None else cell(item) for item in row) + " |" for row in rows]
    if not lines:
        return ""
    return "\n".join(["| " + " | ".join(heads) + " |", "|" + " --- |" * len(heads), *lines])


def bullets(items: Iterable[str]) -> str:
    """Return a list, one item a line."""
    return "\n".join(f"- {item}" for item in items)


def size(count: int | None) -> str:
    """Return bytes in a unit that people read."""
    if count is None:
        return ""
    for unit, power in (("GB", 9), ("MB", 6), ("kB", 3)):
        if count >= 10**power:
            return f"{count / 10**power:.3g} {unit}"
    return f"{count} B"
