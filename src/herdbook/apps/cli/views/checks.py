"""What ``check`` shows: findings by folder or version, the rules, and a rule's page."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from herdbook.apps.cli.views import text as t
from herdbook.model.checks import Report, Rule
from herdbook.model.facts import Finding, Severity

_STYLE = {Severity.ERROR: t.LOUD, Severity.WARNING: t.WARM, Severity.NOTE: t.DIM}


def reports(found: Sequence[Report]) -> RenderableType:
    """Return the findings of each subject, and a line of sums when there are several."""
    parts: list[RenderableType] = []
    for report in found:
        parts += [*([Text()] if parts else []), _report(report)]
    if len(found) > 1:
        counts = Counter(finding.severity for report in found for finding in report.findings)
        clean = sum(not report.findings for report in found)
        parts += [Text(), t.line((f"{t.number(len(found))} checked", t.HEAD), _sums(counts), (f"{clean} clean", t.DIM))]
    return Group(*parts)


def _report(report: Report) -> RenderableType:
    counts = Counter(finding.severity for finding in report.findings)
    asked = f"for {', '.join(report.consumers)}" if report.consumers else ""
    head = t.line(
        (report.of, t.HEAD),
        _sums(counts) if counts else Text("clean", style=t.GOOD),
        (f"{t.many(report.files, 'file')}, {t.many(len(report.rules), 'rule')}", t.DIM),
        (asked, t.DIM),
    )
    return Group(head, *(Padding(_finding(each), (0, 0, 0, 2)) for each in report.findings))


def _sums(counts: Counter[Severity]) -> Text:
    parts = [Text(t.many(counts[each], str(each)), style=_STYLE[each]) for each in reversed(Severity) if counts[each]]
    return Text(", ").join(parts)


def _finding(finding: Finding) -> RenderableType:
    """Return a finding in two parts: severity, rule and file in a line, below it what is said, folded."""
    head = Text("  ").join(
        [
            Text(f"{finding.severity!s:<7}", style=_STYLE[finding.severity]),
            Text(finding.rule, style=t.HEAD),
            *([Text(finding.path)] if finding.path else []),
        ]
    )
    said = Table.grid()
    said.add_column(overflow="fold", max_width=t.READING_WIDTH)
    said.add_row(t.line(finding.message, (finding.where, t.DIM)))
    return Group(head, Padding(said, (0, 0, 0, 9)))


def rules(found: Sequence[Rule]) -> RenderableType:
    """Return the rules in a table."""
    table = t.table("rule", "severity", "for", "")
    table.columns[0].no_wrap = True
    for rule in found:
        table.add_row(
            Text(rule.id),
            Text(str(rule.severity), style=_STYLE[rule.severity]),
            Text(", ".join(rule.consumers), style=t.DIM),
            Text(rule.title),
        )
    return table


def page(rule: Rule, markdown: str) -> RenderableType:
    """Return a rule's page; of a plug-in that has none, what the rule itself says."""
    asked = f"asked for {', '.join(rule.consumers)} only" if rule.consumers else ""
    head = t.line((rule.id, t.HEAD), Text(str(rule.severity), style=_STYLE[rule.severity]), (asked, t.DIM))
    body = re.sub(r"\A(?:<!--.*?-->\s*)?# [^\n]*\n", "", markdown, flags=re.DOTALL).strip()
    return Group(head, Text(rule.title), Text(), _markdown(body)) if body else Group(head, Text(rule.title))


def _markdown(text: str) -> Table:
    """Return Markdown as a person reads it in a terminal: headings bright, links as their words."""
    grid = Table.grid()
    grid.add_column(overflow="fold", max_width=t.READING_WIDTH)
    for paragraph in re.split(r"\n{2,}", re.sub(r"\[([^\]]+)\]\([^)]*\)", r"\1", text)):
        if paragraph.startswith("#"):
            grid.add_row(Text(paragraph.lstrip("# "), style=t.HEAD))
        elif re.match(r"[|`>-]|\d+\. ", paragraph):
            grid.add_row(Text(paragraph))
        else:
            grid.add_row(Text(" ".join(paragraph.split())))
        grid.add_row(Text())
    return grid
