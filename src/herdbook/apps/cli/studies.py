"""Studies: how hyper-parameters were searched for, and which trial was chosen."""

from __future__ import annotations

import click

from herdbook.apps.cli.commands import Group
from herdbook.apps.cli.output import Drawing
from herdbook.apps.cli.references import complete_namespace, complete_reference
from herdbook.apps.cli.session import Session, pass_session
from herdbook.kernel.errors import InvalidError, MissingError
from herdbook.model.activities import ActivityEntry
from herdbook.model.identifiers import Identifier
from herdbook.model.studies import Study, Trial
from herdbook.ports.registry import Registry

SHOWN = 10
"""Trials that a person is shown, the best first."""


@click.group(cls=Group)
def study() -> None:
    """How hyper-parameters were searched for."""


@study.command()
@click.argument("namespace", shell_complete=complete_namespace)
@click.argument("source", metavar="FILE|STORAGE")
@click.option("--optuna", is_flag=True, help="The source is an Optuna storage: its URL, or the path of a journal file.")
@click.option("--name", metavar="WORDS", help="The study's name; in a storage, which one.")
@click.option(
    "--objective", default="value", show_default=True, metavar="COLUMN", help="The column that was optimised."
)
@click.option("--maximise/--minimise", "maximise", default=False, help="Whether large values are good.")
@click.option("--chosen", type=click.IntRange(0), metavar="NUMBER", help="The trial that was chosen, if not the best.")
@click.option("--for", "version", shell_complete=complete_reference, metavar="REF", help="The version it led to.")
@pass_session
def add(
    session: Session,
    /,
    *,
    namespace: str,
    source: str,
    optuna: bool,
    name: str | None,
    objective: str,
    maximise: bool,
    chosen: int | None,
    version: str | None,
) -> None:
    """Keep a search: its space, its trials, the one that was chosen.

    FILE is a table of trials, CSV with a head or JSON lines: the objective's column, perhaps number and state, and a
    column for each parameter. Telling the same again changes nothing.
    """
    from herdbook.service import studies

    if optuna or source.startswith("sqlite:"):
        value, trials = studies.of_optuna(studies.open_optuna(source, name))
        ids = [Identifier(scheme="optuna-study", value=f"{value.name}/{studies.begun(trials)}")]
        if chosen is not None:
            value = value.model_copy(update={"chosen": chosen, "chosen_by": "said"})
    else:
        direction = "maximise" if maximise else "minimise"
        given = {"name": name or source.rpartition("/")[2], "objective": objective, "direction": direction}
        value, trials = studies.of_table(_text(source), **given, chosen=chosen)
        ids = []
    with session.registry() as registry:
        entry = studies.register(registry, namespace, value, trials, chosen_for=version, ids=ids)

    def view() -> Drawing:
        from herdbook.apps.cli.views import text as t

        told = (t.many(value.trials, "trial"), t.DIM)
        return t.line(("registered", t.GOOD), (value.name, t.HEAD), (t.short(entry.record), t.DIM), told)

    session.output.one(entry, view, brief=entry.record)
    session.output.hint(f"herdbook study show {entry.record[:19]}")


def _text(source: str) -> str:
    from pathlib import Path

    try:
        return Path(source).read_text("utf-8")
    except FileNotFoundError as error:
        raise MissingError(f"{source} is not there", code="no-path", hint="Check the path.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidError(
            f"{source} cannot be read: {error}", code="bad-table", hint="Give CSV, or JSON lines."
        ) from error


@study.command()
@click.argument("reference", metavar="DIGEST|SCHEME:VALUE")
@click.option("--trials", "every", is_flag=True, help="All trials, as JSON lines.")
@pass_session
def show(session: Session, /, *, reference: str, every: bool) -> None:
    """Show a search: its space, its best trials, the one that was chosen."""
    with session.registry(read_only=True) as registry:
        entry = registry.activities.get(reference)
        value = _study(entry, reference)
        trials = _trials(registry, entry)

    def view() -> Drawing:
        from herdbook.apps.cli.views import studies

        return studies.study(value, trials, SHOWN)

    if every:
        for trial in trials:
            click.echo(trial.model_dump_json(exclude_none=True))
    else:
        session.output.one(entry, view, brief=entry.record)


def _study(entry: ActivityEntry, reference: str) -> Study:
    if entry.activity.kind != "hyper-parameter-search" or entry.activity.search is None:
        raise InvalidError(
            f"{reference} is a {entry.activity.kind}, and no study",
            code="no-study",
            hint="`herdbook activity list --kind hyper-parameter-search` shows them.",
        )
    return Study.read(entry.activity.search)


def _trials(registry: Registry, entry: ActivityEntry) -> list[Trial]:
    from herdbook.service import studies

    part = next((part for part in entry.activity.outputs or () if part.role == "trials" and part.blob), None)
    if part is None or part.blob is None:
        return []
    with registry.files.blob(entry.namespaces[0], part.blob) as stream:
        return studies.read_table(stream.read())
