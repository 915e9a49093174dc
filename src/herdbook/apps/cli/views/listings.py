"""Listings: versions, models, datasets, activities, pointers and their moves, events, people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from herdbook.apps.cli.views import text as t
from herdbook.model.activities import ActivityEntry
from herdbook.model.datasets import DatasetEntry
from herdbook.model.journal import Checkpoint, EventEntry, Genesis, Op, PointOp, VersionOp
from herdbook.model.models import ModelEntry
from herdbook.model.pointers import Move, PointerEntry, split
from herdbook.model.registrations import Intake
from herdbook.model.versions import Entry, Registered

_PLURAL = {
    "label removed": "labels removed",
    "alias": "aliases",
    "alias removed": "aliases removed",
    "batch": "batches",
}


def versions(entries: Sequence[Entry]) -> Table:
    """Return versions with their names, size and state."""
    told = any(entry.state != "current" or entry.aliases for entry in entries)
    table = t.table(
        "version", "no.", "files", "size", "registered", "digest", *(["in use as"] if told else []), right=[1, 2, 3]
    )
    for entry in entries:
        style = t.LOUD if entry.withdrawn else ""
        row = [
            Text(entry.reference, style=style),
            Text(str(entry.ordinal), style=t.DIM),
            Text(str(len(entry.version.files)), style=t.DIM),
            Text(t.size(entry.version.size)),
            Text(t.when(entry.registered), style=t.DIM),
            Text(t.bare(entry.record), style=t.DIM),
        ]
        if told:
            row.append(t.line(t.state(entry), ", ".join(entry.aliases)))
        table.add_row(*row)
    return table


def models(entries: Sequence[ModelEntry]) -> Table:
    """Return models with what they are for."""
    table = t.table("model", "versions", "newest", "step", "title", right=[1])
    for entry in entries:
        profile = entry.profile
        newest = (entry.newest or "").removeprefix(entry.name).lstrip(":")
        moved = Text(f"moved to {entry.moved_to}", style=t.WARM) if entry.moved_to else t.state_word(entry.state)
        table.add_row(
            Text(entry.name),
            Text(t.number(entry.versions), style=t.DIM),
            Text(newest),
            Text(str(profile.step) if profile and profile.step else "", style=t.DIM),
            t.line(moved, (profile.title if profile else None) or ""),
        )
    return table


def datasets(entries: Iterable[DatasetEntry]) -> Table:
    """Return datasets."""
    table = t.table("dataset", "title", "in", "digest")
    for entry in entries:
        table.add_row(
            Text(entry.dataset.title),
            Text(entry.title or ""),
            Text(", ".join(entry.namespaces), style=t.DIM),
            Text(t.bare(entry.record), style=t.DIM),
        )
    return table


def activities(entries: Sequence[ActivityEntry]) -> Table:
    """Return activities."""
    ended = any(entry.activity.ended for entry in entries)
    table = t.table("kind", "status", "inputs", "outputs", *(["ended"] if ended else []), "digest", "ids", right=[2, 3])
    for column in table.columns[:-1]:  # long ids are folded instead
        column.no_wrap = True
    for entry in entries:
        activity = entry.activity
        failed = activity.status == "failed"
        table.add_row(
            Text(activity.kind),
            Text(activity.status, style=t.LOUD if failed else t.DIM),
            Text(str(len(activity.inputs or ())), style=t.DIM),
            Text(str(len(activity.outputs or ())), style=t.DIM),
            *([Text(t.when(activity.ended) if activity.ended else "", style=t.DIM)] if ended else []),
            Text(t.bare(entry.record), style=t.DIM),
            Text(", ".join(map(str, activity.ids or ()))),
        )
    return table


def pointers(entries: Iterable[PointerEntry]) -> Table:
    """Return pointers and where they lead."""
    table = t.table("name", "leads to", "digest", "event", right=[3])
    for entry in entries:
        name, leads = f"{entry.model}{'@' if entry.kind == 'alias' else ':'}{entry.name}", entry.reference or ""
        if entry.kind == "profile":
            name, leads = "profile", "a statement"
        table.add_row(
            Text(name),
            Text(leads) if entry.to else Text("nothing, it was removed", style=t.DIM),
            Text(t.bare(entry.to) if entry.to else "", style=t.DIM),
            Text(str(entry.seq), style=t.DIM),
        )
    return table


def moves(entries: Sequence[Move], names: t.Names, labels: Mapping[str, str], *, called: bool) -> Table:
    """Return moves of pointers, with who and why.

    ``labels`` are names of versions by digest; ``called`` shows which pointer moved.
    """

    def version(digest: str) -> str:
        return labels.get(digest) or t.bare(digest)

    table = t.table(
        "when", *(["what"] if called else []), "from", "to", "by", "why", "event", right=[6 if called else 5]
    )
    for move in entries:
        kind, _, name = split(move.pointer)
        row = [Text(t.when(move.time), style=t.DIM)]
        if called:
            row.append(Text(f"{kind} {name}".strip()))
        row += [
            Text(version(move.frm) if move.frm else "-", style=t.DIM),
            Text(version(move.to)) if move.to else Text("removed", style=t.WARM),
            Text(move.by or t.who(move.principal, names)),
            Text(move.reason or ""),
            Text(str(move.seq), style=t.DIM),
        ]
        table.add_row(*row)
    return table


def checkpoints(entries: Iterable[Checkpoint]) -> Table:
    """Return namespaces and where their journals stand."""
    table = t.table("namespace", "events", "journal", "head", right=[1])
    for entry in entries:
        table.add_row(
            Text(entry.namespace),
            Text(t.number(entry.seq)),
            Text(t.bare(entry.journal), style=t.DIM),
            Text(t.bare(entry.head), style=t.DIM),
        )
    return table


def events(entries: Iterable[EventEntry], names: t.Names) -> Table:
    """Return events, one a line: what each did, counted, and the first names it did it to."""
    table = t.table("event", "when", "by", "what", "to", right=[0])
    for entry in entries:
        event = entry.event
        counts, named = operations(event.ops)
        table.add_row(
            Text(str(event.seq)),
            Text(t.when(event.time), style=t.DIM),
            Text(t.who(event.principal.id, names)),
            Text(counts),
            Text(named),
        )
    return table


def operations(ops: Iterable[Op]) -> tuple[str, str]:
    """Return operations counted by kind, and the first two of the names they are about."""
    ops = tuple(ops)
    kinds: dict[str, int] = {}
    for op in ops:
        kinds[_kind(op)] = kinds.get(_kind(op), 0) + 1
    labelled = {op.to for op in ops if isinstance(op, PointOp) and op.pointer.startswith("label:")}
    about = (_about(op) for op in ops if not (isinstance(op, VersionOp) and op.record in labelled))
    named = list(dict.fromkeys(name for name in about if name))
    more = [f"and {t.number(len(named) - 2)} more"] if len(named) > 2 else []
    counts = (t.many(count, kind, _PLURAL.get(kind, "")) for kind, count in kinds.items())
    return t.joined(counts, ", "), t.joined([*named[:2], *more], ", ")


def _kind(op: Op) -> str:
    if not isinstance(op, PointOp):
        return "beginning" if isinstance(op, Genesis) else op.op
    return split(op.pointer)[0] + ("" if op.to else " removed")


def _about(op: Op) -> str:
    if isinstance(op, VersionOp):
        return f"{op.model}@{op.ordinal}"
    if isinstance(op, Genesis):
        return op.namespace
    if isinstance(op, PointOp):
        kind, model, name = split(op.pointer)
        return {"label": f"{model}:{name}", "alias": f"{model}@{name}"}.get(kind, "")
    return ""


def event(entry: EventEntry, names: t.Names) -> RenderableType:
    """Return one event with all its operations."""
    value = entry.event
    head = t.pairs(
        [
            ("when", f"{t.when(value.time)} UTC"),
            ("by", f"{t.who(value.principal.id, names)}, {value.principal.kind}, {value.principal.assurance}"),
            ("digest", entry.digest),
            ("before", value.prev),
        ]
    )
    table = t.table("operation", "what")
    for op in value.ops:
        fields = {key: item for key, item in op.json_object().items() if key != "op"}
        table.add_row(Text(op.op), Text(t.compact(fields, 400)))
    return Group(t.line((f"{entry.namespace} {value.seq}", t.HEAD)), head, t.section("Operations", table))


def intake(entries: Sequence[Intake]) -> RenderableType:
    """Return which files are taken and which are left out, and why."""
    table = t.table("path", "size", "", right=[1])
    for entry in sorted(entries, key=lambda entry: entry.left_out is not None):
        out = entry.left_out is not None
        why = f"left out: {entry.left_out}" if out else f"from the link to {entry.link}" if entry.link else ""
        table.add_row(
            Text(entry.path),
            Text(t.size(entry.size)),
            Text(why, style=t.WARM if out else t.DIM),
            style=t.DIM if out else "",
        )
    return table


def registered(entries: Sequence[Registered]) -> Table:
    """Return what a batch did."""
    table = t.table("version", "no.", "outcome", "digest", right=[1])
    for entry in entries:
        table.add_row(
            Text(entry.reference),
            Text(str(entry.ordinal), style=t.DIM),
            Text(entry.outcome, style=t.DIM if entry.outcome == "unchanged" else ""),
            Text(t.bare(entry.record), style=t.DIM),
        )
    return table


def facets(values: Mapping[str, Sequence[tuple[str, int]]]) -> RenderableType:
    """Return the most common values of fields, with counts."""
    parts: list[RenderableType] = []
    for field, counts in values.items():
        table = Table.grid(padding=(0, 2, 0, 0))
        table.add_column(justify="right")
        table.add_column(overflow="fold")
        for value, count in counts:
            table.add_row(Text(t.number(count)), Text(value))
        content: RenderableType = table if counts else Text("no values", style=t.DIM)
        parts.append(t.section(field, content))
    return Group(*parts)
