"""Imports: plans as tables, reports that account for everything, surveys, how a source and the registry compare."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from herdbook.apps.cli.answers import RulesAnswer, Surveyed
from herdbook.apps.cli.views import text as t
from herdbook.apps.cli.views.origins import brief
from herdbook.model.drafts import Finding
from herdbook.model.imports import BlobFate, Coverage, Drift, ImportEntry, Report, Status
from herdbook.model.plans import Conflict, Plan, PlanRow

ROWS = 60
"""How many rows of a table a person is shown; the plan, --report and --json have all."""
FINDINGS = 20
_MARKS = {"new": t.GOOD, "changed": t.WARM, "gone": t.WARM, "corrupt": t.LOUD, "missing": t.LOUD, "unresolved": t.WARM}


def _more(count: int, shown: int, where: str) -> list[RenderableType]:
    left = count - shown
    return [Text(f"… {t.number(left)} more; {where}", style=t.DIM)] if left > 0 else []


def _head(report: Report | Plan | Status, words: str, style: str) -> RenderableType:
    source = report.source
    line = t.line((words, style), (source.name, t.HEAD), (f"{source.kind}, into {report.namespace}", t.DIM))
    if isinstance(report, Status):
        return line
    return Group(line, Text(f"by the rules {report.rules.partition(' ')[0]}", style=t.DIM))


def plan(value: Plan, rows: Sequence[PlanRow], *, left_out: bool = True) -> RenderableType:
    """Return a plan: conflicts first, then versions by model, withdrawals that wait for a yes, and what is left out."""
    parts: list[RenderableType] = [_head(value, "plan", "")]
    if value.conflicts:
        parts.append(t.section("Conflicts", _conflicts(value.conflicts), f"{len(value.conflicts)} to decide"))
    parts.append(_versions(rows))
    parts += _withdrawals(value, {row.key: _called(row) for row in rows})
    if value.skipped and left_out:
        parts.append(t.section("Left out", _skipped(value), t.many(len(value.skipped), "path")))
    return Group(*parts)


def _conflicts(conflicts: Sequence[Conflict]) -> RenderableType:
    table = t.table("what", "field", "was planned", "you wrote", "the source now")
    for item in conflicts[:ROWS]:
        sides = [Text(t.compact(side) if side is not None else "-") for side in (item.planned, item.yours, item.source)]
        table.add_row(Text(t.compact(item.message or item.key)), Text(item.field), *sides, style=t.WARM)
    return Group(table, *_more(len(conflicts), ROWS, "the plan has all"))


def _called(row: PlanRow) -> str:
    return f"{row.model}:{row.labels[0]}" if row.labels else row.model


def _versions(rows: Sequence[PlanRow]) -> RenderableType:
    groups: dict[str, list[PlanRow]] = {}
    for row in rows[:ROWS]:
        groups.setdefault(row.model, []).append(row)
    widest = max((cell_len(label) for row in rows[:ROWS] for label in row.labels), default=0)
    parts: list[RenderableType] = []
    for model, held in groups.items():
        table = t.table("labels", "files", "tags", "", right=[1])
        table.show_header = False
        table.columns[0].min_width = widest
        for row in held:
            table.add_row(*_row(row))
        parts += [Text(model), Padding(table, (0, 0, 0, 2))]
    models = len({row.model for row in rows})
    aside = f"{t.many(len(rows), 'version')} of {t.many(models, 'model')}"
    return t.section("Versions", Group(*parts, *_more(len(rows), ROWS, "the plan has all")), aside)


def _row(row: PlanRow) -> list[Text]:
    out = row.state == "skip"
    absent = Text(f"{row.absent} absent" if row.absent else "", style=t.WARM)
    why = f"left out: {row.reason}" if out else "here already" if row.state == "known" else ""
    return [
        Text("\n".join(row.labels) or "no label", style=t.DIM if out else ""),
        Text(t.many(row.files, "file"), style=t.DIM),
        Text(_tags(row.tags), style=t.DIM),
        t.line(absent, (why, t.WARM if out else t.DIM)),
    ]


def _tags(text: str) -> str:
    """Return ``V00-04-00 … V00-05-00``, a single tag once, a commit in brief."""
    first, _, last = text.partition(" … ")
    return first if last == first else brief(text)


def _withdrawals(value: Plan, names: Mapping[str, str]) -> list[RenderableType]:
    if not value.withdrawals:
        return []
    parts: list[RenderableType] = []
    for item in value.withdrawals[:ROWS]:
        word = Text("accepted", style=t.LOUD) if item.accept else Text("proposed", style=t.WARM)
        parts.append(t.line(word, t.compact(item.reason)))
        lines = [Text(names.get(key, key)) for key in item.versions]
        if item.replacement:
            lines.append(Text(f"use instead {names.get(item.replacement, item.replacement)}", style=t.DIM))
        parts.append(Padding(Group(*lines), (0, 0, 0, 2)))
    aside = "made only where the plan says accept: true"
    shown = Group(*parts, *_more(len(value.withdrawals), ROWS, "the plan has all"))
    return [t.section("Withdrawals the source speaks of", shown, aside)]


def _skipped(value: Plan) -> RenderableType:
    reasons: dict[str, list[str]] = {}
    for path, reason in value.skipped.items():
        reasons.setdefault(reason, []).append(path)
    return _reasons({reason: (len(paths), paths[0]) for reason, paths in reasons.items()})


def _reasons(reasons: dict[str, tuple[int, str]]) -> Table:
    table = t.table("", "why", "as", right=[0])
    table.show_header = False
    for reason, (count, example) in sorted(reasons.items(), key=lambda item: -item[1][0])[:ROWS]:
        table.add_row(Text(t.number(count)), Text(reason), Text(example, style=t.DIM))
    return table


def preview(value: Plan, rows: Sequence[PlanRow], told: Report) -> RenderableType:
    """Return what an import would do: the plan and the account."""
    return Group(plan(value, rows, left_out=False), report(told, head=False))


def report(value: Report, *, head: bool = True) -> RenderableType:
    """Return a report: what was brought, every blob accounted for, what the source knows, what to look at."""
    words = {"planned": "would import", "applied": "imported", "unchanged": "nothing new in"}[value.outcome]
    parts: list[RenderableType] = []
    if head:
        parts.append(_head(value, words, t.GOOD if value.outcome == "applied" else ""))
        parts += [brought] if (brought := _brought(value)) else []
        if value.batch:
            parts.append(Text(f"batch {value.batch[:12]}", style=t.DIM))
    if value.distinct:
        parts.append(t.section("Every distinct file of the source", _account(value), _sum(value)))
    if value.coverage and value.versions:
        parts.append(t.section("What the source knows of its versions", coverage(value.coverage)))
    if value.findings:
        shown = findings(value.findings)
        parts.append(t.section("Look at this", shown, t.many(len(value.findings), "finding")))
    return Group(*parts)


def _brought(value: Report) -> Text:
    told = [
        f"{t.many(value.versions, 'version')} of {t.many(value.models, 'model')}" if value.versions else "",
        f"{t.number(value.new)} new" if value.versions else "",
        f"{t.number(value.unresolved)} unresolved" if value.unresolved else "",
        t.many(value.datasets, "dataset") if value.datasets else "",
        t.many(value.activities, "activity", "activities") if value.activities else "",
        t.many(value.statements, "statement") if value.statements else "",
        f"{t.many(value.proposed, 'withdrawal')} proposed" if value.proposed else "",
    ]
    return Text(t.joined(told, ", "))


def _sum(value: Report) -> str:
    """Return the account in figures, and whether it holds."""
    parts = (value.taken, value.duplicate, value.absent, value.skipped)
    sign = "=" if value.sound else "IS NOT"
    return f"{t.number(value.distinct)} {sign} {' + '.join(map(t.number, parts))}"


def _account(value: Report) -> RenderableType:
    table = t.table("", "", "", right=[0])
    table.show_header = False
    rows = (
        ("taken", value.taken, "in a version, with bytes"),
        ("duplicate", value.duplicate, "its bytes were here already"),
        ("absent", value.absent, "named, but the source lacks the bytes"),
        ("skipped", value.skipped, "no version has it"),
    )
    for fate, count, meaning in rows:
        sizes = [blob.size for blob in value.blobs if blob.fate == fate and blob.size is not None]
        words = t.joined([meaning, t.size(sum(sizes)) if sizes else ""], ", ")
        table.add_row(Text(t.number(count)), Text(fate), Text(words, style=t.DIM))
    parts: list[RenderableType] = [table]
    if skipped := _by_reason(value.blobs):
        parts += [Text(), _reasons(skipped)]
    return Group(*parts)


def _by_reason(blobs: Sequence[BlobFate]) -> dict[str, tuple[int, str]]:
    found: dict[str, tuple[int, str]] = {}
    for blob in blobs:
        if blob.fate == "skipped":
            count, example = found.get(blob.reason, (0, blob.paths[0] if blob.paths else ""))
            found[blob.reason] = (count + 1, example)
    return found


def coverage(entries: Sequence[Coverage]) -> Table:
    """Return how many versions have each field."""
    table = t.table("field", "known", "of", "", right=[1, 2])
    for entry in entries:
        style = t.WARM if entry.known == 0 else t.DIM if entry.known < entry.of else ""
        table.add_row(
            Text(entry.field, style=style), Text(t.number(entry.known)), Text(t.number(entry.of)), _bar(entry)
        )
    return table


def _bar(entry: Coverage) -> Text:
    if not entry.of:
        return Text("nothing it could be said of", style=t.DIM)
    if not entry.known:
        return Text("not known", style=t.WARM)
    return Text("█" * max(1, round(20 * entry.known / entry.of)), style=t.DIM)


def findings(found: Sequence[Finding]) -> RenderableType:
    """Return what a person should look at."""
    table = t.table("", "", "")
    table.show_header = False
    for item in found[:FINDINGS]:
        table.add_row(Text(item.code, style=t.WARM), Text(item.message), Text(brief(item.where), style=t.DIM))
    return Group(table, *_more(len(found), FINDINGS, "--report FILE or --json has all"))


def status(value: Status, verb: str) -> RenderableType:
    """Return how a source and the registry stand to each other, alarms first."""
    if not value.imported:
        word = "never imported"
    else:
        word = "moved since it was imported" if value.moved else "as it was imported"
    parts: list[RenderableType] = [
        _head(value, "source", ""),
        t.line(
            (word, t.WARM if value.moved else t.GOOD),
            (f"{t.number(value.checked)} {verb}" if value.checked else "", t.DIM),
        ),
    ]
    if value.drifts:
        table = t.table("what", "version", "", "master")
        for drift in sorted(value.drifts, key=lambda item: not item.alarm)[:ROWS]:
            table.add_row(*_drift(drift))
        parts.append(t.section("Differences", Group(table, *_more(len(value.drifts), ROWS, "--json has all"))))
    elif value.imported:
        parts.append(Text("source and registry agree", style=t.GOOD))
    return Group(*parts)


def _drift(drift: Drift) -> list[Text]:
    word = f"ALARM {drift.what}" if drift.alarm else drift.what
    return [
        Text(word, style=t.LOUD if drift.alarm else _MARKS.get(drift.what, "")),
        Text(drift.reference or drift.model),
        Text(drift.message),
        Text(drift.master or "", style=t.DIM),
    ]


def survey(answers: Sequence[Surveyed]) -> RenderableType:
    """Return what several sources know, a column for each."""
    fields = list(dict.fromkeys(entry.field for answer in answers for entry in answer.coverage))
    columns = range(1, len(answers) + 1)
    table = t.table("field", *(answer.name for answer in answers), right=columns)
    table.add_row(Text("versions", style=t.DIM), *(Text(t.number(answer.versions)) for answer in answers))
    for field in fields:
        table.add_row(Text(field), *(_cell(answer, field) for answer in answers))
    return table


def _cell(answer: Surveyed, field: str) -> Text:
    found = next((entry for entry in answer.coverage if entry.field == field), None)
    if found is None or not found.of:
        return Text("-", style=t.DIM)
    words = f"{t.number(found.known)} of {t.number(found.of)}"
    return Text(words, style=t.WARM if not found.known else "")


def survey_markdown(answers: Sequence[Surveyed]) -> str:
    """Return the survey as a table in Markdown."""

    def row(*cells: str) -> str:
        return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"

    fields = list(dict.fromkeys(entry.field for answer in answers for entry in answer.coverage))
    lines = [row("field", *(answer.name for answer in answers)), row("---", *("---:" for _ in answers))]
    lines.append(row("versions", *(t.number(answer.versions) for answer in answers)))
    lines += [row(field, *(_cell(answer, field).plain for answer in answers)) for field in fields]
    return "\n".join(lines)


def batches(entries: Sequence[ImportEntry]) -> Table:
    """Return batches, one a line."""
    table = t.table("batch", "in", "when", "versions", "records", "said", "events", "", right=[3, 4, 5])
    for column in (0, 2):
        table.columns[column].no_wrap = True
    for entry in entries:
        table.add_row(
            Text(entry.batch[:12]),
            Text(entry.namespace, style=t.DIM),
            Text(t.when(entry.time) if entry.time else "", style=t.DIM),
            Text(t.number(entry.versions)),
            Text(t.number(entry.records)),
            Text(t.number(entry.statements)),
            Text(_events(entry), style=t.DIM),
            Text("UNDONE", style=t.LOUD) if entry.withdrawn else Text(),
        )
    return table


def _events(entry: ImportEntry) -> str:
    return str(entry.first) if entry.first == entry.last else f"{entry.first} to {entry.last}"


def batch(entry: ImportEntry, names: t.Names) -> RenderableType:
    """Return one batch."""
    head = t.line(("batch", ""), (entry.batch, t.HEAD), ("UNDONE", t.LOUD) if entry.withdrawn else "")
    rows: list[tuple[str, RenderableType | None]] = [
        ("namespace", Text(entry.namespace)),
        ("when", Text(f"{t.when(entry.time)} UTC") if entry.time else None),
        ("by", Text(t.who(entry.principal, names)) if entry.principal else None),
        ("events", Text(_events(entry))),
        ("brought", Text(_contents(entry))),
    ]
    return Group(head, t.pairs(rows))


def _contents(entry: ImportEntry) -> str:
    return t.joined(
        [
            t.many(entry.versions, "version"),
            t.many(entry.records, "record"),
            t.many(entry.statements, "statement"),
            t.many(entry.labels, "label"),
        ],
        ", ",
    )


def rules(entries: Sequence[RulesAnswer]) -> RenderableType:
    """Return rules with how their tests went; each failure below."""
    parts: list[RenderableType] = []
    for entry in entries:
        failed = f"{len(entry.failures)} of {t.many(entry.tests, 'test')} FAIL"
        tests = failed if entry.failures else f"{t.many(entry.tests, 'test')} pass" if entry.tests else "no tests"
        style = t.LOUD if entry.failures else t.GOOD if entry.tests else t.WARM
        into = f"into {entry.namespace}" if entry.namespace else "into a namespace that you name"
        parts.append(t.line((entry.name, t.HEAD), (tests, style), (into, t.DIM)))
        parts.append(Padding(Text(f"for sources called {entry.source}", style=t.DIM), (0, 0, 0, 2)))
        parts += [Padding(Text(f"! {failure}", style=t.WARM), (0, 0, 0, 2)) for failure in entry.failures]
    return Group(*parts)
