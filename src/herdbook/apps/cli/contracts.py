"""``contract``: what goes into a model and comes out, begun from its files, shown, and said of a version."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Literal

import click

from herdbook.apps.cli import documents
from herdbook.apps.cli.answers import ContractAnswer
from herdbook.apps.cli.commands import Group
from herdbook.apps.cli.output import Drawing
from herdbook.apps.cli.references import complete_reference
from herdbook.apps.cli.session import Session, pass_session
from herdbook.kernel.errors import ConflictError, MissingError
from herdbook.service.contracts import Assembled
from herdbook.service.contracts.declared import FILE, Declared


@click.group(cls=Group)
def contract() -> None:
    """What goes into a model and what comes out."""


@contract.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=str), metavar="PATH...")
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="FILE", help="Into a file; without it, shown.")
@click.option("--merge", is_flag=True, help="Keep what stands in FILE, or in the folder's contract.yaml.")
@pass_session
def init(session: Session, /, *, paths: tuple[str, ...], output: Path | None, merge: bool) -> None:
    """Begin a contract from files: all that they tell, and unknown for the rest.

    PATH is a folder, or the files of one model. Where two files tell different things, both are named and the value
    stays unknown. Fill in what you know, and let contract.yaml lie in the folder when you register it, or say it with
    herdbook contract add.
    """
    from herdbook.bootstrap.open import open_readers
    from herdbook.service.contracts import stating, writing

    if output is not None and output.exists() and not merge:
        raise ConflictError(
            f"{output} is there already", code="file-there", hint="Give --merge to keep what it says, or another FILE."
        )
    mine = _before(paths, output) if merge else None
    with contextlib.closing(open_readers()) as readers:
        found = stating.of_paths(readers, paths, mine)
    text = writing.write(found)
    if output is not None:
        documents.replace(output, text)
    answer = _answer(paths[0], "files", found, file=str(output) if output else None)
    _show(session, answer, found, None if output is not None else text)


@contract.command()
@click.argument("given", shell_complete=complete_reference, metavar="PATH|REF")
@pass_session
def show(session: Session, /, *, given: str) -> None:
    """Show the contract of a version, or of a folder.

    What exists as a path is read from there, with its contract.yaml. Of a version what is said is shown; when nobody
    said anything, what its files tell.
    """
    from herdbook.service.contracts import stating, writing

    if os.path.lexists(given):
        from herdbook.bootstrap.open import open_readers

        mine = _before((given,), None, needed=False)
        with contextlib.closing(open_readers()) as readers:
            found = stating.of_paths(readers, (given,), mine)
        answer = _answer(given, "declared" if mine else "files", found)
    else:
        with session.registry(read_only=True) as registry:
            dossier = registry.versions.dossier(given)
            found = stating.of_version(dossier)
        if dossier.entry.chosen:
            session.output.message(dossier.entry.chosen)
        answer = _answer(dossier.entry.reference, "declared" if dossier.said("contract") else "files", found)
    _show(session, answer, found, writing.write(found))


@contract.command()
@click.argument("reference", shell_complete=complete_reference)
@click.argument("file", metavar="FILE")
@click.option("--confirm", is_flag=True, help="Say it although the version's files tell otherwise.")
@pass_session
def add(session: Session, /, *, reference: str, file: str, confirm: bool) -> None:
    """Say the contract in FILE of a version, in place of what you said before.

    What the version's files tell as well has them as its evidence. Where they tell otherwise nothing is said, unless
    you confirm. FILE is YAML as herdbook contract init writes it; - is standard input.
    """
    from herdbook.service.contracts import declared, stating

    mine = declared.read(documents.read_bytes(file), Path(file).name if file != "-" else "standard input")
    with session.registry() as registry:
        entry, found = stating.add(registry, reference, mine, confirm=confirm)
    answer = _answer(reference, "declared", found, statement=entry.digest)
    _show(session, answer, found, None)
    if waiting := [pointer for pointer, each in found.evidence.items() if each.how == "inferred"]:
        session.output.hint(f"{len(waiting)} values are only inferred, as {waiting[0]}; see evidence in the file")


def _before(paths: tuple[str, ...], output: Path | None, *, needed: bool = True) -> Declared | None:
    """Return what an author wrote before: in the file to be written, else in the folder that is read."""
    from herdbook.service.contracts import declared

    places = [output] if output is not None and output.exists() else [Path(path, FILE) for path in paths]
    for path in places:
        if path.is_file():
            return declared.read(path.read_bytes(), path.name)
    if needed and output is None:
        raise MissingError(f"there is no {FILE} to merge with", code="no-path", hint="Leave --merge out, or give -o.")
    return None


def _answer(
    of: str,
    source: Literal["declared", "files"],
    found: Assembled,
    *,
    file: str | None = None,
    statement: str | None = None,
) -> ContractAnswer:
    return ContractAnswer(
        of=of,
        source=source,
        contract=found.contract,
        evidence=dict(found.evidence),
        unknown=found.unknown,
        findings=found.findings,
        file=file,
        statement=statement,
    )


def _show(session: Session, answer: ContractAnswer, found: Assembled, text: str | None) -> None:
    """Print the YAML, or a line that says what was written or said; findings apart, for a file may be read on."""

    def view() -> Drawing:
        from herdbook.apps.cli.views import text as t

        word = "said" if answer.statement else "written"
        counts = f"{t.many(len(answer.evidence), 'place')} of evidence, {len(answer.unknown)} unknown"
        return t.line((word, t.GOOD), (answer.file or answer.of, t.HEAD), (counts, t.DIM))

    if session.output.mode == "text" and text is not None:
        click.echo(text, nl=False)
    else:
        session.output.one(answer, view, brief=answer.statement or answer.file or answer.of)
    if session.output.mode == "text":
        for each in found.findings:
            named = not each.path or each.path in each.message
            session.output.warn(each.message if named else f"{each.path}: {each.message}")
