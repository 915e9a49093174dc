"""``whoami``: who acts, and what that person is called; and the names that other commands show."""

from __future__ import annotations

import contextlib

import click

from herdbook.apps.cli.answers import Me
from herdbook.apps.cli.commands import Command
from herdbook.apps.cli.output import Drawing
from herdbook.apps.cli.session import Session, pass_session
from herdbook.bootstrap import settings as settings_
from herdbook.kernel.errors import HerdbookError
from herdbook.model.principals import Person
from herdbook.ports.registry import Registry


def names(registry: Registry) -> dict[str, str]:
    """Return what actors are called, by id."""
    return {person.id: person.name for person in registry.people.list() if person.name}


@click.command(cls=Command)
@click.option("--name", metavar="NAME", help="From now on be called so.")
@click.option("--email", metavar="ADDRESS", help="From now on be reached so.")
@click.option("--forget", is_flag=True, help="Erase name and address; the id stays.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@pass_session
def whoami(session: Session, /, *, name: str | None, email: str | None, forget: bool, yes: bool) -> None:
    """Say who acts, and what that person is called.

    The id is random and stands in every event. Name and address stand in a table that can be emptied, and in no
    record.
    """
    from herdbook.bootstrap import settings_file

    if forget and (name or email):
        raise click.UsageError("--forget erases; give a name or an address in another command.")
    if forget:
        session.confirm("Erase name and address of this actor here?", yes=yes)
        settings_file.change({"actor.name": None, "actor.email": None})
    elif given := {f"actor.{key}": value for key, value in (("name", name), ("email", email)) if value is not None}:
        settings_file.change(dict(given))
    found = settings_.load(registry=session.where)
    principal, actor = found.principal(), found.actor()
    person = Person(id=principal.id, name=found.text("actor.name") or None, email=found.text("actor.email") or None)
    if forget or name is not None or email is not None:
        with session.registry() as registry:
            registry.people.name(person)
    elif person.name is None:
        person = _known_here(session) or person
    me = Me(
        **principal.json_object(),
        name=person.name,
        email=person.email,
        origin=actor.origin,
        source=actor.source,
    )
    session.output.one(me, lambda: _view(me), brief=me.id)
    if person.name is None and not forget:
        session.output.hint('herdbook whoami --name "Your Name" gives this actor a name')


def _known_here(session: Session) -> Person | None:
    """Return what the registry calls this actor, if there is a registry."""
    with contextlib.suppress(HerdbookError), session.registry(read_only=True) as registry:
        return registry.people.me()
    return None


def _view(me: Me) -> Drawing:
    from herdbook.apps.cli.views import text as t

    how = {"os": "this account of the operating system", "claimed": "claimed, not checked"}
    return t.pairs(
        [
            ("name", me.name or "-"),
            ("email", me.email),
            ("id", me.id),
            ("kind", me.kind),
            ("sure by", how.get(me.assurance, me.assurance)),
            ("from", t.joined([me.origin, t.place(me.source)], " ")),
        ]
    )
