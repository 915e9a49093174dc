"""Audits as a person reads them: what is missing first, then the profile as bars, and the level."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text

from herdbook.apps.cli.views import text as t
from herdbook.model.audits import Audit, Audited, AuditLine, Declared, Item, Score, Scored
from herdbook.model.rechecks import Looked, RecheckReport

CATEGORIES = {
    "F": "findable",
    "A": "accessible",
    "I": "interface",
    "R": "reusable",
    "T": "trainable",
    "S": "safe and operated",
}
LEVELS = (
    "nothing is known of its training",
    "described",
    "pinned",
    "executable: everything was verified to be there",
    "reproduced within the tolerance",
    "reproduced bit for bit",
)
_BAR = 20
_MARK = {None: ("–", t.DIM), 0: ("0", t.LOUD), 1: ("1", t.WARM), 2: ("2", ""), 3: ("3", t.GOOD)}
_WIDTH = 44
HEAD = Text(
    f"{'version':<{_WIDTH}} level  medal   " + " ".join(f"{name:>4}" for name in "FAIRTS") + "  absent",
    t.DIM,
    no_wrap=True,
    overflow="ignore",
)


def audit(found: Audited, *, every: bool = False) -> RenderableType:
    """Return the audit of a version."""
    told = found.audit
    parts: list[RenderableType] = [t.line((found.reference, t.HEAD), _level(told), (told.medal or "", t.GOOD))]
    holding = {each.partition(" ")[0] for each in told.held_back}
    missing = sorted(
        (item for item in told.items if item.supply and (every or item.score.score == 0 or _blocks(item, holding))),
        key=lambda item: (item.score.score or 0, item.item not in holding, not item.gate, -item.weight),
    )
    if missing:
        shown = {0: "Missing", 1: "Said in words only", 2: "Could be checked"}
        for score, title in shown.items():
            if mine := [item for item in missing if item.score.score == score]:
                parts += [Text(), t.line((title, t.HEAD), (t.many(len(mine), "item"), t.DIM)), _supplies(mine)]
    if every and (rest := [item for item in told.items if item not in missing]):
        parts.append(t.section("In order", _scores(rest)))
    parts.append(t.section("Profile", _bars(told), f"checklist {told.checklist}"))
    if told.held_back:
        above = f"what keeps it from R{told.level + 1}"
        parts.append(t.section("Level", _lines(told.held_back), f"R{told.level}, {LEVELS[told.level]}; {above}"))
    if told.below:
        parts.append(t.section("Below what the namespace demands", _lines(told.below)))
    return Group(*parts)


def _blocks(item: Scored, holding: set[str]) -> bool:
    return item.item in holding or (item.gate and (item.score.score or 0) < 2)


def _level(told: Audit) -> Text:
    style = t.GOOD if told.level >= 3 else t.WARM if told.level else t.LOUD
    return Text(f"R{told.level} {LEVELS[told.level]}", style=style)


def _whole(text: Text) -> Text:
    """Return a line that is never folded, so that it can be copied."""
    text.no_wrap, text.overflow = True, "ignore"
    return text


def _lines(sentences: tuple[str, ...]) -> RenderableType:
    return Group(*(Text(each) for each in sentences))


def _supplies(items: list[Scored]) -> RenderableType:
    """Return items with what would supply them; indented by hand, since a padding cuts lines that do not fit."""
    rows: list[RenderableType] = []
    for item in items:
        rows.append(t.line((f"  {item.item:<4}", t.HEAD), item.title, ("gate" if item.gate else "", t.WARM)))
        rows.append(Text(f"        {why(item.score)}", style=t.DIM))
        rows.append(_whole(Text(f"        {item.supply}")))
    return Group(*rows)


def _scores(items: list[Scored]) -> RenderableType:
    table = t.table("", "item", "", "")
    table.show_header = False
    for item in items:
        mark, style = _MARK[item.score.score]
        table.add_row(Text(mark, style=style), Text(item.item), Text(item.title), Text(why(item.score), style=t.DIM))
    return table


def why(score: Score) -> str:
    """Return what a score rests on."""
    match score.score:
        case None:
            return f"does not apply: {score.reason}"
        case 0:
            return score.why
        case 3:
            return f"{score.ran.check}: {score.ran.on} ({t.when(score.ran.at)})"
        case _:
            return score.where


def _bars(told: Audit) -> RenderableType:
    table = t.table("", "", "", right=[2])
    table.show_header = False
    for name, share in told.profile.items():
        full = round(share * _BAR)
        bar = Text("█" * full, style=t.GOOD if share >= 2 / 3 else t.WARM) + Text("░" * (_BAR - full), style=t.DIM)
        table.add_row(Text(f"{name}  {CATEGORIES[name]}"), bar, Text(f"{share:.0%}"))
    return table


def line(told: AuditLine) -> Text:
    """Return a line of the table of audits."""
    shares = " ".join(f"{told.profile[name]:>4.0%}" if name in told.profile else "   –" for name in CATEGORIES)
    head = f"{told.reference:<{_WIDTH}} R{told.level}     {told.medal or '':<6}  {shares}  {told.absent:>6}"
    below = Text("  below" if told.below else "", style=t.LOUD)
    return _whole(Text(head, style=t.WARM if told.below else "") + below)


def item(found: Item) -> RenderableType:
    """Return an item with what gives its scores."""
    head = t.line((found.id, t.HEAD), found.title, ("gate" if found.gate else "", t.WARM))
    facts = f"{CATEGORIES[found.category]}, weight {found.weight}" + (", cannot be waived" if found.fixed else "")
    rows = [(str(score), Text(words)) for score, words in enumerate(found.gives)]
    if isinstance(found.check, Declared):
        wanted = t.compact(found.check.json_object(), 200)
        rows = [("0", Text("it is not said")), ("1", Text("it is said, and will not do")), ("2", Text(wanted))]
    return Group(head, Text(facts, style=t.DIM), t.pairs(rows), _whole(Text(found.supply)))


def looked(found: Looked) -> Text:
    """Return a line for a place that was asked."""
    style = t.LOUD if found.lost else t.WARM if found.after != "exists" else t.GOOD
    changed = f"{found.after}" if found.before == found.after else f"{found.after}, was {found.before}"
    return _whole(t.line((changed, style), found.of, found.uri, (found.detail, t.DIM)))


def recheck(report: RecheckReport) -> RenderableType:
    """Return what looking again found."""
    told = [
        t.many(report.asked, "place") + " asked",
        t.many(report.written, "answer") + " written",
        f"{report.fresh} fresh" if report.fresh else "",
        f"{report.unreachable} could not be asked" if report.unreachable else "",
        f"{report.unserved} of kinds that nothing here serves" if report.unserved else "",
        f"{report.left} left for the next time" if report.left else "",
    ]
    parts: list[RenderableType] = [Text(t.joined(told))]
    for each in report.dropped:
        words = f"fell from R{each.before} to R{each.after}"
        parts.append(t.line((each.reference, t.HEAD), (words, t.LOUD), "; ".join(each.why)))
    return Group(*parts)
