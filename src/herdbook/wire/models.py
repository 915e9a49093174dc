"""Models on the wire."""

from __future__ import annotations

from herdbook.model.base import Text
from herdbook.model.models import ModelEntry, Profile
from herdbook.model.pages import Page
from herdbook.model.statements import StatementEntry
from herdbook.wire.routes import Asked, Route

GET: Route[ModelEntry] = Route("models.get", "GET", "/model", ModelEntry)
LIST: Route[Page[ModelEntry]] = Route("models.list", "GET", "/models", Page[ModelEntry])
PROFILE: Route[StatementEntry] = Route("models.profile", "POST", "/model/profile", StatementEntry)
USAGE: Route[dict[str, tuple[int, int]]] = Route("models.usage", "GET", "/models/usage", dict[str, tuple[int, int]])


class SetProfile(Asked):
    """What a model is for."""

    name: Text
    profile: Profile
