"""Releases on the wire."""

from __future__ import annotations

from herdbook.model.releases import Released, ReleaseEntry
from herdbook.wire.routes import Route

GET: Route[ReleaseEntry] = Route("releases.get", "GET", "/release", ReleaseEntry)
VERSIONS: Route[list[Released]] = Route("releases.versions", "GET", "/release/versions", list[Released])
OF: Route[list[Released]] = Route("releases.of", "GET", "/version/releases", list[Released])
LIST: Route[list[ReleaseEntry]] = Route("releases.list", "GET", "/releases", list[ReleaseEntry])
