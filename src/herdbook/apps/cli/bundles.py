"""Bundles: export, verify, import."""

from __future__ import annotations

import click

from herdbook.apps.cli import progress
from herdbook.apps.cli.commands import Group
from herdbook.apps.cli.output import Drawing
from herdbook.apps.cli.references import complete_namespace
from herdbook.apps.cli.session import Session, pass_session
from herdbook.kernel.errors import EXIT_STATUS, Kind
from herdbook.model.health import BundleReport


@click.group(cls=Group)
def bundle() -> None:
    """Copies that prove themselves."""


def tell(session: Session, report: BundleReport, done: str) -> None:
    """Print a report; end with the status of corruption when it is not sound."""

    def view() -> Drawing:
        from herdbook.apps.cli.views import reports

        return reports.bundle(report, done)

    session.output.one(report, view, brief=report.folder)
    if not report.sound:
        raise click.exceptions.Exit(EXIT_STATUS[Kind.CORRUPT])


@bundle.command()
@click.argument("folder", type=click.Path(path_type=str))
@click.option(
    "--namespace",
    "namespaces",
    multiple=True,
    metavar="NAME",
    shell_complete=complete_namespace,
    help="Only this one; repeatable.",
)
@click.option(
    "--since",
    multiple=True,
    metavar="CHECKPOINT",
    help="A part, from the event after this on; for one namespace the event's number will do. Repeatable.",
)
@click.option(
    "--after", type=click.Path(path_type=str), metavar="BUNDLE", help="A part that follows an earlier bundle."
)
@click.option("--no-people", is_flag=True, help="Leave out what actors are called.")
@pass_session
def export(
    session: Session,
    /,
    *,
    folder: str,
    namespaces: tuple[str, ...],
    since: tuple[str, ...],
    after: str | None,
    no_people: bool,
) -> None:
    """Write journals, records and files of namespaces into a folder.

    A name that ends in .tar becomes one file. With --since or --after only what is new comes: a part, which proves
    what is in it and not that nothing is missing. `herdbook bundle import` takes parts in their order.
    """
    with session.admin() as admin, progress.stepping(session.output) as step:
        report = admin.export_bundle(folder, namespaces, since=since, after=after, people=not no_people, step=step)
    tell(session, report, "exported to")
    session.output.hint(f"herdbook bundle verify {folder}")


@bundle.command()
@click.argument("folder", type=click.Path(path_type=str))
@click.option("--expect", multiple=True, metavar="CHECKPOINT", help="A checkpoint that must be in it; repeatable.")
@pass_session
def verify(session: Session, /, *, folder: str, expect: tuple[str, ...]) -> None:
    """Check a bundle: chains, records, files, completeness; exits with 7 when it is not sound.

    A folder, or a tar of it. No registry is needed.
    """
    from herdbook.service import bundles

    with progress.stepping(session.output) as step:
        report = bundles.verify(folder, expect=expect, step=step)
    tell(session, report, "verified")


@bundle.command(name="import")
@click.argument("folder", type=click.Path(path_type=str))
@pass_session
def import_(session: Session, /, *, folder: str) -> None:
    """Replay a bundle into this registry, which then is in the same state."""
    with session.admin() as admin, progress.stepping(session.output) as step:
        report = admin.import_bundle(folder, step=step)
    tell(session, report, "imported")
