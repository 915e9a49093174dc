"""The noun ``people``: what actors are called; the only erasable thing, and in no body."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from herdbook.kernel import digests
from herdbook.kernel.errors import DeniedError, InvalidError
from herdbook.model.principals import Person
from herdbook.ports.catalogue import Writer
from herdbook.service.context import Context

_TOGETHER = 1000
"""People that are looked up together."""
_ERASED = "erased"
"""Scope of the memos that name actors who were erased here."""


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
            put(tx, person)
        return person

    def identify(self, people: Sequence[tuple[str, str]]) -> list[Person]:
        """Return actors for (name, address) pairs; one address, compared without case, is one actor."""
        for pair in people:
            if not any(pair):
                raise InvalidError("somebody without a name and an address is nobody", code="nobody")
        with self._context.catalogue.read() as tx:
            known = _Known(tx.people().values())
        found = [known.find(*pair) for pair in people]
        if all(found):
            return [person for person in found if person]
        with self._context.catalogue.write() as tx:
            known = _Known(tx.people().values())
            answers = []
            for name, email in people:
                person = known.find(name, email)
                if person is None:
                    person = Person(id=digests.new_id("actor"), name=name or None, email=email or None)
                    tx.put_person(person)
                    known.add(person)
                answers.append(person)
        return answers

    def list(self) -> list[Person]:
        """Return everybody who has a name here."""
        with self._context.catalogue.read() as tx:
            return sorted(tx.people().values(), key=lambda person: person.id)


class _Known:
    """People by address, and those without one by name; of several the first by id."""

    def __init__(self, people: Iterable[Person]) -> None:
        self._by: dict[tuple[str, str], Person] = {}
        for person in sorted(people, key=lambda person: person.id):
            self.add(person)

    def add(self, person: Person) -> None:
        self._by.setdefault(_key(person.name or "", person.email or ""), person)

    def find(self, name: str, email: str) -> Person | None:
        return self._by.get(_key(name, email))


def _key(name: str, email: str) -> tuple[str, str]:
    return ("", email.strip().casefold()) if email.strip() else (name.strip(), "")


def put(tx: Writer, person: Person) -> None:
    """Write what an actor is called; who is erased stays so when a copy tells the name again."""
    tx.put_person(person)
    if person.name or person.email:
        tx.drop_memos(_ERASED, [person.id])
    else:
        tx.put_memo(_ERASED, person.id, b"")


def take_over(context: Context, told: Iterable[Person]) -> int:
    """Take over from a copy what actors are called whose names are not known here; return how many.

    Who was erased here stays erased.
    """
    new = 0
    named = [person for person in told if person.name or person.email]
    for start in range(0, len(named), _TOGETHER):
        part = named[start : start + _TOGETHER]
        with context.catalogue.read() as tx:
            known = tx.people([person.id for person in part])
            lacking = [p for p in part if p.id not in known and tx.memo(_ERASED, p.id) is None]
        if lacking:
            with context.catalogue.write() as tx:
                for person in lacking:
                    tx.put_person(person)
            new += len(lacking)
    return new
