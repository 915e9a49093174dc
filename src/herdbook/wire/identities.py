"""Foreign identities on the wire."""

from __future__ import annotations

from herdbook.model.identities import IdentityEntry
from herdbook.wire.routes import Route

FIND: Route[list[IdentityEntry]] = Route("identities.find", "GET", "/identities", list[IdentityEntry])
OF: Route[list[IdentityEntry]] = Route("identities.of", "GET", "/version/identities", list[IdentityEntry])
