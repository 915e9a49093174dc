"""Foreign identities: what another system calls something led to, and what a version is called elsewhere."""

from __future__ import annotations

import click

from herdbook.apps.cli.commands import Group
from herdbook.apps.cli.output import Drawing
from herdbook.apps.cli.references import complete_reference
from herdbook.apps.cli.session import Session, pass_session
from herdbook.kernel.errors import MissingError
from herdbook.model.identifiers import Identifier
from herdbook.model.identities import IdentityEntry


@click.group(cls=Group)
def identity() -> None:
    """What other systems call a version and its files."""


@identity.command()
@click.argument("identifier", metavar="SCHEME:VALUE")
@click.option("--tag", default="", metavar="TAG", help="Only what it led to in this tag of the source.")
@pass_session
def show(session: Session, /, *, identifier: str, tag: str) -> None:
    """Show what a foreign identity led to, from which tag on, until before which.

    As in cms-fileinpath:RecoTauTag/TrainingFiles/data/…/model.pb. Each answer names its evidence in the source.
    """
    name = Identifier.parse(identifier)
    with session.registry(read_only=True) as registry:
        entries = registry.identities.find(str(name), tag=tag)

    def view(found: list[IdentityEntry]) -> Drawing:
        from herdbook.apps.cli.views import identities

        return identities.found(found)

    if not entries:
        where = f" in tag {tag}" if tag else ""
        raise MissingError(
            f"nothing here is called {identifier}{where}",
            code="no-identity",
            hint="`herdbook identity of MODEL:LABEL` lists what a version is called elsewhere.",
        )
    session.output.many(entries, view, brief=lambda entry: entry.reference)


@identity.command()
@click.argument("reference", shell_complete=complete_reference)
@pass_session
def of(session: Session, /, *, reference: str) -> None:
    """List what a version, and its files, are called elsewhere, and in which tags."""
    with session.registry(read_only=True) as registry:
        entries = registry.identities.of(reference)

    def view(found: list[IdentityEntry]) -> Drawing:
        from herdbook.apps.cli.views import identities

        return identities.of(found)

    empty = "No other system is known to have a name for it."
    session.output.many(entries, view, brief=lambda entry: entry.id, empty=empty)
