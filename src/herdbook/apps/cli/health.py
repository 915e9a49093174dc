"""What an owner of the machine does: doctor, garbage collection, backup."""

from __future__ import annotations

import click

from herdbook.apps.cli import bundles, progress
from herdbook.apps.cli.commands import Command
from herdbook.apps.cli.output import Drawing
from herdbook.apps.cli.session import Session, pass_session
from herdbook.kernel.errors import EXIT_STATUS, Kind


@click.command(cls=Command)
@click.option("--expect", multiple=True, metavar="CHECKPOINT", help="A checkpoint kept elsewhere; repeatable.")
@click.option("--reindex", is_flag=True, help="Build the search index and the facts anew.")
@click.option("--no-blobs", is_flag=True, help="Do not read all files again.")
@click.option("--migrate", is_flag=True, help="First bring a registry of an older Herdbook up to date, keeping a copy.")
@pass_session
def doctor(session: Session, /, *, expect: tuple[str, ...], reindex: bool, no_blobs: bool, migrate: bool) -> None:
    """Check everything, and mend what can be worked out again.

    Chains, records, tables, and every byte of every file; exits with 7 when the registry is not sound. A journal whose
    tail was cut shows only against a checkpoint (`herdbook journal checkpoint`).
    """
    if migrate:
        from herdbook.bootstrap.migration import migrate_registry

        kept = migrate_registry(session.where)
        session.output.message(f"brought up to date; as it was: {kept}" if kept else "it is up to date already")
    with session.admin() as admin, progress.stepping(session.output) as step:
        report = admin.doctor(expect=expect, blobs=not no_blobs, reindex=reindex, step=step)

    def view() -> Drawing:
        from herdbook.apps.cli.views import reports

        return reports.doctor(report)

    session.output.one(report, view, brief="sound" if report.sound else "not sound")
    if no_blobs:
        session.output.hint("files were not read again; without --no-blobs they are")
    if not report.sound:
        raise click.exceptions.Exit(EXIT_STATUS[Kind.CORRUPT])


@click.command(cls=Command)
@click.option("--apply", is_flag=True, help="Remove them; without this they are only shown.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@pass_session
def gc(session: Session, /, *, apply: bool, yes: bool) -> None:
    """Find, or remove, bytes that nothing needs.

    Never what a record, a fact, a lease or a running upload needs. Without --apply nothing is removed.
    """
    with session.admin() as admin:
        with progress.stepping(session.output) as step:
            report = admin.garbage(dry_run=True, step=step)
        if apply:
            if report.candidates:
                session.confirm(f"Remove {len(report.candidates):,} blobs, {report.bytes:,} bytes?", yes=yes)
            with progress.stepping(session.output) as step:
                report = admin.garbage(dry_run=False, step=step)

    def view() -> Drawing:
        from herdbook.apps.cli.views import reports

        return reports.garbage(report)

    session.output.one(report, view, brief=str(report.bytes))
    if report.dry_run and report.candidates:
        session.output.hint("herdbook gc --apply removes them")


@click.command(cls=Command)
@click.argument("folder", type=click.Path(path_type=str))
@click.option("--verify", is_flag=True, help="Read what the folder has already again, instead of measuring it only.")
@pass_session
def backup(session: Session, /, *, folder: str, verify: bool) -> None:
    """Copy the registry while it is in use.

    A second backup into the same folder copies only what is new.
    """
    with session.admin() as admin, progress.stepping(session.output) as step:
        report = admin.backup(folder, verify=verify, step=step)
    bundles.tell(session, report, "backed up to")
