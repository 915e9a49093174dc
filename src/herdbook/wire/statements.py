"""Statements on the wire."""

from __future__ import annotations

from herdbook.model.base import Text
from herdbook.model.pages import Page
from herdbook.model.statements import Said, StatementEntry
from herdbook.wire.routes import Asked, Route

ADD: Route[list[StatementEntry]] = Route("statements.add", "POST", "/statements", list[StatementEntry])
LIST: Route[Page[StatementEntry]] = Route("statements.list", "GET", "/statements", Page[StatementEntry])
ABOUT: Route[dict[str, list[StatementEntry]]] = Route(
    "statements.about", "POST", "/statements/about", dict[str, list[StatementEntry]], asks=True
)
GET: Route[StatementEntry] = Route("statements.get", "GET", "/statement", StatementEntry)


class Add(Asked):
    """Statements to make, in one event."""

    namespace: Text
    statements: tuple[Said, ...]


class About(Asked):
    """Records of which all is asked that was said."""

    records: tuple[Text, ...]
