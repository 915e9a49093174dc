"""Datasets: register, profile, split, compare, show, list."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from herdbook.apps.cli import (
    dataset_origins,
    dataset_places,
    dataset_profiles,
    dataset_reading,
    dataset_splits,
    documents,
    people,
)
from herdbook.apps.cli.commands import Group
from herdbook.apps.cli.output import Drawing
from herdbook.apps.cli.paging import Walk, paged
from herdbook.apps.cli.references import complete_namespace
from herdbook.apps.cli.session import Session, pass_session
from herdbook.kernel.errors import InvalidError
from herdbook.model.base import Json
from herdbook.model.datasets import Dataset, DatasetEntry
from herdbook.model.statements import StatementEntry


@click.group(cls=Group)
def dataset() -> None:
    """What models are trained and tested on."""


dataset.add_command(dataset_profiles.profile)
dataset.add_command(dataset_profiles.diff)
dataset.add_command(dataset_splits.split)
dataset.add_command(dataset_places.resolve)
dataset.add_command(dataset_places.recheck)


@dataset.command()
@click.argument("namespace", shell_complete=complete_namespace)
@click.argument("identifier", metavar="[SCHEME:VALUE]", required=False)
@click.option("--manifest", metavar="FILE", help="Its files, as JSON lines with path, size, sha256, events.")
@click.option(
    "--file",
    "files",
    multiple=True,
    type=click.Path(path_type=str),
    metavar="PATH|URI",
    help="Its files, read now; a folder is taken whole, a URI is a file elsewhere. Repeatable.",
)
@click.option("--profile/--no-profile", default=True, help="Whether to look into the files, or only at their digests.")
@dataset_profiles.described
@click.option("--here", is_flag=True, help="State, too, that the files lie where they do on this machine.")
@dataset_origins.told
@click.option("--title", metavar="WORDS", help="What it is, in a line.")
@click.option("--events", type=click.IntRange(0), help="How many events it has.")
@click.option("--kind", type=click.Choice(["data", "mc", "embedded", "toy", "mixed"]), help="What sort of data.")
@click.option("--description", metavar="FILE", help="Title, licence, contact and more, as JSON or TOML.")
@pass_session
def register(session: Session, /, *, namespace: str, identifier: str | None, **given: Any) -> None:  # noqa: ANN401 - the options above
    """Make a dataset known: by its identifier, by its files, or both.

    The identifier is SCHEME:VALUE, as in cms-dbs:/TTTo2L2Nu…/MINIAODSIM or local:toy-taus. Files are not stored: the
    manifest keeps their paths, sizes and digests, and a profile what is in them. With --from it is the output of a
    conversion, so that its lineage goes on: model, training file, n-tuple, DAOD or MINIAOD, raw data.
    """
    if given["manifest"] and given["files"]:
        raise click.UsageError("Give a --manifest or its --file, not both.")
    if given["here"] and not given["files"]:
        raise click.UsageError("--here goes with --file.")
    origin = dataset_origins.origin(given)
    description = _description(given)
    with session.registry() as registry, dataset_reading.read(session, given) as read:
        value = read.dataset(registry, identifier)
        entry = registry.datasets.register(namespace, value, read.said(registry, value, description))
        made = dataset_origins.record(registry, namespace, value, origin)

    def view() -> Drawing:
        from rich.console import Group as Stack

        from herdbook.apps.cli.views import text as t

        held = t.joined((t.many(read.files, "file"), t.size(read.size_bytes)), ", ") if read.files else ""
        events = t.many(read.events, "event") if read.events is not None else ""
        told = t.line(
            ("registered", t.GOOD), (value.title, t.HEAD), (t.short(entry.record), t.DIM), (held, t.DIM), events
        )
        if made is None:
            return told
        return Stack(told, t.line("made by", made.activity.kind, (t.short(made.record), t.DIM)))

    session.output.one(entry, view, brief=entry.record)
    read.tell(session, entry)


def _description(given: dict[str, Any]) -> Json:
    body: Json = documents.read_object(given["description"]) if given["description"] else {}
    if given["title"]:
        body["title"] = given["title"]
    data = {key: given[key] for key in ("kind", "events") if given[key] is not None}
    if data:
        body["data"] = {**body.get("data", {}), **data}
    return body


@dataset.command()
@click.argument("reference", metavar="SCHEME:VALUE|DIGEST")
@pass_session
def show(session: Session, /, *, reference: str) -> None:
    """Show a dataset and what is said about it."""
    with session.registry(read_only=True) as registry:
        entry = registry.datasets.get(reference)
        text = session.output.mode == "text"
        said = registry.statements.list(entry.record).items if text else ()
        names = people.names(registry) if text else {}

    def view() -> Drawing:
        from rich.console import Group as Stack
        from rich.text import Text

        from herdbook.apps.cli.views import statements
        from herdbook.apps.cli.views import text as t

        head = t.line((entry.dataset.title, t.HEAD), (t.short(entry.record), t.DIM))
        known = [("title", entry.title), ("manifest", entry.dataset.manifest), ("in", ", ".join(entry.namespaces))]
        rows = t.pairs((name, Text(value)) for name, value in (*known, *_parts(entry.dataset)) if value)
        listing = [t.section("Said about it", statements.listing(said, names))] if said else []
        return Stack(head, rows, *_known(said), *listing)

    session.output.one(entry, view, brief=entry.record)
    session.output.hint(f"herdbook trace {entry.record[:19]} --down shows what was made with it")


def _known(said: Sequence[StatementEntry]) -> list[Drawing]:
    """Return what it holds and how it is divided, as far as that is said."""
    from herdbook.apps.cli.views import datasets
    from herdbook.apps.cli.views import text as t
    from herdbook.model.dataset_profiles import DatasetProfile
    from herdbook.model.splits import Split

    profiles = [each.statement.body for each in said if each.statement.kind == "dataset-profile"]
    splits = [each.statement.body for each in said if each.statement.kind == "split"]
    found: list[Drawing] = [t.section("Holds", datasets.profile(DatasetProfile.read(body))) for body in profiles[-1:]]
    return found + [t.section("Divided", datasets.split(Split.read(body))) for body in splits]


def _parts(value: Dataset) -> list[tuple[str, str]]:
    """Return what the identifier itself says, by the rules of its scheme; nothing where it is no such name."""
    from herdbook.model import schemes

    if value.id is None:
        return []
    try:
        found = schemes.parse(value.id.scheme, value.id.value)
    except InvalidError:
        return [("name", f"does not look like one of {value.id.scheme}")]
    return [(name.replace("_", " "), part) for name, part in found.fields.items()]


@dataset.command(name="list")
@click.argument("prefix", required=False, default="", metavar="[SCHEME:BEGINNING]")
@paged
@pass_session
def list_(session: Session, /, *, prefix: str, limit: int, cursor: str | None, every: bool) -> None:
    """List datasets."""
    with session.registry(read_only=True) as registry:
        walk = Walk(
            lambda after, count: registry.datasets.list(prefix, cursor=after, limit=count),
            limit=limit,
            cursor=cursor,
            every=every,
        )

        def view(entries: list[DatasetEntry]) -> Drawing:
            from herdbook.apps.cli.views import listings

            return listings.datasets(entries)

        shown = session.output.many(walk, view, brief=lambda entry: entry.record, empty="There is no such dataset.")
        walk.tell_the_rest(session, shown)
