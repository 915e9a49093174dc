"""The noun ``activities`` over HTTP."""

from __future__ import annotations

from herdbook.client.calls import Calls, asked
from herdbook.model.activities import Activity, ActivityEntry
from herdbook.model.pages import Page
from herdbook.wire import activities as wire


class Activities:
    """Activities, as the façade gives them."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def register(self, namespace: str, activity: Activity) -> ActivityEntry:
        """Write down an activity that ended."""
        return self._calls.post(wire.REGISTER, asked(wire.Register, namespace=namespace, activity=activity))

    def get(self, reference: str) -> ActivityEntry:
        """Return an activity by record digest (prefix), or by ``scheme:value`` of one of its ids."""
        return self._calls.get(wire.GET, reference=reference)

    def list(self, *, kind: str = "", cursor: str | None = None, limit: int = 50) -> Page[ActivityEntry]:
        """Return activities."""
        return self._calls.get(wire.LIST, kind=kind or None, cursor=cursor, limit=limit)
