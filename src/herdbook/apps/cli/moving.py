"""Where a registry lives changes; what it is does not."""

from __future__ import annotations

import click

from herdbook.apps.cli import bundles, progress
from herdbook.apps.cli.commands import Command
from herdbook.apps.cli.session import Session, pass_session


@click.command(cls=Command)
@pass_session
def move(session: Session) -> None:
    """Move the catalogue from the registry's folder into PostgreSQL.

    Into the empty database that registry.toml names. The registry keeps its id, so its namespaces keep their home.
    Nobody may write meanwhile; all or nothing. What was the catalogue is kept as catalogue.sqlite.moved, and is never
    written again.
    """
    from herdbook.bootstrap.moving import move_catalogue

    with progress.stepping(session.output) as step:
        report = move_catalogue(session.where, step)
    bundles.tell(session, report, "moved the catalogue of")
    session.output.hint("herdbook doctor")
