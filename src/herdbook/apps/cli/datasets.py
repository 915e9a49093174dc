"""Datasets: register, show, list."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import click

from herdbook.apps.cli import documents, people
from herdbook.apps.cli.commands import Group
from herdbook.apps.cli.output import Drawing
from herdbook.apps.cli.paging import Walk, paged
from herdbook.apps.cli.references import complete_namespace
from herdbook.apps.cli.session import Session, pass_session
from herdbook.kernel.errors import InvalidError
from herdbook.model.base import Json
from herdbook.model.datasets import Dataset, DatasetEntry, ManifestLine, write_manifest
from herdbook.model.identifiers import Identifier
from herdbook.model.statements import Said


@click.group(cls=Group)
def dataset() -> None:
    """What models are trained and tested on."""


@dataset.command()
@click.argument("namespace", shell_complete=complete_namespace)
@click.argument("identifier", metavar="[SCHEME:VALUE]", required=False)
@click.option("--manifest", metavar="FILE", help="Its files, as JSON lines with path, size, sha256, events.")
@click.option(
    "--file",
    "files",
    multiple=True,
    type=click.Path(path_type=str),
    metavar="PATH",
    help="Its files, read now; a folder is taken whole. Repeatable.",
)
@click.option("--title", metavar="WORDS", help="What it is, in a line.")
@click.option("--events", type=click.IntRange(0), help="How many events it has.")
@click.option("--kind", type=click.Choice(["data", "mc", "embedded", "toy", "mixed"]), help="What sort of data.")
@click.option("--description", metavar="FILE", help="Title, licence, contact and more, as JSON or TOML.")
@pass_session
def register(session: Session, /, *, namespace: str, identifier: str | None, **given: Any) -> None:  # noqa: ANN401 - the options above
    """Make a dataset known: by its identifier, by its files, or both.

    The identifier is SCHEME:VALUE, as in cms-dbs:/TTTo2L2Nu…/MINIAODSIM or local:toy-taus. Files are not stored: the
    manifest keeps their paths, sizes and digests.
    """
    if given["manifest"] and given["files"]:
        raise click.UsageError("Give a --manifest or its --file, not both.")
    lines = list(_lines(given))
    with session.registry() as registry:
        manifest = None
        if lines:
            manifest = registry.files.put(io.BytesIO(b"".join(write_manifest(lines)))).sha256
        parsed = Identifier.parse(identifier) if identifier else None
        value = Dataset.read({"id": parsed.json_object() if parsed else None, "manifest": manifest})
        entry = registry.datasets.register(namespace, value, _said(value, given))

    def view() -> Drawing:
        from herdbook.apps.cli.views import text as t

        held = t.many(len(lines), "file") if lines else ""
        return t.line(("registered", t.GOOD), (value.title, t.HEAD), (t.short(entry.record), t.DIM), (held, t.DIM))

    session.output.one(entry, view, brief=entry.record)


def _lines(given: dict[str, Any]) -> Iterator[ManifestLine]:
    if given["manifest"]:
        yield from (ManifestLine.read(line) for line in documents.read_lines(given["manifest"]))
    elif given["files"]:
        from herdbook.service import intake

        yield from intake.manifest(given["files"])


def _said(value: Dataset, given: dict[str, Any]) -> list[Said]:
    body: Json = documents.read_object(given["description"]) if given["description"] else {}
    if given["title"]:
        body["title"] = given["title"]
    data = {key: given[key] for key in ("kind", "events") if given[key] is not None}
    if data:
        body["data"] = {**body.get("data", {}), **data}
    if not body:
        return []
    return [Said.read({"type": "herdbook/description/1", "subject": [{"record": value.digest}], "body": body})]


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
        return Stack(head, rows, *listing)

    session.output.one(entry, view, brief=entry.record)
    session.output.hint(f"herdbook trace {entry.record[:19]} --down shows what was made with it")


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
