"""From what a dataset was made, and how: the options of ``dataset register`` that make an activity."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from herdbook.apps.cli import documents

if TYPE_CHECKING:
    from herdbook.model.activities import ActivityEntry, Code
    from herdbook.model.datasets import Dataset
    from herdbook.ports.registry import Registry
    from herdbook.service.dataset_lineage import Origin

C = TypeVar("C", bound=Callable[..., Any])


def told(command: C) -> C:
    """Add the options."""
    for option in (
        click.option(
            "--config", "configs", multiple=True, metavar="FILE", help="A configuration it was made with. Repeatable."
        ),
        click.option(
            "--code", metavar="REPO@COMMIT|FOLDER", help="The code that made it; of a folder, what git says of it."
        ),
        click.option("--command", "typed", metavar="WORDS", help="What was typed to make it."),
        click.option(
            "--by", metavar="FILE", help="The activity that made it, as JSON; what is said beside it is added."
        ),
        click.option(
            "--activity-kind", metavar="KIND", help="What made it: dataset-conversion (default), dataset-production …"
        ),
        click.option(
            "--from",
            "--parent",
            "sources",
            multiple=True,
            metavar="SCHEME:VALUE|DIGEST",
            help="The dataset it was made from; an unknown one becomes known by its name. Repeatable.",
        ),
    ):
        command = option(command)
    return command


def origin(given: dict[str, Any]) -> Origin:
    """Return what is said of how it was made."""
    from herdbook.service.dataset_lineage import Origin

    found = Origin(
        inputs=given["sources"],
        kind=given["activity_kind"] or "",
        activity=documents.read_object(given["by"]) if given["by"] else None,
        command=given["typed"] or "",
        code=_code(given["code"]) if given["code"] else None,
        configs=[Path(name) for name in given["configs"]],
    )
    if given["activity_kind"] and not found.told:
        raise click.UsageError("--activity-kind goes with --from, --by, --command or --code.")
    return found


def _code(text: str) -> Code:
    if Path(text).is_dir():
        from herdbook.capture import git

        return git.read(Path(text)).told(with_diff=False)
    from herdbook.service import dataset_lineage

    return dataset_lineage.read_code(text)


def record(registry: Registry, namespace: str, value: Dataset, made: Origin) -> ActivityEntry | None:
    """Write down what made a dataset, where anything is said of it."""
    from herdbook.service import dataset_lineage

    return dataset_lineage.record(registry, namespace, value, made) if made.told else None
