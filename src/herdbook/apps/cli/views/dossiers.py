"""A dossier on one screen: what it is, whether it may be used, its files, its interface, what was said."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from herdbook.apps.cli.views import activities, origins, statements, studies
from herdbook.apps.cli.views import text as t
from herdbook.kernel.errors import InvalidError
from herdbook.model.activities import ActivityEntry
from herdbook.model.base import Json
from herdbook.model.dossiers import Dossier, FileView
from herdbook.model.lineage import Node
from herdbook.model.statements import StatementEntry
from herdbook.model.studies import Study

INPUTS = 20
"""How many inputs of an activity a person is shown."""
_SAFETY = {"unsafe": t.LOUD, "guarded": t.WARM}
_ELSEWHERE = {"description", "withdrawal", "deprecation", "profile"}
"""Kinds that the head of the page already shows."""
_SAID_ABOVE = ("WITHDRAWN: ", "Deprecated: ", "Known issue: ")
"""Warnings that stand elsewhere on the page already."""


def dossier(
    value: Dossier, names: t.Names, nodes: Mapping[str, Node] = MappingProxyType({}), *, every: bool = True
) -> RenderableType:
    """Return the page.

    ``nodes`` are the inputs by id; without ``every``, notes about the model's name are counted and not shown: most say
    why an alias moved.
    """
    parts: list[RenderableType] = [_head(value)]
    if value.entry.chosen:
        parts.append(Text(value.entry.chosen, style=t.WARM))
    parts += [*_banner(value), *_description(value)]
    parts.append(Padding(t.pairs(_facts(value)), (1, 0, 0, 2)))
    parts.append(_files(value))
    parts += _interface(value)
    parts += origins.sections(value.statements, names)
    if value.made_by:
        parts.append(t.section("Made by", Group(*(made_by(entry, nodes) for entry in value.made_by))))
    said = [entry for entry in value.statements if entry.statement.kind not in _ELSEWHERE or not entry.current]
    said = [entry for entry in said if not origins.drawn(entry)]
    notes = [] if every else [entry for entry in said if _is_note_on_name(entry)]
    said = sorted((entry for entry in said if entry not in notes), key=statements.importance)
    if said:
        parts.append(t.section("Said about it", statements.listing(said, names)))
    if notes:
        left = f"{t.many(len(notes), 'note')} about {value.entry.model} as a whole, also of why aliases moved: --all"
        parts += [Text(), Text(left, style=t.DIM)]
    warnings = [text for text in value.warnings if not text.startswith(_SAID_ABOVE) and text != value.entry.chosen]
    if warnings:
        parts.append(t.section("Look at this", Group(*(Text(f"! {text}", style=t.WARM) for text in warnings))))
    return Group(*parts)


def _is_note_on_name(entry: StatementEntry) -> bool:
    said = entry.statement
    return said.kind == "note" and set(said.body) == {"text"} and all(about.name for about in said.subject)


def _head(value: Dossier) -> Text:
    entry = value.entry
    return t.line(
        (entry.reference, t.HEAD),
        (f"version {entry.ordinal}", t.DIM),
        (t.short(entry.record), t.DIM),
    )


def _banner(value: Dossier) -> list[RenderableType]:
    if value.entry.state == "current":
        return []
    withdrawn = value.entry.state == "withdrawn"
    word, style, kind = (" WITHDRAWN ", "bold white on red", "withdrawal")
    if not withdrawn:
        word, style, kind = (" DEPRECATED ", "black on yellow", "deprecation")
    bodies = [item.statement.body for item in value.statements if item.current and item.statement.kind == kind]
    said = statements.gist(kind, bodies[0]) if bodies else ""
    return [Text.assemble((word, style), "  ", (said, t.LOUD if withdrawn else t.WARM))]


def _description(value: Dossier) -> list[RenderableType]:
    bodies = value.said("description")
    title = next((body["title"] for body in bodies if "title" in body), None)
    summary = next((body["summary"] for body in bodies if "summary" in body), None)
    if value.profile:
        title, summary = title or value.profile.title, summary or value.profile.summary
    parts: list[RenderableType] = []
    if title:
        parts.append(Text(title))
    if summary and summary != title:
        parts.append(Padding(t.prose(summary), (0, 0, 0, 2)))
    return [Text(), *parts] if parts else []


def _facts(value: Dossier) -> list[tuple[str, RenderableType | None]]:
    entry, profile = value.entry, value.profile
    bodies = value.said("description")

    def said(key: str) -> str:
        found = dict.fromkeys(str(body[key]) for body in bodies if key in body)
        return " | ".join(found)  # what differs stands side by side

    files = entry.version.files
    unresolved = sum(not file.resolved for file in files)
    rows: list[tuple[str, RenderableType | None]] = [
        ("registered", f"{t.when(entry.registered)} UTC, event {entry.seq}"),
        ("labels", ", ".join(entry.labels)),
        ("aliases", ", ".join(entry.aliases)),
        ("licence", said("licence") or Text("not known", style=t.DIM)),
        ("contact", said("contact")),
        ("use", said("intended_use")),
        ("not for", said("out_of_scope")),
        ("limitations", said("limitations")),
    ]
    if profile:
        what = t.joined([profile.step or "", profile.task or "", profile.object or "", profile.lifecycle or ""])
        rows += [("for", what), ("keywords", ", ".join(profile.keywords or ()))]
    rows += [
        ("resolved by", t.short(entry.resolved_by) if entry.resolved_by else None),
        ("unresolved", Text(f"{unresolved} of {len(files)} files", style=t.WARM) if unresolved else None),
        ("same content", ", ".join(value.same_content)),
        ("same payload", ", ".join(value.same_payload)),
        ("used by", t.many(value.used_by, "activity", "activities") if value.used_by else None),
    ]
    return rows


def _files(value: Dossier) -> RenderableType:
    absent = any(not file.here for file in value.files)
    heads = ["path", "size", "format", "safety", *(["bytes"] if absent else [])]
    table = t.table(*heads, right=[1])
    for file in value.files:
        table.add_row(*_file_row(file, absent=absent))
    total = value.entry.version.size
    return t.section(
        "Files", table, t.joined([str(len(value.files)), t.size(total) if total is not None else ""], ", ")
    )


def _file_row(file: FileView, *, absent: bool) -> list[Text]:
    format_ = file.facts.format if file.facts else ""
    safety = str(file.facts.safety) if file.facts else ""
    row = [
        Text(file.path),
        Text(t.size(file.size)),
        Text(format_ or "-", style=t.LOUD if format_ == "unreadable" else ""),
        Text(safety or "-", style=_SAFETY.get(safety, "")),
    ]
    if absent:
        row.append(Text("here" if file.here else "not here", style="" if file.here else t.WARM))
    return row


def _interface(value: Dossier) -> list[RenderableType]:
    facts = value.interface
    if facts is None:
        return []
    path = next((file.path for file in value.files if file.facts == facts), "")
    return [t.section("Interface", interface(facts.values), path)]


FEATURES = 12
"""How many names of features a person is shown."""
_FIGURES = (("parameters", "parameter"), ("trees", "tree"), ("layers", "layer"))


def interface(values: Json) -> RenderableType:
    """Return inputs and outputs, features and classes, and the figures that belong to them."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style=t.DIM, no_wrap=True)
    for _ in range(3):
        table.add_column(overflow="fold")
    for direction in ("input", "output"):
        for index, tensor in enumerate(values.get(direction + "s") or ()):
            axes = Text(t.shape(tensor.get("shape")))
            name, dtype = Text(str(tensor.get("name", "?"))), Text(str(tensor.get("dtype") or "?"))
            table.add_row("" if index else direction + "s", name, dtype, axes)
    named = [(what, _names(values[what])) for what in ("features", "classes") if isinstance(values.get(what), list)]
    rows = t.pairs([(what, Text(names)) for what, names in named if names])
    rest = t.joined(
        [
            *(_count(values.get(field), what) for field, what in _FIGURES),
            "" if values.get("features") else _count(values.get("num_features"), "feature"),
            "" if values.get("inputs") else _count(values.get("tensors"), "tensor"),
            t.compact(values["method"]) if isinstance(values.get("method"), str) else "",
            t.compact(values["objective"]) if isinstance(values.get("objective"), str) else "",
            "opset " + t.compact(values["opsets"]) if values.get("opsets") else "",
            "by " + _producer(values["producer"]) if values.get("producer") else "",
        ]
    )
    shown = [part for part in (table, rows) if part.row_count]
    return Group(*shown, *([Text(rest, style=t.DIM)] if rest else []))


