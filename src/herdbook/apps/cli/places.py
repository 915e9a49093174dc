"""``data``: where the bytes of versions and datasets lie outside of registries, and how they come there."""

from __future__ import annotations

import click

from herdbook.apps.cli import progress, subjects
from herdbook.apps.cli.commands import Group
from herdbook.apps.cli.output import Drawing
from herdbook.apps.cli.references import complete_reference
from herdbook.apps.cli.session import Session, pass_session
from herdbook.model.places import Location
from herdbook.model.statements import StatementEntry


@click.group(cls=Group)
def data() -> None:
    """Where a version's bytes lie outside of registries."""


@data.command()
@click.argument("reference", shell_complete=complete_reference)
@click.option("--rse", required=True, metavar="RSE", help="Rucio's storage element.")
@click.option("--scope", default="", metavar="SCOPE", help="Rucio's scope; else user. and your account.")
@click.option("--name", default="", metavar="NAME", help="The dataset's name; else model and label, with dots.")
@click.option(
    "--at",
    default="",
    metavar="URI",
    help="The files lie at the storage element already, in this folder: register them.",
)
@pass_session
def put(session: Session, /, *, reference: str, rse: str, scope: str, name: str, at: str) -> None:
    """Put a version's files into Rucio as a closed dataset.

    Uploaded, or with --at read there, compared and registered where they lie. That they are there is then said of the
    version, so that `herdbook fetch` can take them from there. Doing it again brings only what is not there.
    """
    from herdbook.bootstrap.places import opened
    from herdbook.service import sending

    with session.registry() as registry, opened() as places:
        entry = registry.versions.get(reference)
        with progress.counting_bytes(session.output, "reading", entry.version.size) as count:
            sent = sending.put(registry, places, reference, rse, scope=scope, name=name, at=at, progress=count)

    def view() -> Drawing:
        from herdbook.apps.cli.views import text as t

        what = f"{t.many(sent.files, 'file')}, {t.size(sent.size_bytes)}"
        return t.line(("put", t.GOOD), (sent.reference, t.HEAD), (what, t.DIM), (f"as {sent.location.uri}", ""))

    session.output.one(sent, view, brief=sent.location.uri)


@data.command()
@click.argument("reference", metavar="REFERENCE|DATASET|DIGEST", shell_complete=complete_reference)
@click.option("--now", is_flag=True, help="Ask the places now; nothing is written down.")
@pass_session
def where(session: Session, /, *, reference: str, now: bool) -> None:
    """Show where a version, a dataset or a training's code can be had.

    And when that was last found out. Without --now no place is asked.
    """
    from herdbook.bootstrap.places import opened
    from herdbook.kernel.errors import HerdbookError, InvalidError
    from herdbook.service import placing

    with session.registry(read_only=True) as registry, opened() as places:
        _, subject = subjects.find(registry, reference)
        if subject.record is None:
            raise InvalidError(
                f"{reference!r} is nothing that lies in a place",
                code="bad-subject",
                hint="Name a version or a dataset.",
            )
        known = placing.known(registry, subject.record)
        if not now:
            session.output.many([each.entry for each in known], _said, brief=_brief, empty="Nothing says where it is.")
            return

        def asked(uri: str) -> Location:
            try:
                return placing.look(places, uri)
            except HerdbookError as error:
                return Location(uri=uri, state="unknown", detail=error.message)

        uris = dict.fromkeys(each.location.uri for each in known)
        found = map(asked, uris)
        session.output.many(found, _rows, brief=lambda each: f"{each.state} {each.uri}", empty="Nothing says where.")


def _brief(entry: StatementEntry) -> str:
    return f"{entry.statement.body.get('state', 'unknown')} {entry.statement.body['uri']}"


def _said(entries: list[StatementEntry]) -> Drawing:
    return _rows([Location.read(entry.statement.body) for entry in entries])


def _rows(found: list[Location]) -> Drawing:
    from rich.console import Group as Stack

    from herdbook.apps.cli.views import text as t

    colours = {"exists": t.GOOD, "gone": t.LOUD, "unknown": t.WARM}
    return Stack(
        *(
            t.line(
                (each.state, colours[each.state]),
                (each.uri, t.HEAD),
                ((each.asked or "never asked")[:10], t.DIM),
                (each.detail or "", t.DIM),
            )
            for each in found
        )
    )
