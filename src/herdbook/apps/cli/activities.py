"""Activities: register, show, list."""

from __future__ import annotations

import click

from herdbook.apps.cli import documents, lineage
from herdbook.apps.cli.commands import Group
from herdbook.apps.cli.output import Drawing
from herdbook.apps.cli.paging import Walk, paged
from herdbook.apps.cli.references import complete_namespace
from herdbook.apps.cli.session import Session, pass_session
from herdbook.model.activities import Activity, ActivityEntry


@click.group(cls=Group)
def activity() -> None:
    """What turned inputs into outputs: trainings, conversions."""


@activity.command()
@click.argument("namespace", shell_complete=complete_namespace)
@click.argument("file", type=click.Path(path_type=str, allow_dash=True))
@pass_session
def register(session: Session, /, *, namespace: str, file: str) -> None:
    """Write down an activity that ended, from its JSON; - is standard input.

    One with the same kind and ids, or equal but for its times, is answered with what is there.
    """
    value = Activity.read(documents.read_object(file))
    with session.registry() as registry:
        entry = registry.activities.register(namespace, value)

    def view() -> Drawing:
        from herdbook.apps.cli.views import text as t

        return t.line(("registered", t.GOOD), (entry.activity.kind, t.HEAD), (t.short(entry.record), t.DIM))

    session.output.one(entry, view, brief=entry.record)


@activity.command()
@click.argument("reference", metavar="SCHEME:VALUE|DIGEST")
@pass_session
def show(session: Session, /, *, reference: str) -> None:
    """Show an activity with all that is known of it."""
    with session.registry(read_only=True) as registry:
        entry = registry.activities.get(reference)
        text = session.output.mode == "text"
        said = registry.statements.list(entry.record).items if text else ()
        nodes = lineage.neighbours(registry, [entry]) if text else {}

    def view() -> Drawing:
        from herdbook.apps.cli.views import activities

        return activities.activity(entry, nodes, said)

    session.output.one(entry, view, brief=entry.record)
    session.output.hint(f"herdbook trace {entry.record[:19]} shows what it came from")


@activity.command(name="list")
@click.option("--kind", default="", metavar="KIND", help="Only those of one kind, as training.")
@paged
@pass_session
def list_(session: Session, /, *, kind: str, limit: int, cursor: str | None, every: bool) -> None:
    """List activities."""
    with session.registry(read_only=True) as registry:
        walk = Walk(
            lambda after, count: registry.activities.list(kind=kind, cursor=after, limit=count),
            limit=limit,
            cursor=cursor,
            every=every,
        )

        def view(entries: list[ActivityEntry]) -> Drawing:
            from herdbook.apps.cli.views import listings

            return listings.activities(entries)

        shown = session.output.many(walk, view, brief=lambda entry: entry.record, empty="There is no activity.")
        walk.tell_the_rest(session, shown)
