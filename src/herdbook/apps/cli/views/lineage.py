"""Lineage as a tree: every node once, what is unknown drawn as unknown, what was cut counted."""

from __future__ import annotations

from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, Group, RenderResult
from rich.text import Text

from herdbook.apps.cli.views import text as t
from herdbook.model.lineage import Edge, Impact, Lineage, Node

ROOM = 44
"""Columns that a line keeps for its words, however deep it stands."""
SEEN = "↑ shown above"
_STYLE = {"unknown": f"italic {t.WARM}", "selector": "italic"}
_UNRESOLVED = {
    "dataset": ("known by name only", t.DIM),
    "id": ("known by name only", t.DIM),
    "selector": ("a pattern, not a dataset", t.DIM),
    "activity": ("", ""),  # its own words say what is not known
    "unknown": ("", ""),
}


@dataclass(frozen=True, slots=True)
class _Row:
    """A line of the tree: the guides before it, those before its folded rest, and its words."""

    guides: str
    below: str
    words: Text


class Tree:
    """Rows as a tree; where guides leave too little room their left part is cut off."""

    def __init__(self, rows: list[_Row]) -> None:
        self.rows = rows

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        most = max(8, options.max_width - ROOM)
        for row in self.rows:
            guides, below = _fit(row.guides, most), _fit(row.below, most)
            for index, words in enumerate(row.words.wrap(console, options.max_width - len(guides))):
                yield Text.assemble((below if index else guides, t.DIM), words)


def _fit(guides: str, most: int) -> str:
    return guides if len(guides) <= most else "⋯" + guides[1 - most :]


def lineage(value: Lineage) -> Tree:
    """Return the tree. The walk keeps its own stack, so that a long chain is no trouble."""
    nodes = {node.id: node for node in value.nodes}
    steps: dict[str, list[Edge]] = {}
    for edge in value.edges:
        if edge.to in nodes:  # else it was cut off, and is counted in ``hidden``
            steps.setdefault(edge.frm, []).append(edge)
    root = nodes[value.root]
    rows = [_Row("", "", label(root))]
    shown = {root.id}
    work = [(root, "", 0)]
    while work:
        node, guides, done = work.pop()
        edges = steps.get(node.id, [])
        if done == len(edges):
            if node.hidden:
                rows.append(_Row(f"{guides}└─ ", f"{guides}   ", _more(node.hidden)))
            continue
        work.append((node, guides, done + 1))
        last = done + 1 == len(edges) and not node.hidden
        below = guides + ("   " if last else "│  ")
        target = nodes[edges[done].to]
        seen = target.id in shown
        rows.append(_Row(guides + ("└─ " if last else "├─ "), below, label(target, edges[done].role, seen=seen)))
        if not seen:
            shown.add(target.id)
            work.append((target, below, 0))
    return Tree(rows)


def _more(count: int) -> Text:
    return Text(f"… {t.number(count)} more; --limit shows more", style=t.DIM)


def label(node: Node, role: str = "", *, seen: bool = False) -> Text:
    """Return a node in a line: its role, its title, its state, what is known of it."""
    loud = {"withdrawn": t.LOUD, "deprecated": t.WARM}.get(node.state, "")
    style = loud or _STYLE.get(node.kind, t.HEAD if not role else "")
    return t.line(
        (role, t.DIM),
        (node.title, style),
        t.state_word(node.state),
        (node.detail, t.DIM),
        ("", "") if node.resolved else _UNRESOLVED.get(node.kind, ("unresolved", t.WARM)),
        (SEEN if seen else "", t.DIM),
    )


def impact(value: Impact) -> Group:
    """Return what descends from something: how much, by model, and the versions of the page."""
    counts = [t.many(value.versions, "version"), t.many(len(value.models), "model")]
    counts += [t.many(value.datasets, "dataset")] if value.datasets else []
    head = t.line((value.title, t.HEAD), ("nothing here descends from it" if not value.versions else "", t.DIM))
    if not value.versions:
        return Group(head)
    reached = t.line(("reaches " + ", ".join(counts), ""))
    in_use = [f"{model.name}@{alias}" for model in value.models for alias in model.aliases]
    rows = t.pairs(
        (name, Text(", ".join(words)))
        for name, words in (("in use as", in_use), ("in releases", list(value.releases)))
        if words
    )
    lines = [
        t.line((item.reference, ""), t.state_word(item.state), (", ".join(f"@{a}" for a in item.aliases), t.WARM))
        for item in value.items
    ]
    return Group(head, reached, rows, t.section("Versions", Group(*lines)))
