"""People on the wire."""

from __future__ import annotations

from herdbook.model.base import Text
from herdbook.model.principals import Person
from herdbook.wire.routes import Asked, Route

ME: Route[Person] = Route("people.me", "GET", "/people/me", Person)
LIST: Route[list[Person]] = Route("people.list", "GET", "/people", list[Person])
NAME: Route[Person] = Route("people.name", "POST", "/people/name", Person)
IDENTIFY: Route[list[Person]] = Route("people.identify", "POST", "/people/identify", list[Person])


class Identify(Asked):
    """(name, address) pairs that another system names."""

    people: tuple[tuple[Text, Text], ...]
