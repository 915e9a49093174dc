"""``import``: what other systems hold. Look, plan, apply, compare, take back."""

from __future__ import annotations

import os
from typing import Any

import click
from click.shell_completion import CompletionItem

from herdbook.apps.cli import progress
from herdbook.apps.cli.answers import RulesAnswer, Surveyed
from herdbook.apps.cli.commands import Command, Group
from herdbook.apps.cli.import_sources import complete_kind, complete_rules, described, opened
from herdbook.apps.cli.output import Drawing
from herdbook.apps.cli.references import LIMIT, complete_namespace
from herdbook.apps.cli.session import Session, pass_session
from herdbook.kernel.errors import EXIT_STATUS, ConflictError, Kind, MissingError
from herdbook.model.imports import ImportEntry, Status
from herdbook.ports.registry import Registry

_ABOUT = {
    "git": "Import from a git repository, or a bundle.",
    "folder": "Import from a folder.",
}
_LONG = """

Alone it shows what an import would do, and writes nothing. --plan FILE writes that down, to be edited: names, labels,
what to skip, which withdrawals to accept; planned again, what was edited stays. --apply does it, in one batch that can
be taken back as a whole; once more, it brings what is new. Nothing of the source is executed, and nothing in it
changed.
"""


class _Kinds(Group):
    """The group whose first commands are the kinds of sources that are installed."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """Return the kinds, then what can be done with imports."""
        from herdbook.bootstrap import importers

        return [*(kind for kind in importers.kinds() if kind not in self.commands), *self.commands]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command; one for a kind is made when it is asked for."""
        found = super().get_command(ctx, cmd_name)
        return found or (_of_kind(cmd_name) if cmd_name in self.list_commands(ctx) else None)


def _of_kind(kind: str) -> click.Command:
    @click.command(cls=Command, name=kind, help=_ABOUT.get(kind, f"Import from a source of kind {kind}.") + _LONG)
    @click.argument("source", type=click.Path(path_type=str))
    @click.option(
        "--plan",
        type=click.Path(path_type=str),
        metavar="FILE",
        help="Write the plan there; with --apply do what it says, as it was edited.",
    )
    @click.option("--apply", is_flag=True, help="Do it; without --plan as proposed.")
    @described
    @click.option(
        "--report", type=click.Path(path_type=str), metavar="FILE", help="Write the whole report too, as .md or .json."
    )
    @pass_session
    def command(session: Session, /, *, source: str, **given: Any) -> None:  # noqa: ANN401 - the options above
        from herdbook.apps.cli import import_plans

        import_plans.run(session, kind, source, import_plans.Given(**given))

    return command


@click.group(cls=_Kinds, name="import")
def import_() -> None:
    """What other systems hold: plan, apply, compare, take back."""


_KIND = click.option(
    "--kind", metavar="KIND", shell_complete=complete_kind, help="What the source is; by default as it looks."
)

_PLAN = click.option(
    "--plan",
    type=click.Path(path_type=str),
    metavar="FILE",
    help="The plan that it was imported by: it knows names, and what was left out.",
)


@import_.command()
@click.argument("source", type=click.Path(path_type=str))
@_KIND
@_PLAN
@described
@pass_session
def status(session: Session, /, *, source: str, kind: str | None, plan: str | None, **given: str | None) -> None:
    """Say what changed in a source since its import.

    Nothing is written. Exits with 4 when something drifted of which the registry is the master.
    """
    from herdbook.service import drifts, plan_file

    with opened(source, kind, **given) as it, session.registry(read_only=True) as registry:
        by = plan_file.read(plan) if plan else None
        with progress.waiting(session.output, f"comparing {it.source.name}"):
            answer = drifts.status(registry, it.source, it.rules, it.rules.namespace, plan=by)
    _tell(session, answer, "compared", source)


@import_.command()
@click.argument("source", type=click.Path(path_type=str))
@_KIND
@_PLAN
@described
@pass_session
def verify(session: Session, /, *, source: str, kind: str | None, plan: str | None, **given: str | None) -> None:
    """Compare a source and the registry once more.

    Byte by byte where both have bytes, and labels, identities and their tags.
    Exits with 7 when bytes differ, with 4 when something drifted of which the registry is the master.
    """
    from herdbook.service import drifts, plan_file

    with opened(source, kind, **given) as it, session.registry(read_only=True) as registry:
        by = plan_file.read(plan) if plan else None
        with progress.counting_bytes(session.output, "reading") as count:
            answer = drifts.verify(registry, it.source, it.rules, it.rules.namespace, plan=by, progress=count)
    _tell(session, answer, "verified", source)


def _tell(session: Session, answer: Status, verb: str, place: str) -> None:
    def view() -> Drawing:
        from herdbook.apps.cli.views import imports

        return imports.status(answer, verb)

    session.output.one(
        answer, view, brief="\n".join(f"{drift.what} {drift.reference or drift.model}" for drift in answer.drifts)
    )
    if any(drift.what == "new" for drift in answer.drifts):
        session.output.hint(f"herdbook import {answer.source.kind} {place} … shows what an import would bring")
    if any(drift.what in {"corrupt", "missing"} for drift in answer.drifts):
        raise click.exceptions.Exit(EXIT_STATUS[Kind.CORRUPT])
    if answer.alarm:
        raise click.exceptions.Exit(EXIT_STATUS[Kind.CONFLICT])


