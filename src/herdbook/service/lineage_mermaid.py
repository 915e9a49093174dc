"""Lineage as a Mermaid flow chart, which GitLab, GitHub and Jupyter draw."""

from __future__ import annotations

from collections.abc import Iterator

from herdbook.model.lineage import Lineage, Node

_SHAPES = {
    "version": ("[", "]"),
    "dataset": ("[(", ")]"),
    "activity": ("([", "])"),
    "unknown": ("([", "])"),
    "code": ("[/", "/]"),
    "environment": ("[/", "/]"),
}
_CLASSES = (
    "classDef version fill:#dbeafe,stroke:#1d4ed8,color:#111827",
    "classDef dataset fill:#dcfce7,stroke:#15803d,color:#111827",
    "classDef activity fill:#fef3c7,stroke:#b45309,color:#111827",
    "classDef other fill:#f3f4f6,stroke:#6b7280,color:#111827",
    "classDef unknown fill:#ffffff,stroke:#6b7280,color:#4b5563,stroke-dasharray:4 3",
    "classDef withdrawn fill:#fee2e2,stroke:#b91c1c,color:#111827",
)


def mermaid(lineage: Lineage) -> str:
    """Return the chart; arrows go the way time went, from what was taken to what was made."""
    return "\n".join(_lines(lineage)) + "\n"


def _lines(lineage: Lineage) -> Iterator[str]:
    yield "flowchart TD"
    ids = {node.id: f"n{number}" for number, node in enumerate(lineage.nodes)}
    for node in lineage.nodes:
        begin, end = _SHAPES.get(node.kind, ("[", "]"))
        yield f'    {ids[node.id]}{begin}"{_words(node)}"{end}:::{_class(node)}'
    for edge in lineage.edges:
        if edge.frm in ids and edge.to in ids:
            forward = lineage.direction == "down" or edge.role == "made"
            frm, to = (edge.frm, edge.to) if forward else (edge.to, edge.frm)
            role = "" if edge.role == "made by" else f'|"{_escape(edge.role)}"|'
            yield f"    {ids[frm]} -->{role} {ids[to]}"
    yield from (f"    {line}" for line in _CLASSES)


def _words(node: Node) -> str:
    detail = f"<br/><small>{_escape(node.detail)}</small>" if node.detail else ""
    return _escape(node.title) + detail


def _escape(text: str) -> str:
    """Return text that no chart takes for its own syntax: entities, as Mermaid's documentation has them."""
    return "".join(c if c.isalnum() or c in " .,/_-:+@()" else f"#{ord(c)};" for c in text)


def _class(node: Node) -> str:
    if node.state == "withdrawn":
        return "withdrawn"
    if not node.resolved:
        return "unknown"
    return node.kind if node.kind in {"version", "dataset", "activity"} else "other"
