"""Blob stores: list, copy, verify, repair."""

from __future__ import annotations

from collections.abc import Sequence

import click

from herdbook.apps.cli import progress
from herdbook.apps.cli.commands import Group
from herdbook.apps.cli.output import Drawing
from herdbook.apps.cli.session import Session, pass_session
from herdbook.kernel.errors import EXIT_STATUS, Kind
from herdbook.model.stores import StoreEntry, StoreReport

RATE = click.option("--rate", type=click.FloatRange(min=0.001), metavar="MB/S", help="Read no more than that a second.")
NO_RESUME = click.option("--no-resume", is_flag=True, help="Begin anew, where an interrupted one would go on.")


@click.group(cls=Group)
def store() -> None:
    """Where bytes are kept: several places in an order."""


@store.command(name="list")
@click.option("--count", is_flag=True, help="Count blobs and bytes, which takes its time.")
@pass_session
def list_(session: Session, /, *, count: bool) -> None:
    """List the blob stores in their order, and when each was verified."""
    with session.admin() as admin:
        found = admin.stores(count=count)

    def view(entries: list[StoreEntry]) -> Drawing:
        from herdbook.apps.cli.views import stores

        return stores.entries(entries)

    session.output.many(found, view, brief=lambda entry: entry.name)


@store.command()
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="TO")
@RATE
@pass_session
def copy(session: Session, /, *, source: str, target: str, rate: float | None) -> None:
    """Copy what records need, and a store lacks, from another one.

    What is there already stays. Interrupted, run it again. Exits with 7 when something could not be had.
    """
    with session.admin() as admin, progress.stepping(session.output) as step:
        report = admin.copy_store(source, target, rate=per_second(rate), step=step)

    def view() -> Drawing:
        from herdbook.apps.cli.views import stores

        return stores.reports([report])

    session.output.one(report, view, brief=str(report.mended))
    _end(session, [report], several=True)


@store.command()
@click.argument("names", nargs=-1, metavar="[STORE]...")
@click.option("--all", "every", is_flag=True, help="All stores, as without a name.")
@RATE
@NO_RESUME
@pass_session
def verify(session: Session, /, *, names: tuple[str, ...], every: bool, rate: float | None, no_resume: bool) -> None:
    """Read every blob that records need, in every store, and compare.

    Interrupted, it goes on where it was. Exits with 7 when a store lacks something or has other bytes.
    """
    if names and every:
        raise click.UsageError("Name stores, or give --all.")
    verify_all(session, names, rate=rate, no_resume=no_resume)


@store.command()
@RATE
@pass_session
def repair(session: Session, /, *, rate: float | None) -> None:
    """Replace copies that are lost or corrupt by sound ones of another store.

    What a store lacks is found at once, what is corrupt by `herdbook store verify` before. Exits with 7 when no store
    has a sound copy of something.
    """
    with session.admin() as admin, progress.stepping(session.output) as step:
        reports = admin.repair_stores(rate=per_second(rate), step=step)
    _show(session, reports)
    if not all(report.sound for report in reports):
        session.output.hint(
            "what no store has sound comes from a backup, a bundle or a mirror; see docs/how-to/recover.md"
        )
        raise click.exceptions.Exit(EXIT_STATUS[Kind.CORRUPT])


def verify_all(session: Session, names: Sequence[str], *, rate: float | None, no_resume: bool) -> None:
    """Verify stores, all without ``names``; end with the status of corruption when something is wrong."""
    with session.admin() as admin:
        with progress.stepping(session.output) as step:
            reports = admin.verify_stores(names, rate=per_second(rate), resume=not no_resume, step=step)
        several = len(admin.stores()) > 1
    _show(session, reports)
    _end(session, reports, several=several)


def per_second(rate: float | None) -> float | None:
    """Return a rate in bytes a second, of one in MB."""
    return None if rate is None else rate * 1e6


def _show(session: Session, reports: list[StoreReport]) -> None:
    def view(found: list[StoreReport]) -> Drawing:
        from herdbook.apps.cli.views import stores

        return stores.reports(found)

    session.output.many(
        reports, view, brief=lambda report: f"{'sound' if report.sound else 'not-sound'} {report.store}"
    )


def _end(session: Session, reports: Sequence[StoreReport], *, several: bool) -> None:
    wrong = [report.store for report in reports if not report.sound]
    if wrong:
        helps = (
            "herdbook store repair" if several else "bring it from a backup, a bundle or a mirror, or register it again"
        )
        session.output.hint(f"not sound: {', '.join(wrong)}; {helps}")
        raise click.exceptions.Exit(EXIT_STATUS[Kind.CORRUPT])