@import_.command()
@click.argument("sources", nargs=-1, required=True, type=click.Path(path_type=str), metavar="SOURCE...")
@click.option("--markdown", is_flag=True, help="Print the table as Markdown.")
@pass_session
def survey(session: Session, /, *, sources: tuple[str, ...], markdown: bool) -> None:
    """Show side by side what sources know.

    Field by field, of how many of its versions, and so what it does not know.
    No registry is needed. Each source is read by the rules that were made for it; NAME=SOURCE says what it is called.
    """
    from herdbook.service import surveys

    found = []
    for given in sources:
        name, _, place = ("", "", given) if os.path.lexists(given) else given.rpartition("=")
        with opened(place, name=name) as it, progress.waiting(session.output, f"reading {place}"):
            # Where models would stand does not matter here.
            drafts = it.source.drafts(it.rules.model_copy(update={"namespace": it.rules.namespace or "survey"}))
        state, known = drafts.source, surveys.coverage(drafts)
        found.append(Surveyed(name=state.name, kind=state.kind, versions=len(drafts.versions), coverage=known))

    def view(answers: list[Surveyed]) -> Drawing:
        from herdbook.apps.cli.views import imports

        return imports.survey_markdown(answers) if markdown else imports.survey(answers)

    session.output.many(found, view, brief=lambda answer: answer.name)


@import_.command(name="list")
@click.argument("namespace", required=False, default="", metavar="[NAMESPACE]", shell_complete=complete_namespace)
@pass_session
def list_(session: Session, /, *, namespace: str) -> None:
    """List the batches that were imported, the newest first."""
    with session.registry(read_only=True) as registry:
        entries = [entry for name in _namespaces(registry, namespace) for entry in registry.imports.list(name)]

    def view(found: list[ImportEntry]) -> Drawing:
        from herdbook.apps.cli.views import imports

        return imports.batches(found)

    session.output.many(entries, view, brief=lambda entry: entry.batch, empty="Nothing was imported here.")


def _namespaces(registry: Registry, given: str) -> list[str]:
    return [given] if given else [entry.namespace for entry in registry.namespaces.list()]


def _complete_batch(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    try:
        with context.ensure_object(Session).registry(read_only=True) as registry:
            found = [entry.batch for name in _namespaces(registry, "") for entry in registry.imports.list(name)]
    except Exception:  # noqa: BLE001 - a person who presses Tab wants no error
        return []
    return [CompletionItem(batch) for batch in found if batch.startswith(incomplete)][:LIMIT]


def _find(registry: Registry, batch: str) -> ImportEntry:
    """Return a batch of whichever namespace has it."""
    found = []
    for name in _namespaces(registry, ""):
        try:
            found.append(registry.imports.get(name, batch))
        except MissingError:
            continue
    if not found:
        raise MissingError(f"no import is called {batch!r}", code="no-batch", hint="`herdbook import list` has them.")
    if len(found) > 1:
        namespaces = ", ".join(entry.namespace for entry in found)
        raise ConflictError(f"{batch!r} fits imports of {namespaces}", code="ambiguous", hint="Write more of the id.")
    return found[0]


@import_.command()
@click.argument("batch", shell_complete=_complete_batch)
@pass_session
def show(session: Session, /, *, batch: str) -> None:
    """Show a batch: when, by whom, what it brought."""
    from herdbook.apps.cli import people

    with session.registry(read_only=True) as registry:
        entry = _find(registry, batch)
        names = people.names(registry) if session.output.mode == "text" else {}

    def view() -> Drawing:
        from herdbook.apps.cli.views import imports

        return imports.batch(entry, names)

    session.output.one(entry, view, brief=entry.batch)
    if not entry.withdrawn:
        session.output.hint(f"herdbook import undo {entry.batch[:12]} --reason … takes all of it back")


@import_.command()
@click.argument("batch", shell_complete=_complete_batch)
@click.option("--reason", required=True, metavar="WORDS", help="Why; it stays in the journal's statements.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@pass_session
def undo(session: Session, /, *, batch: str, reason: str, yes: bool) -> None:
    """Withdraw all that a batch brought, and clear its labels.

    What others added since stays, and nothing is deleted.
    """
    with session.registry() as registry:
        entry = _find(registry, batch)
        brought = f"{entry.versions:,} version{'' if entry.versions == 1 else 's'}"
        session.confirm(f"Withdraw all that batch {entry.batch[:12]} brought ({brought})?", yes=yes)
        done = registry.imports.undo(entry.namespace, entry.batch, reason=reason)

    def view() -> Drawing:
        from herdbook.apps.cli.views import text as t

        return t.line(("withdrawn", t.GOOD), f"batch {done.batch[:12]} of {done.namespace}", (brought, t.DIM))

    session.output.one(done, view, brief=done.batch)


@import_.command()
@click.argument("which", required=False, metavar="[NAME|FILE]", shell_complete=complete_rules)
@pass_session
def rules(session: Session, /, *, which: str | None) -> None:
    """List mapping rules, or run the tests of some.

    Exits with 1 when a test fails.
    """
    from herdbook.bootstrap import importers

    ready = importers.rule_names()
    answers = [_checked(name, ready_made=name in ready) for name in ([which] if which else ready)]

    def view(found: list[RulesAnswer]) -> Drawing:
        from herdbook.apps.cli.views import imports

        return imports.rules(found)

    session.output.many(answers, view, brief=lambda answer: answer.name)
    if any(answer.failures for answer in answers):
        raise click.exceptions.Exit(1)
    if which is None:
        session.output.hint("--rules NAME uses one; docs/reference/import-rules.md says how to write your own")


def _checked(which: str, *, ready_made: bool) -> RulesAnswer:
    from herdbook.bootstrap import importers
    from herdbook.service.mapping import rules_file

    found = importers.load_rules(which, "", "")
    return RulesAnswer(
        name=which,
        source=found.source,
        namespace=found.namespace,
        ready_made=ready_made,
        tests=len(found.tests),
        failures=tuple(rules_file.check(found)),
    )
