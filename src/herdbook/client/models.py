"""The noun ``models`` over HTTP."""

from __future__ import annotations

from herdbook.client.calls import Calls, asked
from herdbook.model.models import ModelEntry, Profile
from herdbook.model.pages import Page
from herdbook.model.statements import StatementEntry
from herdbook.wire import models as wire


class Models:
    """Models, as the façade gives them."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def get(self, name: str) -> ModelEntry:
        """Return a model."""
        return self._calls.get(wire.GET, name=name)

    def list(self, prefix: str = "", *, cursor: str | None = None, limit: int = 50) -> Page[ModelEntry]:
        """Return models by name."""
        return self._calls.get(wire.LIST, prefix=prefix or None, cursor=cursor, limit=limit)

    def profile(self, name: str, profile: Profile) -> StatementEntry:
        """Say what a model is for, in place of what its profile said before."""
        return self._calls.post(wire.PROFILE, asked(wire.SetProfile, name=name, profile=profile))

    def usage(self, prefix: str = "") -> dict[str, tuple[int, int]]:
        """Return, by model, bytes of its files that are here and of these the bytes that no other model shares."""
        return self._calls.get(wire.USAGE, prefix=prefix or None)
