"""``trace`` and ``impact``: where a version comes from, what came of it, and all that descends from something."""

from __future__ import annotations

from collections.abc import Iterable

import click

from herdbook.apps.cli.commands import Command
from herdbook.apps.cli.output import Drawing
from herdbook.apps.cli.references import complete_reference
from herdbook.apps.cli.session import Session, pass_session
from herdbook.model.activities import ActivityEntry
from herdbook.model.lineage import Lineage, Node
from herdbook.ports.registry import Registry

DEPTH, LIMIT = 50, 200
FORMS = ("tree", "mermaid", "svg", "prov")


@click.command(cls=Command)
@click.argument("reference", shell_complete=complete_reference)
@click.option("--down", is_flag=True, help="What came of it, instead of where it comes from.")
@click.option("--depth", type=click.IntRange(1), default=DEPTH, show_default=True, help="How many steps to go.")
@click.option("--limit", type=click.IntRange(1), default=LIMIT, show_default=True, help="How many things to show.")
@click.option(
    "--as",
    "form",
    type=click.Choice(FORMS),
    default="tree",
    show_default=True,
    help="A tree; a Mermaid chart, a picture (SVG), or W3C PROV-JSON on standard output.",
)
@pass_session
def trace(session: Session, /, *, reference: str, down: bool, depth: int, limit: int, form: str) -> None:
    """Show where a version comes from, or what came of it.

    The tree goes from the version over the activity that made it to datasets, code and parents. REFERENCE may also be
    a dataset or an activity, by digest. What is not known is drawn as unknown.
    """
    if form != "tree" and session.as_json:
        raise click.UsageError("--json prints the walk itself: leave out --as, or leave out --json.")
    with session.registry(read_only=True) as registry:
        found = registry.versions.trace(reference, direction="down" if down else "up", depth=depth, limit=limit)

    def view() -> Drawing:
        from herdbook.apps.cli.views import lineage

        return lineage.lineage(found)

    if form == "tree":
        session.output.one(found, view, brief=found.root)
    else:
        click.echo(_formed(found, form), nl=False)
    if found.cut:
        session.output.hint(f"{found.cut:,} more were cut off; --limit and --depth show more")


def _formed(found: Lineage, form: str) -> str:
    if form == "mermaid":
        from herdbook.service.lineage_mermaid import mermaid

        return mermaid(found)
    if form == "svg":
        from herdbook.service.lineage_svg import svg

        return svg(found)
    import json

    from herdbook.service.lineage_prov import prov

    return json.dumps(prov(found), indent=1, ensure_ascii=False) + "\n"


@click.command(cls=Command)
@click.argument("reference", shell_complete=complete_reference)
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True, help="How many versions to list.")
@click.option("--cursor", metavar="CURSOR", help="Where the page before ended.")
@pass_session
def impact(session: Session, /, *, reference: str, limit: int, cursor: str | None) -> None:
    """Show all that descends from something that turned out bad.

    REFERENCE is a version, a dataset or an activity. Shown are models with their versions, aliases that are in use, and
    releases.
    """
    with session.registry(read_only=True) as registry:
        found = registry.versions.impact(reference, cursor=cursor, limit=limit)

    def view() -> Drawing:
        from herdbook.apps.cli.views import lineage

        return lineage.impact(found)

    session.output.one(found, view, brief=str(found.versions))
    if found.cursor:
        session.output.hint(f"more versions follow: --limit, or --cursor {found.cursor}")
    elif found.items:
        session.output.hint(f"herdbook trace {reference} --down shows by which steps")


def neighbours(registry: Registry, made: Iterable[ActivityEntry]) -> dict[str, Node]:
    """Return what went into activities and came out, by id; for the id of an activity, the version that it made."""
    nodes: dict[str, Node] = {}
    for entry in made:
        for direction in ("up", "down"):
            found = registry.versions.trace(entry.record, direction=direction, depth=2)
            known = {node.id: node for node in found.nodes}
            results = {edge.frm: known[edge.to] for edge in found.edges if edge.role == "made" and edge.to in known}
            nodes = {**known, **nodes}
            for part in entry.activity.inputs or ():
                if part.id is None or str(part.id) in nodes:
                    continue
                near = (
                    results.get(edge.to) for edge in found.edges if (edge.frm, edge.role) == (entry.record, part.role)
                )
                if len(fits := [node for node in near if node]) == 1:
                    nodes[str(part.id)] = fits[0]
    return nodes
