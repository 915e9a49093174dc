"""The noun ``people``: what actors are called; the only erasable thing, and in no body."""

from __future__ import annotations

from herdbook.kernel.errors import DeniedError
from herdbook.model.principals import Person
from herdbook.service.context import Context


class People:
    """People, as the façade gives them."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def me(self) -> Person:
        """Return who acts."""
        actor = self._context.principal.id
        with self._context.catalogue.read() as tx:
            return tx.people([actor]).get(actor) or self._context.person or Person(id=actor)

    def name(self, person: Person) -> Person:
        """Say what oneself is called."""
        if person.id != self._context.principal.id:
            raise DeniedError(
                "only an actor says what it is called",
                code="not-yours",
                hint="The registry's owner may: `herdbook doctor`.",
            )
        with self._context.catalogue.write() as tx:
            tx.put_person(person)
        return person

    def list(self) -> list[Person]:
        """Return everybody who has a name here."""
        with self._context.catalogue.read() as tx:
            return sorted(tx.people().values(), key=lambda person: person.id)
