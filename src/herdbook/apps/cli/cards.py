"""``card``: the model card of a version, or the datasheet of a dataset, in Markdown."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from herdbook.apps.cli import documents
from herdbook.apps.cli.answers import CardAnswer
from herdbook.apps.cli.commands import Command
from herdbook.apps.cli.output import Drawing
from herdbook.apps.cli.references import complete_reference
from herdbook.apps.cli.session import Session, pass_session
from herdbook.kernel.errors import ConflictError, HerdbookError, InvalidError, MissingError
from herdbook.kernel.names import namespace_of
from herdbook.ports.registry import Registry


@click.command(cls=Command)
@click.argument("reference", shell_complete=complete_reference, metavar="REFERENCE|SCHEME:VALUE")
@click.option(
    "--write", type=click.Path(path_type=Path), metavar="FILE", help="Into a file, keeping what you wrote there."
)
@click.option("--check", is_flag=True, help="Only say, by the exit status, whether the file of --write is up to date.")
@click.option("--save", type=click.Path(path_type=Path), metavar="FILE", help="Keep what you wrote in a file's card.")
@pass_session
def card(session: Session, /, *, reference: str, write: Path | None, check: bool, save: Path | None) -> None:
    """Write a model card, or a dataset's datasheet, from what is known.

    What is generated stands between markers and is replaced the next time; what you write below a block is kept where
    it is. --save keeps it in the registry, so that a card written elsewhere has it too.
    """
    if (write and save) or (check and not write):
        raise click.UsageError("Give --write, perhaps with --check, or --save.")
    before = _read(write or save)
    with session.registry(read_only=save is None) as registry:
        answer = _save(registry, reference, save, before) if save else _made(registry, reference, write, before)
    if write and check and answer.changed:
        raise ConflictError(
            f"{write} is not up to date", code="card-outdated", hint=f"herdbook card {reference} --write {write}"
        )
    if write and not check:
        documents.replace(write, answer.text or "")

    def view() -> Drawing:
        from herdbook.apps.cli.views import text as t

        if save:
            return t.line(("saved", t.GOOD), (", ".join(answer.sections or ()), ""))
        return t.line((("written" if answer.changed else "unchanged"), t.GOOD), (str(write), t.HEAD))

    if write or save or session.as_json:
        session.output.one(answer, view, brief=answer.statement or str(write))
    else:
        click.echo(answer.text, nl=False)


def _made(registry: Registry, reference: str, write: Path | None, before: str) -> CardAnswer:
    from herdbook.service import cards

    _, _, kind = _subject(registry, reference)
    make = cards.model_card if kind == "model-card" else cards.datasheet
    text = make(registry, reference, before)
    return CardAnswer(file=str(write) if write else None, changed=text != before, text=text)


def _save(registry: Registry, reference: str, path: Path, before: str) -> CardAnswer:
    from herdbook.service import cards

    record, namespace, kind = _subject(registry, reference)
    entry = cards.save(registry, namespace, record, kind, before)
    return CardAnswer(file=str(path), statement=entry.digest, sections=tuple(sorted(entry.statement.body["sections"])))


def _subject(registry: Registry, reference: str) -> tuple[str, str, Literal["model-card", "datasheet"]]:
    """Return the record, a namespace to speak in, and which card it has."""
    try:
        entry = registry.versions.get(reference)
    except (InvalidError, MissingError) as error:
        try:
            dataset = registry.datasets.get(reference)
        except HerdbookError:
            raise error from None
        return dataset.record, dataset.namespaces[0], "datasheet"
    return entry.record, namespace_of(entry.model), "model-card"


def _read(path: Path | None) -> str:
    if path is None:
        return ""
    try:
        return path.read_text("utf-8")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidError(f"{path} cannot be read: {error}", code="bad-card", hint="Give a Markdown file.") from error
