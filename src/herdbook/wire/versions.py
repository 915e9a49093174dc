"""Versions on the wire."""

from __future__ import annotations

from herdbook.model.base import Bool, Text
from herdbook.model.dossiers import Dossier
from herdbook.model.lineage import Impact, Lineage
from herdbook.model.pages import Page
from herdbook.model.registrations import Registration
from herdbook.model.versions import Entry, Registered
from herdbook.wire.routes import Asked, Route

RECORD: Route[list[Registered]] = Route("versions.record", "POST", "/versions", list[Registered])
LIST: Route[Page[Entry]] = Route("versions.list", "GET", "/versions", Page[Entry])
SEARCH: Route[Page[Entry]] = Route("versions.search", "GET", "/versions/search", Page[Entry])
FACETS: Route[dict[str, list[tuple[str, int]]]] = Route(
    "versions.facets", "GET", "/versions/facets", dict[str, list[tuple[str, int]]]
)
GET: Route[Entry] = Route("versions.get", "GET", "/version", Entry)
DOSSIER: Route[Dossier] = Route("versions.dossier", "GET", "/version/dossier", Dossier)
TRACE: Route[Lineage] = Route("versions.trace", "GET", "/version/trace", Lineage)
IMPACT: Route[Impact] = Route("versions.impact", "GET", "/version/impact", Impact)
UNDO: Route[Registered] = Route("versions.undo", "POST", "/version/undo", Registered)


class Record(Asked):
    """Versions to register, in one event for each namespace."""

    registrations: tuple[Registration, ...]
    batch: Bool = False


class Undo(Asked):
    """A mistaken registration to withdraw."""

    reference: Text
    reason: Text
