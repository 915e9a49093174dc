"""Blob stores as a person reads them."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from herdbook.apps.cli.views import reports as reports_
from herdbook.apps.cli.views import text as t
from herdbook.model.stores import StoreEntry, StoreReport, Verification


def entries(found: Sequence[StoreEntry]) -> RenderableType:
    """Return the stores in their order."""
    counted = any(entry.blobs is not None for entry in found)
    counts = ["blobs", "size"] if counted else []
    table = t.table("store", "", *counts, "verified", "place", right=[2, 3] if counted else [])
    for entry in found:
        figures = []
        if counted:
            figures = [Text("?" if entry.blobs is None else t.number(entry.blobs)), Text(t.size(entry.bytes))]
        state = Text(entry.trouble, style=t.LOUD) if entry.trouble else _verified(entry.verification)
        table.add_row(
            Text(entry.name, style=t.HEAD),
            Text("written" if entry.written else "", style=t.DIM),
            *figures,
            state,
            Text(t.place(entry.place)),
        )
    return table


def _verified(told: Verification | None) -> Text:
    if told is None:
        return Text("never", style=t.DIM)
    when = t.when(told.ended) if told.ended else f"interrupted, begun {t.when(told.started)}" if told.after else "never"
    corrupt = max(told.corrupt, len(told.bad))  # the doctor finds some too
    wrong = t.joined([_count(corrupt, "corrupt"), _count(told.missing, "missing")], ", ")
    return t.line(when, (wrong, t.LOUD))


def _count(count: int, what: str) -> str:
    return f"{t.number(count)} {what}" if count else ""


_DONE = {"verify": "read again", "copy": "there before", "repair": "in order"}


def reports(found: Sequence[StoreReport]) -> RenderableType:
    """Return what was done, store by store, with what is wrong."""
    parts: list[RenderableType] = []
    width = max((len(report.store) for report in found), default=0)
    for report in found:
        verdict = ("sound", t.GOOD) if report.sound else ("NOT SOUND", t.LOUD)
        counts = t.joined(
            [
                f"{t.many(report.ok, 'blob')} {_DONE[report.task]}",
                _count(report.mended, "copied" if report.task == "copy" else "mended"),
                _count(report.corrupt, "corrupt"),
                _count(report.missing, "missing"),
                _count(report.extra, "that no record needs"),
                t.size(report.bytes),
                f"went on from {t.when(report.started)}" if report.resumed else "",
            ]
        )
        parts.append(t.line((report.store.ljust(width), t.HEAD), verdict, (counts, t.DIM)))
        if report.findings:
            parts.append(t.section("Findings", reports_.findings(report.findings)))
    return Group(*parts)
