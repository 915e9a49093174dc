"""The noun ``people`` over HTTP. Names are erasable, so no cache keeps them."""

from __future__ import annotations

from collections.abc import Sequence

from herdbook.client.calls import Calls, asked
from herdbook.client.transport import AWAY
from herdbook.kernel.errors import UnavailableError
from herdbook.model.principals import Person
from herdbook.wire import people as wire


class People:
    """People, as the façade gives them; ``own`` is what the settings call who acts."""

    def __init__(self, calls: Calls, own: Person) -> None:
        self._calls = calls
        self._own = own

    def me(self) -> Person:
        """Return who acts: what the server calls it, else what the settings do."""
        try:
            found = self._calls.get(wire.ME, keep=False)
        except UnavailableError as error:
            if error.code != AWAY:
                raise
            return self._own
        return found if found.name or found.email else self._own

    def name(self, person: Person) -> Person:
        """Say what oneself is called."""
        return self._calls.post(wire.NAME, person)

    def identify(self, people: Sequence[tuple[str, str]]) -> list[Person]:
        """Return actors for (name, address) pairs; one address, compared without case, is one actor."""
        return self._calls.post(wire.IDENTIFY, asked(wire.Identify, people=tuple(people)))

    def list(self) -> list[Person]:
        """Return everybody who has a name there; nobody while the server is known to be away."""
        return [] if self._calls.away else self._calls.get(wire.LIST, keep=False)
