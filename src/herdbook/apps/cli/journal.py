"""The journal: log, show, checkpoint, state."""

from __future__ import annotations

import click

from herdbook.apps.cli import people
from herdbook.apps.cli.answers import StateDigest
from herdbook.apps.cli.commands import Group
from herdbook.apps.cli.output import Drawing
from herdbook.apps.cli.paging import Walk, paged
from herdbook.apps.cli.references import complete_namespace
from herdbook.apps.cli.session import Session, pass_session
from herdbook.kernel.errors import InvalidError, MissingError
from herdbook.model.journal import Checkpoint, EventEntry
from herdbook.model.pages import Page


@click.group(cls=Group)
def journal() -> None:
    """What happened, event by event."""


@journal.command()
@click.argument("namespace", shell_complete=complete_namespace)
@paged
@pass_session
def log(session: Session, /, *, namespace: str, limit: int, cursor: str | None, every: bool) -> None:
    """List what happened in a namespace, in order; the cursor is the last event's number."""
    if cursor is not None and not cursor.isdecimal():
        raise InvalidError(f"{cursor!r} is no event's number", code="bad-cursor", hint="Give the last one you saw.")
    with session.registry(read_only=True) as registry:

        def fetch(after: str | None, count: int) -> Page[EventEntry]:
            return registry.journal.events(namespace, after=int(after or 0), limit=count)

        walk = Walk(fetch, limit=limit, cursor=cursor, every=every)
        names = people.names(registry) if session.output.mode == "text" else {}

        def view(entries: list[EventEntry]) -> Drawing:
            from herdbook.apps.cli.views import listings

            return listings.events(entries, names)

        shown = session.output.many(walk, view, brief=lambda entry: entry.digest, empty="Nothing more happened.")
        walk.tell_the_rest(session, shown)


@journal.command()
@click.argument("namespace", shell_complete=complete_namespace)
@click.argument("seq", type=click.IntRange(1))
@pass_session
def show(session: Session, /, *, namespace: str, seq: int) -> None:
    """Show one event with all its operations."""
    with session.registry(read_only=True) as registry:
        found = registry.journal.events(namespace, after=seq - 1, limit=1).items
        names = people.names(registry) if session.output.mode == "text" else {}
    if not found:
        raise MissingError(
            f"{namespace} has no event {seq}", code="no-event", hint=f"See `herdbook journal log {namespace}`."
        )

    def view() -> Drawing:
        from herdbook.apps.cli.views import listings

        return listings.event(found[0], names)

    session.output.one(found[0], view, brief=found[0].digest)


@journal.command()
@click.argument("namespaces", nargs=-1, metavar="[NAMESPACE]...", shell_complete=complete_namespace)
@pass_session
def checkpoint(session: Session, /, *, namespaces: tuple[str, ...]) -> None:
    """Print (journal, sequence, head), to be kept elsewhere; of all namespaces when none is named.

    With it `doctor --expect` and `bundle verify --expect` find a journal whose tail was cut.
    """
    with session.registry(read_only=True) as registry:
        found = [registry.journal.checkpoint(name) for name in namespaces] or registry.namespaces.list()

    def view(entries: list[Checkpoint]) -> Drawing:
        return "\n".join(str(entry) for entry in entries)

    session.output.many(found, view, brief=str, empty="There is no namespace here yet.")


@journal.command()
@click.argument("namespace", shell_complete=complete_namespace)
@pass_session
def state(session: Session, /, *, namespace: str) -> None:
    """Print the digest of a namespace's state, equal in every true copy."""
    with session.registry(read_only=True) as registry:
        answer = StateDigest(namespace=namespace, state_digest=registry.journal.state_digest(namespace))
    session.output.one(answer, lambda: answer.state_digest, brief=answer.state_digest)
