"""``profile``: what a model is for."""

from __future__ import annotations

from typing import Any

import click

from herdbook.apps.cli import documents
from herdbook.apps.cli.answers import ProfileAnswer
from herdbook.apps.cli.commands import Group
from herdbook.apps.cli.output import Drawing
from herdbook.apps.cli.references import complete_model
from herdbook.apps.cli.session import Session, pass_session
from herdbook.kernel.errors import MissingError
from herdbook.model.base import Json
from herdbook.model.models import Profile, Step

_FIELDS = [name for name in Profile.model_fields if name not in {"links", "ext"}]


@click.group(cls=Group)
def profile() -> None:
    """What a model is for."""


@profile.command()
@click.argument("model", shell_complete=complete_model)
@pass_session
def show(session: Session, /, *, model: str) -> None:
    """Show what a model is for."""
    with session.registry(read_only=True) as registry:
        entry = registry.models.get(model)
    found = entry.profile.json_object() if entry.profile else {}
    _print(session, ProfileAnswer(model=entry.name, profile=found, statement=entry.profile_digest))
    if not found:
        session.output.hint(f"herdbook profile set {entry.name} --title … --step … says it")


@profile.command(name="set")
@click.argument("model", shell_complete=complete_model)
@click.option("--title", metavar="WORDS", help="What it is, in a line.")
@click.option("--summary", metavar="WORDS", help="What it is, in a paragraph.")
@click.option(
    "--step",
    type=click.Choice([str(step) for step in Step]),
    metavar="STEP",
    help="The processing step in which it runs: " + ", ".join(Step) + ".",
)
@click.option("--task", metavar="WORDS", help="What it does, as jet tagging.")
@click.option("--object", metavar="WORDS", help="What it works on, as AK4 jets.")
@click.option("--domain", metavar="WORDS", help="The field it belongs to.")
@click.option(
    "--keyword",
    "keywords",
    multiple=True,
    metavar="WORD",
    help="By which people look for it; repeatable, replaces all.",
)
@click.option(
    "--maintainer",
    "maintainers",
    multiple=True,
    metavar="WHO",
    help="An actor's id or a group; repeatable, replaces all.",
)
@click.option("--lifecycle", type=click.Choice(["development", "production", "retired"]), help="How far it is.")
@click.option("--master", type=click.Choice(["registry", "source"]), help="Where the truth is kept.")
@click.option("--from", "file", metavar="FILE", help="A whole profile as JSON or TOML; options given beside it win.")
@click.option(
    "--unset", multiple=True, type=click.Choice(_FIELDS), metavar="FIELD", help="No longer say this; repeatable."
)
@pass_session
def set_(session: Session, /, *, model: str, file: str | None, unset: tuple[str, ...], **given: Any) -> None:  # noqa: ANN401 - the options above
    """Say what a model is for; what is not given stays as it was.

    The model need not have a version yet.
    """
    fields = {name: list(value) if isinstance(value, tuple) else value for name, value in given.items() if value}
    if not (fields or file or unset):
        raise click.UsageError("Say what to set, as --title or --step.")
    base = documents.read_object(file) if file else None
    with session.registry() as registry:
        if base is None:
            base = _current(registry, model)
        said: Json = {name: value for name, value in {**base, **fields}.items() if name not in unset}
        entry = registry.models.profile(model, Profile.read(said))
    _print(session, ProfileAnswer(model=model, profile=entry.statement.body, statement=entry.digest))


def _current(registry: Any, model: str) -> Json:  # noqa: ANN401 - any registry
    try:
        found = registry.models.get(model).profile
    except MissingError:
        return {}
    return found.json_object() if found else {}


def _print(session: Session, answer: ProfileAnswer) -> None:
    def view() -> Drawing:
        from rich.console import Group as Stack
        from rich.text import Text

        from herdbook.apps.cli.views import text as t

        head = t.line((answer.model, t.HEAD), (t.short(answer.statement) if answer.statement else "", t.DIM))
        if not answer.profile:
            return Stack(head, Text("nobody said what it is for", style=t.DIM))
        rows = t.pairs((name, Text(t.compact(value, 400))) for name, value in answer.profile.items())
        return Stack(head, rows)

    session.output.one(answer, view, brief=answer.statement or "")
