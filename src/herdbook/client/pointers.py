"""The noun ``pointers`` over HTTP."""

from __future__ import annotations

from collections.abc import Sequence

from herdbook.client.calls import Calls, asked
from herdbook.model.pointers import Move, PointerEntry
from herdbook.wire import pointers as wire


class Pointers:
    """Labels, aliases, profiles, as the façade gives them."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def list(self, model: str) -> list[PointerEntry]:
        """Return the pointers of a model."""
        return self._calls.get(wire.LIST, model=model)

    def label(self, reference: str, label: str) -> PointerEntry:
        """Give a version a further label."""
        return self._calls.post(wire.LABEL, asked(wire.Label, reference=reference, label=label))

    def alias(self, model: str, alias: str, to: str, *, expected: str | None = None, reason: str = "") -> PointerEntry:
        """Move an alias to a version; with ``expected`` only from there."""
        told = _told(expected, reason)
        return self._calls.post(wire.ALIAS, asked(wire.Alias, model=model, alias=alias, to=to, **told))

    def clear(self, model: str, alias: str, *, expected: str | None = None, reason: str = "") -> PointerEntry:
        """Remove an alias; its history stays."""
        return self._calls.post(wire.CLEAR, asked(wire.Clear, model=model, alias=alias, **_told(expected, reason)))

    def history(self, pointer: str) -> Sequence[Move]:
        """Return who moved a pointer when, from where to where and why."""
        return self._calls.get(wire.HISTORY, pointer=pointer)


def _told(expected: str | None, reason: str) -> dict[str, str]:
    return ({} if expected is None else {"expected": expected}) | ({"reason": reason} if reason else {})
