"""``trace``: where a version comes from, or what came of it."""

from __future__ import annotations

from collections.abc import Iterable

import click

from herdbook.apps.cli.commands import Command
from herdbook.apps.cli.output import Drawing
from herdbook.apps.cli.references import complete_reference
from herdbook.apps.cli.session import Session, pass_session
from herdbook.model.activities import ActivityEntry
from herdbook.model.lineage import Node
from herdbook.ports.registry import Registry

DEPTH, LIMIT = 50, 200


@click.command(cls=Command)
@click.argument("reference", shell_complete=complete_reference)
@click.option("--down", is_flag=True, help="What came of it, instead of where it comes from.")
@click.option("--depth", type=click.IntRange(1), default=DEPTH, show_default=True, help="How many steps to go.")
@click.option("--limit", type=click.IntRange(1), default=LIMIT, show_default=True, help="How many things to show.")
@pass_session
def trace(session: Session, /, *, reference: str, down: bool, depth: int, limit: int) -> None:
    """Show where a version comes from, or what came of it.

    The tree goes from the version over the activity that made it to datasets, code and parents. REFERENCE may also be
    a dataset or an activity, by digest. What is not known is drawn as unknown.
    """
    with session.registry(read_only=True) as registry:
        found = registry.versions.trace(reference, direction="down" if down else "up", depth=depth, limit=limit)

    def view() -> Drawing:
        from herdbook.apps.cli.views import lineage

        return lineage.lineage(found)

    session.output.one(found, view, brief=found.root)
    if found.cut:
        session.output.hint(f"{found.cut:,} more were cut off; --limit and --depth show more")


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
