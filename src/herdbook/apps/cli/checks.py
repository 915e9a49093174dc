"""``check``: rules that look for traps in folders of models and in registered versions."""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import click

from herdbook.apps.cli import documents, progress
from herdbook.apps.cli.commands import Command
from herdbook.apps.cli.output import Drawing
from herdbook.apps.cli.references import complete_namespace
from herdbook.apps.cli.session import Session, pass_session
from herdbook.model.checks import CONSUMERS, RELEASED, CheckPolicy, Report, Rule, Runtime
from herdbook.service.sarif import Result

FOUND = 1
"""The exit status when something was found that fails, as an audit below what was asked for has it."""


def _consumers(_context: click.Context, _parameter: click.Parameter, value: str) -> dict[str, Runtime | None]:
    """Return the consumers that are named, each with the release that is named with it."""
    pairs = [name.strip().partition("=") for name in value.split(",") if name.strip()]
    unknown = sorted({name for name, _, _ in pairs} - set(CONSUMERS))
    if unknown:
        raise click.BadParameter(f"{', '.join(unknown)}: there are {', '.join(CONSUMERS)}.")
    if fixed := sorted({name for name, equals, _ in pairs if equals} - set(RELEASED)):
        raise click.BadParameter(
            f"of {', '.join(fixed)} no releases are known here; of {', '.join(RELEASED)} they are."
        )
    try:
        return {name: Runtime(release=release) if equals else None for name, equals, release in pairs}
    except ValueError as error:
        raise click.BadParameter(f"{value}: a release has numbers, as cmssw=CMSSW_14_1_X or triton=26.05.") from error


@click.command(cls=Command)
@click.argument("given", nargs=-1, type=click.Path(path_type=str), metavar="[REF|PATH]...")
@click.option(
    "--for",
    "consumers",
    default="",
    callback=_consumers,
    metavar="NAMES",
    help=f"Ask for these frameworks too, with commas between: {', '.join(CONSUMERS)}; of one release: cmssw=14_1.",
)
@click.option(
    "--policy",
    "namespace",
    metavar="NAMESPACE",
    shell_complete=complete_namespace,
    help="By whose policy folders are judged; a version by its own namespace's.",
)
@click.option("--strict", is_flag=True, help="Let a warning fail, too.")
@click.option("--sarif", type=click.Path(path_type=str), metavar="FILE", help="Write what was found as SARIF 2.1.0.")
@click.option("--rules", "listing", is_flag=True, help="List the rules.")
@click.option("--explain", metavar="RULE", help="Show the page of a rule: why, the real case, how to mend it.")
@pass_session
def check(
    session: Session,
    /,
    *,
    given: tuple[str, ...],
    consumers: dict[str, Runtime | None],
    namespace: str | None,
    strict: bool,
    sarif: str | None,
    listing: bool,
    explain: str | None,
) -> None:
    """Look for traps in a folder of a model, or in a version.

    What exists as a path is read from there, each folder on its own, files by the folder they lie in; all else is a
    reference. Nothing is executed. Exits with 1 when something of severity error was found; with --strict, or where
    the namespace's policy says so, a warning suffices.
    """
    if listing or explain is not None:
        if given or (listing and explain is not None):
            raise click.UsageError("--rules and --explain stand alone.")
        _tell_rules(session, explain)
        return
    if not given:
        raise click.UsageError("Name a folder, a file or a version.")
    bad = False
    results: list[Result] = []

    def reports() -> Iterator[Report]:
        nonlocal bad
        for result, fails in _checked(session, given, consumers, namespace, strict=strict):
            bad = bad or fails
            if sarif is not None:
                results.append(result)
            yield result.report

    def view(found: list[Report]) -> Drawing:
        from herdbook.apps.cli.views import checks as views

        return views.reports(found)

    session.output.many(
        reports(), view, brief=lambda report: f"{report.worst or 'clean'} {report.of}", empty="There is nothing."
    )
    if sarif is not None:
        _write(sarif, results)
    if bad:
        raise click.exceptions.Exit(FOUND)


def _checked(
    session: Session,
    given: Sequence[str],
    consumers: Mapping[str, Runtime | None],
    namespace: str | None,
    *,
    strict: bool,
) -> Iterator[tuple[Result, bool]]:
    """Yield what was found in each folder and version, and whether it fails."""
    from herdbook.bootstrap.checks import checks
    from herdbook.bootstrap.open import open_readers
    from herdbook.kernel.names import namespace_of
    from herdbook.service import checking, checking_policy, checking_subjects

    rules = checks()
    paths = [each for each in given if os.path.lexists(each) or each.startswith((".", "/", "~")) or each.endswith("/")]
    references = [each for each in given if each not in paths]
    runtimes = {name: runtime for name, runtime in consumers.items() if runtime is not None}
    with contextlib.ExitStack() as stack:
        registry = stack.enter_context(session.registry(read_only=True)) if references or namespace else None
        policy = checking_policy.named(registry, namespace) if registry and namespace else CheckPolicy()
        warn_of(session, policy)
        places = checking_subjects.places(paths)
        step = stack.enter_context(progress.stepping(session.output))
        if places:
            readers = stack.enter_context(contextlib.closing(open_readers()))
            subjects = checking_subjects.of_places(readers, places, consumers)
            for done, (place, each) in enumerate(zip(places, subjects, strict=True), 1):
                subject = dataclasses.replace(each, runtimes=runtimes)
                report = checking.check(subject, rules, policy, of=place.name)
                yield Result(report, subject, place.name), checking.failed(report, strict=strict or bool(policy.strict))
                if step is not None:
                    step("checking", done, len(places))
        for reference in references:
            assert registry is not None
            entry, subject = checking_subjects.of_version(registry, reference, consumers)
            own = policy
            if namespace is None:
                own = checking_policy.policy(registry, namespace_of(entry.model))
                warn_of(session, own)
            subject = dataclasses.replace(subject, runtimes=runtimes)
            report = checking.check(subject, rules, own, of=entry.reference)
            yield Result(report, subject), checking.failed(report, strict=strict or bool(own.strict))
            if entry.chosen:
                session.output.message(entry.chosen)


def warn_of(session: Session, policy: CheckPolicy) -> None:
    """Warn of names in a policy that are misspelt, for what it says of them has no effect."""
    if not policy.severities:
        return
    from herdbook.bootstrap.checks import rules
    from herdbook.service import checking_policy

    for name, near in checking_policy.misspelt(policy, {rule.id for rule in rules()}):
        session.output.warn(f"the policy names {name!r}, and no rule is called so; did you mean {near!r}?")


def _write(file: str, results: Sequence[Result]) -> None:
    import json

    from herdbook import __version__
    from herdbook.bootstrap import checks
    from herdbook.service import sarif

    about = sarif.About(version=__version__, rules=checks.rules(), page=checks.page, pages=checks.published())
    text = json.dumps(sarif.document(results, about, os.getcwd()), indent=1, ensure_ascii=False)  # noqa: PTH109 - a text
    documents.replace(Path(file), text + "\n")


def _tell_rules(session: Session, explain: str | None) -> None:
    from herdbook.bootstrap import checks

    def view(found: list[Rule]) -> Drawing:
        from herdbook.apps.cli.views import checks as views

        return views.rules(found) if explain is None else views.page(found[0], checks.page(found[0].id))

    wanted = checks.rules() if explain is None else [checks.rule(explain)]
    session.output.many(wanted, view, brief=lambda rule: rule.id)
