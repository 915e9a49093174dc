"""``audit`` and ``recheck``: how complete, how far it could be trained again, and whether places still have it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import timedelta

import click

from herdbook.apps.cli.commands import Command
from herdbook.apps.cli.output import Drawing
from herdbook.apps.cli.references import complete_namespace, complete_reference
from herdbook.apps.cli.session import Session, pass_session
from herdbook.kernel.errors import EXIT_STATUS, Kind
from herdbook.model.audits import Audited, AuditLine
from herdbook.ports.registry import Registry

BELOW = 1
"""The exit status when a version is below what was asked for, as a comparison that found a difference has it."""
LOST = EXIT_STATUS[Kind.MISSING]
_UNITS = {"m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}


def _span(_context: click.Context, _parameter: click.Parameter, value: str) -> timedelta:
    """Read a span of time."""
    match = re.fullmatch(r"([0-9]{1,6})([mhdw])", value)
    if match is None:
        raise click.BadParameter(f"{value!r} is no span of time; write 90m, 12h, 30d or 2w.")
    return timedelta(seconds=int(match[1]) * _UNITS[match[2]])


@click.command(cls=Command)
@click.argument("reference", required=False, shell_complete=complete_reference)
@click.option(
    "--namespace", metavar="PREFIX", shell_complete=complete_namespace, help="A table of all newest versions."
)
@click.option("--verify", is_flag=True, help="Read the version's files again, too.")
@click.option("--all", "every", is_flag=True, help="All items, not only what is missing.")
@click.option("--freeze", is_flag=True, help="Write the audit down as a statement.")
@click.option("--min-level", type=click.IntRange(0, 5), metavar="N", help="Exit with 1 below this level, 0 to 5.")
@click.option("--check", is_flag=True, help="Exit with 1 below what the namespace demands.")
@click.option("--explain", metavar="ITEM", help="Say what gives an item its scores.")
@pass_session
def audit(
    session: Session,
    /,
    *,
    reference: str | None,
    namespace: str | None,
    verify: bool,
    every: bool,
    freeze: bool,
    min_level: int | None,
    check: bool,
    explain: str | None,
) -> None:
    """Say how complete it is, and how far it could be trained again.

    First what is missing, with the commands that would supply it; then the profile and the level, R0 to R5, with what
    holds it back. Everything is worked out from records and checks that ran; what is unknown scores zero.
    """
    from herdbook.service.auditing import Auditor

    if explain is None and (reference is None) == (namespace is None):
        raise click.UsageError("Name a version, or a --namespace.")
    if namespace is not None and (freeze or verify):
        raise click.UsageError("--freeze and --verify go with one version.")
    with session.registry(read_only=not freeze) as registry:
        if explain is not None:
            _explain(session, registry, explain, namespace or (reference or "").partition("/")[0])
            return
        auditor = Auditor(registry)
        if reference is None:
            bad = _table(session, auditor.newest(namespace or ""), min_level, check=check)
        else:
            found = auditor.audit(reference, verify=verify)
            found = auditor.freeze(found) if freeze else found
            _one(session, found, every=every)
            bad = _below(AuditLine.of(found), min_level, check=check)
    if bad:
        raise click.exceptions.Exit(BELOW)


def _one(session: Session, found: Audited, *, every: bool) -> None:
    def view() -> Drawing:
        from herdbook.apps.cli.views import audits

        return audits.audit(found, every=every)

    session.output.one(found, view, brief=f"R{found.audit.level}")
    if found.statement:
        session.output.message(f"frozen as {found.statement[7:19]}")


def _table(session: Session, audits: Iterable[Audited], least: int | None, *, check: bool) -> bool:
    """Print a line for each version as it comes; return whether one is below what was asked for."""
    from herdbook.apps.cli.views.audits import HEAD, line

    bad, count = False, 0
    for found in audits:
        told = AuditLine.of(found)
        if session.output.mode == "text":
            if not count:
                session.output.draw(HEAD)
            session.output.draw(line(told))
        else:
            session.output.many([told], lambda _: None, brief=lambda each: f"{each.reference} R{each.level}")
        count += 1
        bad = _below(told, least, check=check) or bad
    if not count:
        session.output.message("There is no version.")
    return bad


def _below(told: AuditLine, least: int | None, *, check: bool) -> bool:
    return (least is not None and told.level < least) or (check and bool(told.below))


def _explain(session: Session, registry: Registry, name: str, namespace: str) -> None:
    from herdbook.service import checklist

    item = checklist.find(registry, name, namespace)

    def view() -> Drawing:
        from herdbook.apps.cli.views import audits

        return audits.item(item)

    session.output.one(item, view, brief=item.title)


@click.command(cls=Command)
@click.argument("references", nargs=-1, shell_complete=complete_reference)
@click.option("--namespace", metavar="PREFIX", shell_complete=complete_namespace, help="All newest versions of it.")
@click.option(
    "--older-than",
    callback=_span,
    default="30d",
    show_default=True,
    metavar="SPAN",
    help="Leave alone what is younger: 90m, 12h, 30d, 2w.",
)
@click.option("--limit", type=click.IntRange(1), metavar="N", help="Ask at most so many places.")
@click.option("--rate", type=click.FloatRange(0), default=0.0, metavar="N", help="Ask at most so many a second.")
@click.option("--in", "journal", metavar="NAMESPACE", help="In whose journal to say it, where it is not the model's.")
@pass_session
def recheck(
    session: Session,
    /,
    *,
    references: tuple[str, ...],
    namespace: str | None,
    older_than: timedelta,
    limit: int | None,
    rate: float,
    journal: str | None,
) -> None:
    """Ask again whether places still have data, code and files.

    Fit for cron: what was asked within --older-than is left alone, and it may be killed and run again. Exits with 3
    when something was lost, and names the versions whose level fell.
    """
    from herdbook.bootstrap import places
    from herdbook.service.auditing import newest
    from herdbook.service.rechecking import Rechecker, Settings

    if bool(references) == (namespace is not None):
        raise click.UsageError("Name versions, or a --namespace.")
    settings = Settings(older_than=older_than, limit=limit, rate=rate, namespace=journal or "")
    with session.registry() as registry, places.opened() as asked:
        work = Rechecker(registry, asked, settings)
        for looked in work.run(references or newest(registry, namespace or "")):
            if session.output.mode == "json":
                session.output.many([looked], lambda _: None, brief=lambda _: "")
            elif session.output.mode == "text":
                from herdbook.apps.cli.views import audits

                session.output.draw(audits.looked(looked))
        report = work.report

    def view() -> Drawing:
        from herdbook.apps.cli.views import audits

        return audits.recheck(report)

    session.output.one(report, view, brief="ok" if report.sound else "lost")
    if not report.sound:
        raise click.exceptions.Exit(LOST)
