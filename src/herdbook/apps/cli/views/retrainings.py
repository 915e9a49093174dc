"""What retraining a version takes, and what came of it."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text

from herdbook.apps.cli.answers import Retrained
from herdbook.apps.cli.views import text as t
from herdbook.model.retrainings import Need, Retraining

SHOWN = 30
_STYLE = {"verified": t.GOOD, "missing": t.LOUD, "different": t.LOUD, "unknown": t.WARM}
_WORDS = {
    "ready": ("ready", t.GOOD, "everything was found and verified; nothing was run"),
    "bytes": ("equal", t.GOOD, "the same bytes came out"),
    "predictions": ("within", t.GOOD, "its predictions are within the tolerance"),
    "metrics": ("within", t.GOOD, "its metrics are within the tolerance"),
    "differs": ("differs", t.LOUD, "what came out is not within any tolerance that was declared"),
    "incomplete": ("incomplete", t.LOUD, "something is missing"),
    "failed": ("failed", t.LOUD, "it ran, and gave no result"),
}


def retrained(answer: Retrained) -> RenderableType:
    """Return the verdict, what it took, and how the result compares."""
    body = answer.retraining
    word, style, sentence = _WORDS[body.outcome]
    parts: list[RenderableType] = [t.line((word, style), (answer.reference, t.HEAD), (sentence, t.DIM))]
    rows: list[tuple[str, RenderableType | None]] = [
        ("registered", Text(answer.registered) if answer.registered else None),
        ("not as it was", Text(", ".join(body.changed), style=t.WARM) if body.changed else None),
        ("command", Text(" ".join(answer.plan.command.argv)) if answer.plan.command else None),
        ("download", Text(t.size(answer.download_bytes)) if answer.download_bytes else None),
        ("folder", Text(answer.folder) if answer.folder else None),
    ]
    if any(value is not None for _, value in rows):
        parts.append(t.pairs(rows))
    if body.problems:
        parts.append(t.section("In the way" if body.by is None else "Noted", _lines(body.problems)))
    if answer.plan.needs:
        parts.append(t.section("What it needs", _needs(answer.plan.needs)))
    if body.compared:
        parts.append(t.section("Compared", _compared(body)))
    return Group(*parts)


def _lines(problems: tuple[str, ...]) -> RenderableType:
    more = [Text(f"… {len(problems) - SHOWN} more; --json shows all", style=t.DIM)] if len(problems) > SHOWN else []
    return Group(*(Text(each) for each in problems[:SHOWN]), *more)


def _needs(needs: tuple[Need, ...]) -> RenderableType:
    """Return the needs, those in the way first; long remarks follow them, where there is room."""
    table = t.table("", "for", "path", "size", "from", "detail", right=[3])
    table.show_header = False
    order = ("missing", "different", "unknown", "verified")
    remarks = []
    for need in sorted(needs, key=lambda each: order.index(each.state))[:SHOWN]:
        detail, _, remark = need.detail.partition("; ")
        if remark:
            remarks.append(Text(f"{need.role or need.what}: {remark}", style=t.DIM))
        table.add_row(
            Text(need.state, style=_STYLE[need.state]),
            Text(need.role or need.what),
            Text(need.path),
            Text(t.size(need.size) if need.size is not None else ""),
            Text(need.where, style=t.DIM),
            Text(detail, style=t.DIM),
        )
    more = [Text(f"… {len(needs) - SHOWN} more; --json shows all", style=t.DIM)] if len(needs) > SHOWN else []
    return Group(table, *more, *remarks)


def _compared(body: Retraining) -> RenderableType:
    table = t.table("", "what", "original", "again", "", right=[])
    for figure in body.compared[:SHOWN]:
        within = bool(figure.get("within"))
        table.add_row(
            Text("within" if within else "differs", style=t.GOOD if within else t.WARM),
            Text(str(figure.get("name", ""))),
            Text(t.compact(figure.get("original", ""), 24)),
            Text(t.compact(figure.get("again", figure.get("largest", "")), 24)),
            Text(t.compact(figure.get("detail", ""), 60), style=t.DIM),
        )
    more = len(body.compared) - SHOWN
    return Group(table, *([Text(f"… {more} more; --json shows all", style=t.DIM)] if more > 0 else []))
