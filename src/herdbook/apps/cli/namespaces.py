"""Namespaces: create, list, usage, schema."""

from __future__ import annotations

import click

from herdbook.apps.cli import documents
from herdbook.apps.cli.answers import Usage
from herdbook.apps.cli.commands import Group
from herdbook.apps.cli.output import Drawing
from herdbook.apps.cli.references import complete_model, complete_namespace
from herdbook.apps.cli.session import Session, pass_session
from herdbook.model.journal import Checkpoint


@click.group(cls=Group)
def namespace() -> None:
    """Namespaces, their schemas and disk use."""


@namespace.command()
@click.argument("name")
@pass_session
def create(session: Session, /, *, name: str) -> None:
    """Begin a namespace and its journal here; one that is here already is answered with."""
    with session.registry() as registry:
        entry = registry.namespaces.create(name)
    session.output.one(
        entry, lambda: f"namespace {entry.namespace}, journal {entry.journal}, event {entry.seq}", brief=entry.namespace
    )


@namespace.command(name="list")
@pass_session
def list_(session: Session) -> None:
    """List namespaces and where their journals stand."""
    with session.registry(read_only=True) as registry:
        found = registry.namespaces.list()

    def view(entries: list[Checkpoint]) -> Drawing:
        from herdbook.apps.cli.views import listings

        return listings.checkpoints(entries)

    session.output.many(found, view, brief=lambda entry: entry.namespace, empty="There is no namespace here yet.")


@namespace.command()
@click.argument("prefix", required=False, default="", shell_complete=complete_model)
@pass_session
def usage(session: Session, /, *, prefix: str) -> None:
    """Show disk use by model.

    The bytes of its files that are here, and of these the bytes that no other model shares.
    """
    with session.registry(read_only=True) as registry:
        found = [
            Usage(model=model, bytes=whole, own_bytes=own)
            for model, (whole, own) in registry.models.usage(prefix).items()
        ]

    def view(entries: list[Usage]) -> Drawing:
        from herdbook.apps.cli.views import reports

        return reports.usage(entries)

    session.output.many(
        found, view, brief=lambda entry: f"{entry.bytes} {entry.model}", empty="There is no model here."
    )


@namespace.command()
@click.argument("name", shell_complete=complete_namespace)
@click.argument("entity", type=click.Choice(["model", "version", "dataset", "activity", "evaluation", "contract"]))
@click.argument("version")
@click.argument("file", type=click.Path(path_type=str, allow_dash=True))
@pass_session
def schema(session: Session, /, *, name: str, entity: str, version: str, file: str) -> None:
    """Register a JSON Schema (2020-12) for ext.NAME of an entity; VERSION is as 1.0."""
    document = documents.read_object(file)
    with session.registry() as registry:
        entry = registry.namespaces.schema(name, entity, version, document)
    session.output.one(
        entry, lambda: f"ext.{name} of a {entity}, version {version}, is checked from now on", brief=entry.digest
    )