def _names(items: list[Any]) -> str:
    """Return the first names of a list, and how many there are."""
    names = [str(item.get("name", "?")) if isinstance(item, dict) else str(item) for item in items]
    more = [f"… {len(names)} in all"] if len(names) > FEATURES else []
    return ", ".join([*names[:FEATURES], *more])


def _count(value: object, what: str) -> str:
    """Return how many there are, of a number or of a list that is not named above."""
    count = len(value) if isinstance(value, list) else value
    return t.many(count, what) if isinstance(count, int) and count else ""


def _producer(value: object) -> str:
    """Return who wrote a file: ``{"name": "pytorch", "version": "1.6"}`` as ``pytorch 1.6``."""
    return t.compact(" ".join(str(item) for item in value.values()) if isinstance(value, dict) else value)


def made_by(entry: ActivityEntry, nodes: Mapping[str, Node]) -> RenderableType:
    """Return an activity in a few lines, each input on its own."""
    activity = entry.activity
    code = activity.code
    where = t.joined([code.repository or "", f"commit {code.commit[:12]}" if code.commit else ""]) if code else ""
    head = t.line(
        (activity.kind, ""),
        (_status(activity.status), t.LOUD if activity.status == "failed" else t.DIM),
        (t.when(activity.ended) + " UTC" if activity.ended else "", t.DIM),
        (t.bare(entry.record), t.DIM),
    )
    metrics = ", ".join(t.metric(metric.json_object()) for metric in activity.metrics or ())
    inputs = activity.inputs or ()
    rows: list[tuple[str, RenderableType | None]] = [
        (part.role, activities.named(part, nodes))
        for part in sorted(inputs[:INPUTS], key=lambda part: part.role == "parent")
    ]
    if len(inputs) > INPUTS:
        rows.append(("", Text(f"… {t.number(len(inputs) - INPUTS)} more; herdbook trace shows all", style=t.DIM)))
    ids = ", ".join(map(str, activity.ids or ()))
    rows = [("id", Text(ids) if ids else None), *rows, ("search", _search(activity.search))]
    table = t.pairs([*rows, ("code", Text(where) if where else None), ("gave", Text(metrics) if metrics else None)])
    return Group(head, Padding(table, (0, 0, 0, 2))) if table.row_count else head


def _search(value: Json | None) -> RenderableType | None:
    """Return how hyper-parameters were chosen: the study of a search, or the trial that a training was."""
    if not value:
        return None
    try:
        return Text(studies.gist(Study.read(value)) or f"{value['trials']} trials")
    except InvalidError:
        return Text(t.compact(value))


def _status(status: str) -> str:
    return {"finished": "", "unknown": "little is known of it"}.get(status, status)
