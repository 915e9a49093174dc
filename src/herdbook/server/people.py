"""The noun ``people`` over HTTP."""

from __future__ import annotations

from herdbook.model.principals import Person
from herdbook.ports.registry import Registry
from herdbook.server.calls import Calls
from herdbook.wire import people as wire

router = Calls("people")


@router.answers(wire.ME)
def me(registry: Registry) -> Person:
    """Return who acts."""
    return registry.people.me()


@router.answers(wire.LIST)
def list_(registry: Registry) -> list[Person]:
    """Return everybody who has a name here."""
    return registry.people.list()


@router.answers(wire.NAME)
def name(registry: Registry, asked: Person) -> Person:
    """Say what an actor (oneself) is called; empty fields erase."""
    return registry.people.name(asked)


@router.answers(wire.IDENTIFY)
def identify(registry: Registry, asked: wire.Identify) -> list[Person]:
    """Return actors for (name, address) pairs that another system names; new ones get a random id."""
    return registry.people.identify(asked.people)
