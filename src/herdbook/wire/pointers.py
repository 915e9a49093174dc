"""Pointers on the wire."""

from __future__ import annotations

from herdbook.model.base import Text
from herdbook.model.pointers import Move, PointerEntry
from herdbook.wire.routes import Asked, Route

LIST: Route[list[PointerEntry]] = Route("pointers.list", "GET", "/pointers", list[PointerEntry])
HISTORY: Route[list[Move]] = Route("pointers.history", "GET", "/pointer/history", list[Move])
LABEL: Route[PointerEntry] = Route("pointers.label", "POST", "/pointers/label", PointerEntry)
ALIAS: Route[PointerEntry] = Route("pointers.alias", "POST", "/pointers/alias", PointerEntry)
CLEAR: Route[PointerEntry] = Route("pointers.clear", "POST", "/pointers/clear", PointerEntry)


class Label(Asked):
    """A further label for a version."""

    reference: Text
    label: Text


class Alias(Asked):
    """An alias to move; with ``expected`` only from there."""

    model: Text
    alias: Text
    to: Text
    expected: Text | None = None
    reason: Text = ""


class Clear(Asked):
    """An alias to remove."""

    model: Text
    alias: Text
    expected: Text | None = None
    reason: Text = ""
