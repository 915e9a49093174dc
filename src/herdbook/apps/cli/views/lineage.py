"""Lineage as a tree: every node once, what is unknown drawn as unknown, what was cut counted."""

from __future__ import annotations

from rich.console import RenderableType
from rich.text import Text
from rich.tree import Tree

from herdbook.apps.cli.views import text as t
from herdbook.model.lineage import Edge, Lineage, Node

SEEN = "↑ shown above"
_STYLE = {"unknown": f"italic {t.WARM}", "selector": "italic"}
_UNRESOLVED = {
    "dataset": ("known by name only", t.DIM),
    "id": ("known by name only", t.DIM),
    "selector": ("a pattern, not a dataset", t.DIM),
    "activity": ("", ""),  # its own words say what is not known
    "unknown": ("", ""),
}


def lineage(value: Lineage) -> RenderableType:
    """Return the tree. The walk keeps its own stack, so that a long chain is no trouble."""
    nodes = {node.id: node for node in value.nodes}
    steps: dict[str, list[Edge]] = {}
    for edge in value.edges:
        steps.setdefault(edge.frm, []).append(edge)
    root = nodes[value.root]
    tree = Tree(label(root), guide_style=t.DIM)
    shown = {root.id}
    work: list[tuple[Tree, Node, int]] = [(tree, root, 0)]
    while work:
        branch, node, done = work.pop()
        edges = steps.get(node.id, [])
        if done == len(edges):
            if node.hidden:
                branch.add(Text(f"… {t.number(node.hidden)} more; --limit shows more", style=t.DIM))
            continue
        work.append((branch, node, done + 1))
        target = nodes.get(edges[done].to)
        if target is None:  # cut off, and counted in ``hidden``
            continue
        seen = target.id in shown
        grown = branch.add(label(target, edges[done].role, seen=seen))
        if not seen:
            shown.add(target.id)
            work.append((grown, target, 0))
    return tree


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
