"""Mirror: namespaces of another registry, byte for byte."""

from __future__ import annotations

import contextlib

import click

from herdbook.apps.cli import progress
from herdbook.apps.cli.commands import Command
from herdbook.apps.cli.output import Drawing
from herdbook.apps.cli.session import Session, pass_session
from herdbook.kernel.errors import EXIT_STATUS, Kind
from herdbook.model.mirrors import MirrorReport


@click.command(cls=Command)
@click.argument("source", metavar="SRC", type=click.Path(path_type=str))
@click.argument("folder", metavar="DST", type=click.Path(path_type=str))
@click.argument("namespaces", nargs=-1, metavar="[NAMESPACE...]")
@click.option("--watch", is_flag=True, help="Go on until interrupted, and hear at once of what happens there.")
@click.option("--no-people", is_flag=True, help="Leave out what actors are called.")
@pass_session
def mirror(
    session: Session, /, *, source: str, folder: str, namespaces: tuple[str, ...], watch: bool, no_people: bool
) -> None:
    """Keep a copy of namespaces of another registry, byte for byte.

    SRC is a server or a folder, DST the folder of a registry on this machine, made when it is not there. Only what is
    new comes; a run that broke off is continued by the next. The copy is only read: its home is where it was begun.
    Without NAMESPACE all come but those that have their home in DST.
    """
    from herdbook.bootstrap.open import init_registry, open_admin, open_registry

    with (
        contextlib.closing(open_registry(source, read_only=True, create=False)) as there,
        contextlib.closing(open_admin(init_registry(folder))) as here,
    ):
        if watch:
            with contextlib.suppress(KeyboardInterrupt):
                for report in here.follow(there, namespaces, people=not no_people):
                    _tell(session, report)
            session.output.message("stopped; what is there is sound")
            return
        with progress.stepping(session.output) as step:
            report = here.mirror(there, namespaces, people=not no_people, step=step)
    _tell(session, report)
    if not report.sound:
        raise click.exceptions.Exit(EXIT_STATUS[Kind.CORRUPT])


def _tell(session: Session, report: MirrorReport) -> None:
    def view() -> Drawing:
        from herdbook.apps.cli.views import copies

        return copies.mirror(report)

    heads = (f"{item.namespace} {item.seq} {item.head}" for item in report.namespaces)
    session.output.many([report], lambda _: view(), brief=lambda _: "\n".join(heads))
