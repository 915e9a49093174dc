"""Activities on the wire."""

from __future__ import annotations

from herdbook.model.activities import Activity, ActivityEntry
from herdbook.model.base import Text
from herdbook.model.pages import Page
from herdbook.wire.routes import Asked, Route

REGISTER: Route[ActivityEntry] = Route("activities.register", "POST", "/activities", ActivityEntry)
LIST: Route[Page[ActivityEntry]] = Route("activities.list", "GET", "/activities", Page[ActivityEntry])
GET: Route[ActivityEntry] = Route("activities.get", "GET", "/activity", ActivityEntry)


class Register(Asked):
    """An activity that ended."""

    namespace: Text
    activity: Activity
