"""Copies between registries: what a mirror's run brought, and what was adopted."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text

from herdbook.apps.cli.views import text as t
from herdbook.apps.cli.views.reports import SHOWN, findings
from herdbook.model.mirrors import Adopted, AdoptReport, Mirrored, MirrorReport

_OUTCOMES = {"new": t.GOOD, "labelled": t.GOOD, "known": t.DIM}


def mirror(report: MirrorReport) -> RenderableType:
    """Return what came, where each namespace stands, and what could not be had."""
    came = t.joined(
        [
            t.many(report.events, "event"),
            t.many(report.bodies, "body", "bodies"),
            f"{t.many(report.blobs, 'blob')} ({t.size(report.blob_bytes)})",
        ],
        ", ",
    )
    nothing = not report.events and not report.blobs
    verdict = ("NOT SOUND", t.LOUD) if not report.sound else ("nothing new", t.DIM) if nothing else (came, t.GOOD)
    parts: list[RenderableType] = [t.line("mirrored", (report.source, t.HEAD), f"to {report.folder}"), t.line(verdict)]
    if report.namespaces:
        table = t.table("namespace", "before", "now", "there", "state", right=[1, 2, 3])
        for item in report.namespaces:
            table.add_row(*_row(item))
        parts.append(t.section("Journals", table))
    if report.findings:
        parts.append(t.section("Findings", findings(report.findings)))
    return Group(*parts)


def _row(item: Mirrored) -> list[Text]:
    state = Text(f"{t.bare(item.state)} as there", style=t.GOOD) if item.state else Text("", style=t.DIM)
    return [
        Text(item.namespace),
        Text(t.number(item.before), style=t.DIM),
        Text(t.number(item.seq)),
        Text(t.number(item.there), style=t.DIM),
        state,
    ]


def adoption(report: AdoptReport) -> RenderableType:
    """Return what was, or would be, adopted, and what stands against it."""
    verb = "would adopt" if report.dry_run else "adopted"
    came = [item for item in report.versions if item.outcome != "known"]
    held = t.joined(
        [
            t.many(len(came), "version"),
            t.many(report.statements, "statement"),
            t.many(report.activities, "activity", "activities"),
            t.many(report.datasets, "dataset"),
            f"{t.many(report.files, 'file')} ({t.size(report.bytes)})",
        ],
        ", ",
    )
    nothing = not came and not report.statements and not report.activities
    parts: list[RenderableType] = [
        t.line(
            verb, ("nothing: all of it is here", t.DIM) if nothing else (held, t.GOOD), (f"from {report.source}", t.DIM)
        )
    ]
    if report.conflicts:
        shown = [Text(words) for words in report.conflicts[:SHOWN]]
        parts.append(t.section("Conflicts", Group(*shown), t.number(len(report.conflicts))))
    if report.versions:
        table = t.table("", "there", "here", "labels")
        table.show_header = False
        for item in report.versions[:SHOWN]:
            table.add_row(*_adopted(item))
        parts.append(t.section("Versions", table, t.number(len(report.versions))))
    if report.findings:
        parts.append(t.section("Findings", findings(report.findings)))
    return Group(*parts)


def _adopted(item: Adopted) -> list[Text]:
    here = f"{item.model}@{item.ordinal}" if item.ordinal else item.model
    return [
        Text(item.outcome, style=_OUTCOMES[item.outcome]),
        Text(item.origin, style=t.DIM),
        Text(here, style=t.HEAD),
        Text(", ".join(item.labels)),
    ]
