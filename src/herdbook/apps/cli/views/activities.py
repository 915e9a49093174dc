"""An activity on one screen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from rich.console import Group, RenderableType
from rich.text import Text

from herdbook.apps.cli.views import origins
from herdbook.apps.cli.views import text as t
from herdbook.model.activities import ActivityEntry, Part
from herdbook.model.lineage import Node
from herdbook.model.statements import StatementEntry

Nodes = Mapping[str, Node]
"""What went in or came out, by id."""
_NONE: Nodes = MappingProxyType({})


def activity(entry: ActivityEntry, nodes: Nodes = _NONE, said: Sequence[StatementEntry] = ()) -> RenderableType:
    """Return the page; ``said`` are statements about the activity, of which those with evidence say how it is known."""
    value = entry.activity
    head = t.line(
        (value.kind, t.HEAD),
        (value.status, t.LOUD if value.status == "failed" else ""),
        (t.short(entry.record), t.DIM),
    )
    code, environment = value.code, value.environment
    rows: list[tuple[str, RenderableType | None]] = [
        ("started", f"{t.when(value.started)} UTC" if value.started else None),
        ("ended", f"{t.when(value.ended)} UTC" if value.ended else None),
        ("ids", ", ".join(map(str, value.ids or ()))),
        ("code", t.compact(code.json_object(), 200) if code else None),
        ("command", " ".join(value.command.argv) if value.command else None),
        ("environment", t.compact(environment.json_object(), 200) if environment else None),
        ("hardware", t.compact(value.hardware, 200) if value.hardware else None),
        ("usage", t.compact(value.usage, 200) if value.usage else None),
        ("seeds", ", ".join(f"{seed.name} {seed.text}" for seed in value.seeds or ())),
        ("known in", ", ".join(entry.namespaces)),
    ]
    parts: list[RenderableType] = [head, t.pairs((name, _plain(item)) for name, item in rows)]
    for title, items in (("Inputs", value.inputs), ("Outputs", value.outputs)):
        if items:
            parts.append(t.section(title, _parts(items, nodes)))
    if value.parameters:
        parts.append(t.section("Parameters", t.pairs((item.name, Text(item.text)) for item in value.parameters)))
    for title, told in (("Search", value.search), ("Derivation", value.derivation and value.derivation.json_object())):
        if told:
            parts.append(t.section(title, t.pairs((key, Text(t.compact(item, 200))) for key, item in told.items())))
    if value.metrics:
        figures = Group(*(Text(t.metric(item.json_object())) for item in value.metrics))
        parts.append(t.section("Metrics", figures))
    if proofs := origins.proofs(said):
        parts.append(t.section("How this is known", proofs))
    return Group(*parts)


def _plain(value: RenderableType | None) -> RenderableType | None:
    return Text(value) if isinstance(value, str) and value else value


def _parts(items: Iterable[Part], nodes: Nodes) -> RenderableType:
    table = t.table("role", "what")
    table.show_header = False
    for item in items:
        table.add_row(Text(item.role, style=t.DIM), named(item, nodes))
    return table


def named(item: Part, nodes: Nodes) -> Text:
    """Return what went in or came out: its title, whether it was withdrawn, and how much of it was used."""
    node = nodes.get(item.record or str(item.id))
    used = dict(item.used or {})
    events = used.pop("events", None)
    told = t.many(events, "event") if isinstance(events, int) else ""
    if node is None:
        return t.line(part(item), told, (t.compact(used), t.DIM))
    title = node.detail if node.kind == "dataset" else ""
    if used.get("name") == title:  # a list's own word for it became its title
        used.pop("name", None)
    by = f"made by {item.id}" if item.id and str(item.id) != node.title else ""
    return t.line(node.title, t.state_word(node.state), (title or by, t.DIM), told, (t.compact(used), t.DIM))


def part(item: Part) -> str:
    """Return an input or output in a word."""
    if item.id:
        return str(item.id)
    if item.selector:
        return f"{item.selector.scheme}:{item.selector.value} (a pattern)"
    named = t.joined(
        [
            f"record {t.bare(item.record)}" if item.record else "",
            f"file {t.bare(item.file)}" if item.file else "",
            f"blob {t.bare(item.blob)}" if item.blob else "",
        ],
        ", ",
    )
    return t.joined([named, item.path or ""])
