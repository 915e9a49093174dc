"""``preprocessing``: what is done to numbers before they enter a model, shown and written for other programs."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Literal

import click

from herdbook.apps.cli.commands import Group
from herdbook.apps.cli.output import Drawing
from herdbook.apps.cli.session import Session, pass_session
from herdbook.kernel.errors import DeniedError
from herdbook.model.preprocessing import Preparation


@click.group(cls=Group)
def preprocessing() -> None:
    """What is done to numbers before they enter a model."""


@preprocessing.command()
@click.argument("given", type=click.Path(path_type=str), metavar="PATH|REF")
@pass_session
def show(session: Session, /, *, given: str) -> None:
    """Show inputs, features and what is done to each, in order.

    What exists as a path is read from there: a sidecar, or a folder with some. All else is a reference: its contract,
    then its files.
    """

    def view(found: list[Preparation]) -> Drawing:
        from herdbook.apps.cli.views import preprocessing as views

        return views.preparations(found)

    found = _found(session, given)
    session.output.many(
        found,
        view,
        brief=lambda each: "\n".join(feature.name for part in each.spec.inputs for feature in part.features),
        empty="Nothing there prepares inputs.",
    )


@preprocessing.command()
@click.argument("given", type=click.Path(path_type=str), metavar="PATH|REF")
@click.option("--to", "target", required=True, type=click.Choice(["weaver", "lwtnn"]), help="Who reads the file.")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), metavar="FILE", help="Into a file that is not there yet."
)
@click.option("--file", "path", default="", metavar="PATH", help="Which file, where several prepare inputs.")
@click.option(
    "--leave-out", multiple=True, metavar="FIELD", help="A field that may be lost, as sort_key; may be repeated."
)
@click.option(
    "--divisors-as-scales", is_flag=True, help="Write x / d as x * (1 / d), which may differ in the last bit."
)
@pass_session
def export(
    session: Session,
    /,
    *,
    given: str,
    target: Literal["weaver", "lwtnn"],
    output: Path | None,
    path: str,
    leave_out: tuple[str, ...],
    divisors_as_scales: bool,
) -> None:
    """Write it as weaver's preprocess.json, or as the inputs of a lwtnn network.

    What changes numbers and has no place there is refused, with the field named; units and descriptions are left out.
    """
    from herdbook.service import preprocessing as service
    from herdbook.service.preprocessing import sources

    one = sources.the_one(_found(session, given), path)
    made = service.export(one.spec, target, leave_out=leave_out, divisors_as_scales=divisors_as_scales)
    if output is not None:
        _write(output, made.text)
        made = made.model_copy(update={"file": str(output)})
    for finding in one.findings:
        session.output.warn(finding.message)

    def view() -> Drawing:
        from herdbook.apps.cli.views import preprocessing as views

        return views.exported(made)

    if output is not None or session.as_json:
        session.output.one(made, view, brief=made.file or "")
    else:
        click.echo(made.text, nl=False)


def _found(session: Session, given: str) -> list[Preparation]:
    """Return what prepares inputs in a file, a folder or a version."""
    from herdbook.service.preprocessing import sources

    if os.path.lexists(given):
        from herdbook.bootstrap.open import open_readers

        with contextlib.closing(open_readers()) as readers:
            return list(sources.of_paths(readers, [given]))
    with session.registry(read_only=True) as registry:
        entry, found = sources.of_version(registry, given)
    if entry.chosen:
        session.output.message(entry.chosen)
    return found


def _write(path: Path, text: str) -> None:
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise DeniedError(
            f"{path} cannot be written: {error.strerror}", code="unwritable", hint="Write elsewhere."
        ) from error
