"""Names of actors: the one table that holds them, so that it can be emptied."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, bindparam, delete, select

from herdbook.model.principals import Person
from herdbook.stores.sql.bulk import Many, chunks
from herdbook.stores.sql.schema import people

_ALL = select(people.c.id, people.c.name, people.c.email).order_by(people.c.id)
_SOME = _ALL.where(people.c.id.in_(bindparam("ids", expanding=True)))
_PUT = Many.over(people, "id", "name", "email", key=["id"])
_ERASE = delete(people).where(people.c.id == bindparam("actor"))


class PeopleTables:
    """Reads names."""

    connection: Connection

    def people(self, ids: Iterable[str] | None = None) -> dict[str, Person]:
        """Return those that are known, all when ``ids`` is ``None``."""
        if ids is None:
            rows = self.connection.execute(_ALL).all()
        else:
            rows = [row for part in chunks(ids) for row in self.connection.execute(_SOME, {"ids": part})]
        return {id_: Person(id=id_, name=name, email=email) for id_, name, email in rows}


class PeopleWriting(PeopleTables):
    """Writes names."""

    def put_person(self, person: Person) -> None:
        """Write what an actor is called; empty fields erase, and without any the row goes."""
        if person.name or person.email:
            _PUT.run(self.connection, [(person.id, person.name or None, person.email or None)])
        else:
            self.connection.execute(_ERASE, {"actor": person.id})
