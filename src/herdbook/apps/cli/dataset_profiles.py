"""``dataset profile`` and ``dataset diff``: look at files of data without registering them, and compare."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from herdbook.apps.cli import progress
from herdbook.apps.cli.commands import Command
from herdbook.apps.cli.output import Drawing
from herdbook.apps.cli.session import Session, pass_session
from herdbook.kernel import units
from herdbook.model.dataset_profiles import DatasetProfile

if TYPE_CHECKING:  # numpy is loaded when data are read
    from herdbook.ports.blobs import Progress
    from herdbook.service.dataset_profiling import Profiling

C = TypeVar("C", bound=Callable[..., Any])


def described(command: C) -> C:
    """Add the options that say what is known of data beforehand."""
    for option in (
        click.option(
            "--events-table", metavar="TABLE", help="The table whose entries are events, where files hold several."
        ),
        click.option(
            "--missing",
            multiple=True,
            metavar="[COLUMN=]VALUE",
            help="A number that stands for an absent value, as pt=-999, or -999 in every column. Repeatable.",
        ),
        click.option(
            "--unit",
            "units_",
            multiple=True,
            metavar="COLUMN=UNIT",
            help="The unit of a column in UCUM, as pt=GeV; over what the files say. Repeatable.",
        ),
        click.option("--weights", metavar="COLUMN", help="The column of weights, which are summed."),
    ):
        command = option(command)
    return command


@contextlib.contextmanager
def profiling(given: dict[str, Any]) -> Iterator[Profiling]:
    """Give what profiles files, in worker processes that end with the block.

    Raises:
        UnavailableError: ``no-extra``, when numpy is not installed.
    """
    from herdbook.bootstrap import data
    from herdbook.service.dataset_profiling import Profiling, Wanted

    wanted = Wanted(
        weights=given["weights"],
        units=dict(map(_unit, given["units_"])),
        gaps=_gaps(given["missing"]),
        events=given["events_table"],
    )
    with contextlib.closing(data.open_files()) as files:
        yield Profiling(files, wanted)


def _unit(text: str) -> tuple[str, str]:
    column, equals, unit = text.rpartition("=")
    if not equals or not column:
        raise click.UsageError(f"{text!r} is no unit of a column; write COLUMN=UNIT, as pt=GeV.")
    return column, units.check(unit)


def _gaps(texts: tuple[str, ...]) -> dict[str, tuple[float, ...]]:
    found: dict[str, tuple[float, ...]] = {}
    for text in texts:
        column, _, value = text.rpartition("=")
        try:
            found[column or "*"] = (
                *found.get(column or "*", ()),
                int(value) if value.lstrip("-").isdigit() else float(value),
            )
        except ValueError as error:
            raise click.UsageError(f"{text!r} is no missing value; write COLUMN=NUMBER, or a NUMBER.") from error
    return found


def read(session: Session, files: tuple[str, ...], given: dict[str, Any]) -> DatasetProfile:
    """Return the profile of files of this machine."""
    from herdbook.service import dataset_files

    def look(made: Profiling, told: Progress | None) -> DatasetProfile:
        made.read(dataset_files.found(files), told)
        return made.profile()

    with profiling(given) as made, progress.counting_bytes(session.output, "reading") as told:
        return look(made, told)


@click.command(cls=Command)
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=str), metavar="FILE...")
@described
@pass_session
def profile(session: Session, /, *, files: tuple[str, ...], **given: Any) -> None:  # noqa: ANN401 - the options above
    """Look into files of data, and register nothing.

    ROOT (TTree, RNTuple), Parquet, HDF5, CSV, npz; a folder is taken whole, and several files are summed. Quantiles are
    exact up to 100,000 values of a column. Units are those that the files say; none is guessed.
    """
    found = read(session, files, given)

    def view() -> Drawing:
        from herdbook.apps.cli.views import datasets

        return datasets.profile(found)

    session.output.one(found, view, brief=found.fingerprint or "")


@click.command(cls=Command)
@click.argument("before", metavar="BEFORE")
@click.argument("after", metavar="AFTER")
@described
@pass_session
def diff(session: Session, /, *, before: str, after: str, **given: Any) -> None:  # noqa: ANN401 - the options above
    """Compare what two datasets hold: counts, columns, and how far their values shifted.

    BEFORE and AFTER are datasets that were profiled (SCHEME:VALUE or a digest), or files, or folders. The shift is W1,
    the area between the two quantile functions, in the column's unit and in deviations of the values before.
    """
    from herdbook.service import dataset_differences

    def look(name: str) -> DatasetProfile:
        if Path(name).exists():
            return read(session, (name,), given)
        from herdbook.service import dataset_registering

        with session.registry(read_only=True) as registry:
            return dataset_registering.current_profile(registry, name)[1]

    found = dataset_differences.compare(look(before), look(after), (before, after))

    def view() -> Drawing:
        from herdbook.apps.cli.views import datasets

        return datasets.difference(found)

    session.output.one(found, view, brief="same" if found.same else "different")
