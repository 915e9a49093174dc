"""Adopt: versions of another registry, registered anew in this one."""

from __future__ import annotations

import contextlib

import click

from herdbook.apps.cli import progress
from herdbook.apps.cli.commands import Command
from herdbook.apps.cli.output import Drawing
from herdbook.apps.cli.session import Session, pass_session
from herdbook.kernel.errors import EXIT_STATUS, Kind
from herdbook.model.mirrors import AdoptReport


@click.command(cls=Command)
@click.argument("references", nargs=-1, required=True, metavar="REFERENCE...")
@click.option(
    "--from", "source", required=True, metavar="SRC", type=click.Path(path_type=str), help="A server or a folder."
)
@click.option("--as", "as_model", default="", metavar="MODEL", help="Adopt under this name.")
@click.option(
    "--into", default="", metavar="NAMESPACE", help="Adopt into this namespace, under the same name below it."
)
@click.option("--label", default="", metavar="LABEL", help="Give it this label, instead of those that it has there.")
@click.option(
    "--depth",
    default=50,
    show_default=True,
    type=click.IntRange(0),
    help="How many trainings, conversions … back lineage comes along.",
)
@click.option("--dry-run", is_flag=True, help="Say what would come, and what stands against it; write nothing.")
@pass_session
def adopt(
    session: Session,
    /,
    *,
    references: tuple[str, ...],
    source: str,
    as_model: str,
    into: str,
    label: str,
    depth: int,
    dry_run: bool,
) -> None:
    """Register versions of another registry in this one.

    A version, by its exact reference, or all of a model, by its name: the same digests under new ordinals, with the
    files, with what is currently said about them, and with what led to them. The original events and statements stay
    here as evidence. A second run brings what is new since. All conflicts are told before anything is written.
    """
    from herdbook.bootstrap.open import open_registry
    from herdbook.service.adopt_select import Wish
    from herdbook.service.adopting import adopt as service

    wish = Wish(references, as_model=as_model, label=label, into=into)
    with (
        contextlib.closing(open_registry(source, read_only=True, create=False)) as there,
        session.registry() as here,
        progress.stepping(session.output) as step,
    ):
        report = service(there, here, wish, depth=depth, dry_run=dry_run, step=step)
    _tell(session, report)
    if report.conflicts:
        raise click.exceptions.Exit(EXIT_STATUS[Kind.CONFLICT])


def _tell(session: Session, report: AdoptReport) -> None:
    def view() -> Drawing:
        from herdbook.apps.cli.views import copies

        return copies.adoption(report)

    names = "\n".join(f"{item.model}@{item.ordinal}" for item in report.versions if item.ordinal)
    session.output.one(report, view, brief=names)
    if report.batches:
        session.output.hint(f"herdbook import undo {report.batches[0][:12]} --reason … takes all of it back")
