"""Reports: what doctor, garbage collection, bundles, verification, comparison and inspection found."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from herdbook.apps.cli.answers import Inspected, SettingAnswer, Usage, Verified
from herdbook.apps.cli.views import text as t
from herdbook.apps.cli.views.dossiers import interface
from herdbook.model.dossiers import Change, Diff
from herdbook.model.facts import Finding
from herdbook.model.health import BundleReport, DoctorReport, GarbageReport
from herdbook.model.journal import Checkpoint

SHOWN = 30
"""How many findings, or digests, a person is shown."""
_SEVERITY = {"error": t.LOUD, "warning": t.WARM}
_STATUS = {"ok": t.GOOD, "corrupt": t.LOUD, "missing": t.WARM, "unresolved": t.WARM}


def findings(found: Sequence[Finding]) -> RenderableType:
    """Return findings, worst first; many are counted."""
    table = t.table("", "rule", "finding", "where")
    table.show_header = False
    order = ["error", "warning", "note"]
    for item in sorted(found, key=lambda item: order.index(str(item.severity)))[:SHOWN]:
        style = _SEVERITY.get(str(item.severity), t.DIM)
        where = Text(t.compact(item.where), style=t.DIM)
        table.add_row(Text(item.severity, style=style), Text(item.rule), Text(item.message), where)
    return Group(table, *_more(len(found)))


def _more(count: int) -> list[RenderableType]:
    more = count - SHOWN
    return [Text(f"… {t.number(more)} more; --json shows all", style=t.DIM)] if more > 0 else []


def _journals(checkpoints: Iterable[Checkpoint], states: dict[str, str]) -> RenderableType:
    table = t.table("namespace", "events", "head", "state", right=[1])
    for entry in checkpoints:
        state = states.get(entry.namespace, "")
        table.add_row(
            Text(entry.namespace),
            Text(t.number(entry.seq)),
            Text(t.bare(entry.head), style=t.DIM),
            Text(t.bare(state) if state else "", style=t.DIM),
        )
    return table


def _held(report: DoctorReport | BundleReport) -> str:
    return t.joined(
        [
            t.many(report.events, "event"),
            t.many(report.bodies, "body", "bodies"),
            f"{t.many(report.blobs, 'blob')} ({t.size(report.blob_bytes)})",
        ],
        ", ",
    )


def doctor(report: DoctorReport) -> RenderableType:
    """Return what the doctor saw."""
    verdict = Text("sound", style=f"bold {t.GOOD}") if report.sound else Text("NOT SOUND", style=t.LOUD)
    indexed = f"index of {t.many(report.reindexed, 'version')} built anew" if report.reindexed else ""
    parts: list[RenderableType] = [t.line(verdict, (_held(report), t.DIM), (indexed, t.DIM))]
    if report.findings:
        parts.append(t.section("Findings", findings(report.findings)))
    if report.checkpoints:
        parts.append(t.section("Journals", _journals(report.checkpoints, dict(report.states))))
    return Group(*parts)


def bundle(report: BundleReport, done: str) -> RenderableType:
    """Return what a bundle or a backup holds."""
    whole = ("complete", t.GOOD) if report.complete else ("a part, which proves content only", t.WARM)
    verdict = whole if report.sound else ("NOT SOUND", t.LOUD)
    parts: list[RenderableType] = [
        t.line((done, ""), (report.folder, t.HEAD)),
        t.line(verdict, (_held(report), t.DIM)),
    ]
    if report.findings:
        parts.append(t.section("Findings", findings(report.findings)))
    if report.absent:
        shown = [Text(digest) for digest in report.absent[:SHOWN]]
        parts.append(t.section("Not here", Group(*shown, *_more(len(report.absent))), t.number(len(report.absent))))
    if report.checkpoints:
        parts.append(t.section("Journals", _journals(report.checkpoints, dict(report.states))))
    return Group(*parts)


def garbage(report: GarbageReport) -> RenderableType:
    """Return what garbage collection found or removed."""
    verb = "could be removed" if report.dry_run else "removed"
    held = f"{t.many(len(report.candidates), 'blob')} ({t.size(report.bytes)}) {verb}"
    if not report.candidates:
        held = "nothing to remove" if report.dry_run else "nothing was removed"
    temporary = f"{t.size(report.temporary_bytes)} of broken-off uploads" if report.temporary_bytes else ""
    return Group(
        t.line(held, (temporary, "")),
        Text(
            t.joined([f"{t.number(report.kept)} needed", f"{t.number(report.leased)} leased by writers"]), style=t.DIM
        ),
    )


def verified(entries: Sequence[Verified]) -> RenderableType:
    """Return what is not well, or in one line that all is."""
    bad = [entry for entry in entries if entry.status != "ok"]
    good = len(entries) - len(bad)
    parts: list[RenderableType] = []
    if bad:
        table = t.table("status", "version", "path", "")
        for entry in bad:
            word = entry.status.upper() if entry.status == "corrupt" else entry.status
            table.add_row(
                Text(word, style=_STATUS[entry.status]), Text(entry.reference), Text(entry.path), Text(entry.message)
            )
        parts += [table, Text()]
    if good:
        parts.append(t.line(("ok", t.GOOD), f"{t.many(good, 'file')} read again, every byte as registered"))
    return Group(*parts)


def _side(change: Change, value: object) -> str:
    if value is None:
        return "-"
    if change.part == "metric":  # --json has them as exact as they were told
        figure, *errors = str(value).split(" ± ")
        return " ± ".join(t.rounded(_number(figure), *map(_number, errors)))
    return t.compact(value, 60)


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def diff(value: Diff) -> RenderableType:
    """Return the differences, by part."""
    parts: list[RenderableType] = [
        Group(
            t.line(("-", "red"), (value.before, t.HEAD), (t.short(value.record_before), t.DIM)),
            t.line(("+", "green"), (value.after, t.HEAD), (t.short(value.record_after), t.DIM)),
        )
    ]
    if value.same_record:
        parts.append(Text("the same files, byte for byte", style=t.GOOD))
    groups: dict[str, list[Change]] = {}
    for change in value.changes:
        groups.setdefault(change.part, []).append(change)
    titles = {"file": "Files", "fact": "Facts", "parameter": "Parameters", "dataset": "Datasets", "metric": "Metrics"}
    for part, changes in groups.items():
        table = t.table("", "what", "before", "after")
        table.show_header = False
        for change in changes:
            mark = "+" if change.before is None else "-" if change.after is None else "~"
            style = {"+": "green", "-": "red"}.get(mark, t.WARM)
            sides = [Text(_side(change, value)) for value in (change.before, change.after)]
            table.add_row(Text(mark, style=style), Text(change.name), *sides)
        parts.append(t.section(titles.get(part, "Statements"), table))
    if not value.changes and not value.same_record:
        parts.append(Text("no difference in what is known", style=t.DIM))
    return Group(*parts)


def inspected(entries: Sequence[Inspected]) -> RenderableType:
    """Return facts of files, the interface below each that has one."""
    parts: list[RenderableType] = []
    for index, entry in enumerate(entries):
        style = {"unsafe": t.LOUD, "guarded": t.WARM}.get(entry.safety or "", t.DIM)
        head = t.line(
            (entry.path, t.HEAD),
            (entry.format, ""),
            (entry.safety or "", style),
            (t.size(entry.size), t.DIM),
            (entry.sha256[:12], t.DIM),
        )
        values = entry.model_extra or {}
        if index:
            parts.append(Text())
        parts.append(head)
        parts.append(Padding(interface(values), (0, 0, 0, 2)))
        for finding in values.get("findings") or ():
            style = t.LOUD if finding["severity"] == "error" else t.WARM if finding["severity"] == "warning" else t.DIM
            parts.append(Padding(t.line((finding["severity"], style), (finding["message"], "")), (0, 0, 0, 2)))
    return Group(*parts)


def usage(entries: Sequence[Usage]) -> RenderableType:
    """Return disk use by model, the largest first."""
    table = t.table("model", "bytes", "its own", right=[1, 2])
    for entry in sorted(entries, key=lambda entry: -entry.bytes):
        table.add_row(Text(entry.model), Text(t.size(entry.bytes)), Text(t.size(entry.own_bytes), style=t.DIM))
    return table


def settings(entries: Sequence[SettingAnswer]) -> RenderableType:
    """Return settings with the origin of each, in lines that are never folded: paths are there to be copied."""
    rows = [("setting", "value", "from", t.DIM)]
    for entry in entries:
        source = t.joined([entry.origin, t.place(entry.source)], " ")
        value = "-" if entry.value is None else t.place(str(entry.value))
        rows.append(
            (entry.name, value, source, "")
            if entry.known
            else (entry.name, value, f"{source}, and not known to this Herdbook", t.WARM)
        )
    widths = [max(cell_len(row[column]) for row in rows) + 2 for column in (0, 1)]
    return Group(*(_setting(row, widths) for row in rows))


def _setting(row: tuple[str, str, str, str], widths: Sequence[int]) -> Text:
    *cells, source, style = row
    line = Text(no_wrap=True, overflow="ignore")
    for cell, width in zip(cells, widths, strict=True):
        line.append(cell + " " * (width - cell_len(cell)), t.DIM if style == t.DIM or cell == "-" else "")
    return line.append(source, style or t.DIM)
