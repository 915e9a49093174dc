"""Lineage as a picture (SVG 1.1): layers by distance from the root, each ordered by where its neighbours stand."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterator
from html import escape

from herdbook.model.lineage import Lineage, Node

WIDTH, HEIGHT = 230, 46
"""Of a box, in pixels."""
ACROSS, DOWN = 24, 54
"""Between boxes, in pixels."""
LETTERS = 32
"""What a box has room for."""
_FILLS = {
    "version": ("#dbeafe", "#1d4ed8"),
    "dataset": ("#dcfce7", "#15803d"),
    "activity": ("#fef3c7", "#b45309"),
    "unknown": ("#ffffff", "#6b7280"),
}
_OTHER = ("#f3f4f6", "#6b7280")
_WITHDRAWN = ("#fee2e2", "#b91c1c")


def svg(lineage: Lineage) -> str:
    """Return the picture; the root is on top, and arrows go the way time went."""
    places = _places(lineage)
    width = max(x for x, _ in places.values()) + WIDTH + ACROSS
    height = max(y for _, y in places.values()) + HEIGHT + ACROSS
    return "\n".join(_parts(lineage, places, width, height)) + "\n"


def _layers(lineage: Lineage) -> list[list[str]]:
    """Return ids by distance from the root; within a layer by the mean place of their neighbours above."""
    known = {node.id for node in lineage.nodes}
    steps: dict[str, list[str]] = defaultdict(list)
    above: dict[str, list[str]] = defaultdict(list)
    for edge in lineage.edges:
        if edge.frm in known and edge.to in known:
            steps[edge.frm].append(edge.to)
            above[edge.to].append(edge.frm)
    layers, seen = [[lineage.root]], {lineage.root}
    while layer := list(dict.fromkeys(to for frm in layers[-1] for to in steps[frm] if to not in seen)):
        place = {id_: number for number, id_ in enumerate(layers[-1])}
        means = {id_: statistics.mean(place[frm] for frm in above[id_] if frm in place) for id_ in layer}
        layers.append(sorted(layer, key=lambda id_, means=means: means[id_]))  # type: ignore[misc]  # bound to this turn
        seen |= set(layer)
    rest = [node.id for node in lineage.nodes if node.id not in seen]
    return [*layers, rest] if rest else layers


def _places(lineage: Lineage) -> dict[str, tuple[int, int]]:
    layers = _layers(lineage)
    widest = max(map(len, layers))
    places = {}
    for depth, layer in enumerate(layers):
        left = ACROSS + (widest - len(layer)) * (WIDTH + ACROSS) // 2
        for number, id_ in enumerate(layer):
            places[id_] = (left + number * (WIDTH + ACROSS), ACROSS + depth * (HEIGHT + DOWN))
    return places


def _parts(lineage: Lineage, places: dict[str, tuple[int, int]], width: int, height: int) -> Iterator[str]:
    title = escape(f"Lineage of {lineage.node(lineage.root).title}, {lineage.direction}")
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        f'role="img" aria-label="{title}" font-family="sans-serif" font-size="12">'
    )
    yield f"<title>{title}</title>"
    yield '<defs><marker id="a" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
    yield '<path d="M0 0L8 4L0 8z" fill="#6b7280"/></marker></defs>'
    yield f'<rect width="{width}" height="{height}" fill="#ffffff"/>'
    for edge in lineage.edges:
        if edge.frm in places and edge.to in places:
            forward = lineage.direction == "down" or edge.role == "made"
            yield _arrow(places[edge.frm], places[edge.to], "" if edge.role == "made by" else edge.role, forward)
    for node in lineage.nodes:
        yield _box(node, *places[node.id])
    yield "</svg>"


def _arrow(frm: tuple[int, int], to: tuple[int, int], role: str, forward: bool) -> str:
    x1, y1 = frm[0] + WIDTH // 2, frm[1] + (HEIGHT if to[1] > frm[1] else 0)
    x2, y2 = to[0] + WIDTH // 2, to[1] + (0 if to[1] > frm[1] else HEIGHT)
    bend = DOWN // 2 if y2 > y1 else -DOWN // 2
    ends = (x1, y1, y1 + bend, x2, y2, y2 - bend) if forward else (x2, y2, y2 - bend, x1, y1, y1 + bend)
    a, b, c, d, e, f = ends
    line = f'<path d="M{a} {b}C{a} {c} {d} {f} {d} {e}" fill="none" stroke="#6b7280" marker-end="url(#a)"/>'
    if not role:
        return line
    x, y = (x1 + x2) // 2, (y1 + y2) // 2 + 4
    words = f'<text x="{x}" y="{y}" text-anchor="middle" font-size="10" fill="#374151" stroke="#ffffff"'
    return f'{line}{words} stroke-width="3" paint-order="stroke">{escape(role)}</text>'


def _box(node: Node, x: int, y: int) -> str:
    fill, stroke = _WITHDRAWN if node.state == "withdrawn" else _FILLS.get(node.kind, _OTHER)
    dashes = "" if node.resolved else ' stroke-dasharray="4 3"'
    state = f"{node.state.upper()}: " if node.state != "current" else ""
    full = escape(f"{state}{node.kind} {node.title} {node.detail}".strip())
    round_ = HEIGHT // 2 if node.kind in {"activity", "unknown"} else 4
    rows = [(state + node.title, 'font-weight="bold" fill="#111827"'), (node.detail, 'font-size="10" fill="#374151"')]
    rows = [row for row in rows if row[0]]
    texts = "".join(
        f'<text x="{x + WIDTH // 2}" y="{y + HEIGHT // 2 + 4 + 15 * place - 7 * (len(rows) - 1)}" '
        f'text-anchor="middle" {style}>{escape(_short(words))}</text>'
        for place, (words, style) in enumerate(rows)
    )
    shape = f'<rect x="{x}" y="{y}" width="{WIDTH}" height="{HEIGHT}" rx="{round_}" fill="{fill}" stroke="{stroke}"'
    return f"<g><title>{full}</title>{shape}{dashes}/>{texts}</g>"


def _short(words: str) -> str:
    return words if len(words) <= LETTERS else words[: LETTERS // 2] + "…" + words[1 - LETTERS // 2 :]
