"""The noun ``statements`` over HTTP."""

from __future__ import annotations

from collections.abc import Sequence

from herdbook.client.calls import Calls, asked
from herdbook.model.pages import Page
from herdbook.model.statements import Said, StatementEntry
from herdbook.wire import statements as wire


class Statements:
    """Statements, as the façade gives them."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def add(self, namespace: str, statements: Sequence[Said]) -> list[StatementEntry]:
        """Make statements, in one event."""
        return self._calls.post(wire.ADD, asked(wire.Add, namespace=namespace, statements=tuple(statements)))

    def get(self, digest: str) -> StatementEntry:
        """Return a statement by digest (prefix)."""
        return self._calls.get(wire.GET, digest=digest)

    def about(self, records: Sequence[str]) -> dict[str, list[StatementEntry]]:
        """Return, by record, all statements about records, oldest first."""
        return self._calls.post(wire.ABOUT, asked(wire.About, records=tuple(records)))

    def list(
        self, subject: str, *, kind: str = "", every: bool = False, cursor: str | None = None, limit: int = 50
    ) -> Page[StatementEntry]:
        """Return statements about a reference, a model's name, a digest, ``scheme:value`` or a namespace."""
        return self._calls.get(
            wire.LIST, subject=subject, kind=kind or None, every=every or None, cursor=cursor, limit=limit
        )
