"""An activity on one screen."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Group, RenderableType
from rich.text import Text

from herdbook.apps.cli.views import text as t
from herdbook.model.activities import ActivityEntry, Part


def activity(entry: ActivityEntry) -> RenderableType:
    """Return the page."""
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
            parts.append(t.section(title, _parts(items)))
    if value.parameters:
        parts.append(t.section("Parameters", t.pairs((item.name, Text(item.text)) for item in value.parameters)))
    if value.metrics:
        figures = Group(*(Text(t.metric(item.json_object())) for item in value.metrics))
        parts.append(t.section("Metrics", figures))
    return Group(*parts)


def _plain(value: RenderableType | None) -> RenderableType | None:
    return Text(value) if isinstance(value, str) and value else value


def _parts(items: Iterable[Part]) -> RenderableType:
    table = t.table("role", "what", "")
    table.show_header = False
    for item in items:
        table.add_row(
            Text(item.role, style=t.DIM), Text(part(item)), Text(t.compact(item.used) if item.used else "", style=t.DIM)
        )
    return table


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
