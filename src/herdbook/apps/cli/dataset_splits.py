"""``dataset split``: how a dataset is divided, run over its files and checked for overlap."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from herdbook.apps.cli import progress, subjects
from herdbook.apps.cli.commands import Command
from herdbook.apps.cli.output import Drawing
from herdbook.apps.cli.references import complete_namespace
from herdbook.apps.cli.session import Session, pass_session
from herdbook.model.splits import Split, SplitEntry
from herdbook.ports.registry import Registry

if TYPE_CHECKING:
    from herdbook.model.datasets import DatasetEntry


@click.command(cls=Command)
@click.argument("reference", metavar="SCHEME:VALUE|DIGEST")
@click.option(
    "--rule",
    "rules",
    multiple=True,
    metavar="ROLE:KIND:…",
    help="A part, as train:modulo:event:10:0-7; without, the split that is stated already. Repeatable.",
)
@click.option(
    "--run",
    "files",
    multiple=True,
    type=click.Path(path_type=str),
    metavar="FILE",
    help="Run it over these files, which must be the dataset's; a folder is taken whole. Repeatable.",
)
@click.option("--table", metavar="TABLE", help="The table whose entries are divided, where files hold several.")
@click.option("--selection", metavar="WORDS", help="What was cut away before: kept as words, not run.")
@click.option("--export", metavar="FILE.npz", help="Write the numbers of the entries of each part, counted from 0.")
@click.option("--allow-overlap", is_flag=True, help="State it though entries are in several parts.")
@click.option(
    "--in", "namespace", metavar="NAMESPACE", shell_complete=complete_namespace, help="In whose journal to say it."
)
@pass_session
def split(session: Session, /, *, reference: str, rules: tuple[str, ...], **given: Any) -> None:  # noqa: ANN401 - the options above
    """Say how a dataset is divided into training, validation and test, and run it.

    \b
    train:modulo:event:10:0-7       column mod 10 is 0 to 7
    test:hash:run+event:10:9:SALT   the same of sha256 of SALT:run:event (salt optional)
    train:range:run:300000..310000  the second is outside; either may be left out
    test:files:*_9.root,b/*         files by their path in the dataset
    train:entries:..80000           the first entries over all files

    With --run each entry is looked at: how many are in each part, in several, in none. An overlap is refused.
    """  # noqa: D301 - click's mark for text that is not folded
    from herdbook.service import split_stating

    with session.registry() as registry:
        entry = registry.datasets.get(reference)
        value = split_stating.wanted(registry, entry, rules, given["table"], given["selection"])
        if given["files"]:
            value = _run(session, registry, entry, value, given)
        found, _ = subjects.find(registry, entry.record)
        namespace = subjects.namespace_for(given["namespace"], found)
        stated = split_stating.state(registry, namespace, entry, value)
    answer = SplitEntry(dataset=entry.record, statement=stated.digest, split=value)

    def view() -> Drawing:
        from herdbook.apps.cli.views import datasets

        return datasets.split(value)

    session.output.one(answer, view, brief=stated.digest)
    if not given["files"]:
        session.output.hint("--run FILE runs it over the dataset's files and checks for overlap")


def _run(session: Session, registry: Registry, entry: DatasetEntry, value: Split, given: dict[str, Any]) -> Split:
    """Run a split over the dataset's files, and write what is asked for."""
    from herdbook.bootstrap import data
    from herdbook.service import split_stating
    from herdbook.service.split_indices import Indices

    with (
        contextlib.closing(data.open_files()) as files,
        Indices() as indices,
        progress.counting_bytes(session.output, "dividing") as told,
    ):
        done = split_stating.checked(
            registry, entry, value, files, given["files"], into=indices if given["export"] else None, progress=told
        )
        if given["export"]:
            indices.write(Path(given["export"]), [part.role for part in done.parts])
    split_stating.check_overlap(done, allowed=given["allow_overlap"])
    return done
