"""What a dataset holds, how it is divided, and what differs between two."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Group, RenderableType
from rich.table import Table as Grid
from rich.text import Text

from herdbook.apps.cli.views import text as t
from herdbook.model.dataset_profiles import DatasetProfile, Figure, ProfiledColumn, ProfileDifference, Table
from herdbook.model.splits import Split, SplitRule

MAX_SHOWN = 20
"""Problems and unread files that are shown; --json has more."""


def figure(value: Figure | None) -> str:
    """Return a number: whole ones as they are, others with six digits."""
    if value is None or isinstance(value, str):
        return value or ""
    return str(int(value)) if float(value).is_integer() and abs(value) < 1e15 else f"{value:.6g}"


def share(value: float | None) -> str:
    """Return a share in per cent; nothing where nothing is missing, or nobody looked."""
    return f"{100 * value:.3g} %" if value else ""


def profile(value: DatasetProfile) -> RenderableType:
    """Return what files hold."""
    rows: list[tuple[str, RenderableType | None]] = [
        ("files", f"{t.number(value.files)}, {t.size(value.size_bytes)}  {', '.join(value.formats)}".rstrip()),
        ("events", None if value.events is None else t.number(value.events)),
        ("read by", ", ".join(value.readers) or None),
        ("fingerprint", value.fingerprint),
        ("quantiles", "of a part of the values, where the column says so" if value.sampled else None),
    ]
    parts: list[RenderableType] = [t.pairs(rows)]
    parts += [t.section(_title(table), _columns(table.columns), _weights(table)) for table in value.tables]
    if value.unread:
        count = value.unread_files or len(value.unread)
        parts.append(t.section("Not read", _lines(value.unread), t.many(count, "file")))
    if value.problems:
        parts.append(t.section("Look at", _lines(value.problems)))
    return Group(*parts)


def _title(table: Table) -> str:
    return f"{table.name or 'table'}  {t.many(table.entries, 'entry', 'entries')}"


def _weights(table: Table) -> str:
    return "" if table.weights is None else f"sum of {table.weights}: {figure(table.sum_weights)}"


def _lines(texts: Iterable[str]) -> Text:
    lines = list(texts)
    more = [f"and {len(lines) - MAX_SHOWN} more"] if len(lines) > MAX_SHOWN else []
    return Text("\n".join([*lines[:MAX_SHOWN], *more]))


def _columns(columns: Iterable[ProfiledColumn]) -> Grid:
    grid = t.table(
        "column", "type", "unit", "missing", "least", "median", "most", "mean", "of", right=[3, 4, 5, 6, 7, 8]
    )
    for column in columns:
        kind = f"{column.dtype}{f' [{t.shape(column.shape)}]' if column.shape else ''}"
        grid.add_row(
            Text(column.name),
            Text(kind, style=t.DIM),
            Text(column.unit or ""),
            Text(share(column.missing), style=t.WARM),
            Text(figure(column.minimum)),
            Text(figure(column.quantiles[50] if column.quantiles else None)),
            Text(figure(column.maximum)),
            Text(figure(column.mean)),
            Text("" if column.sampled is None else t.number(column.sampled), style=t.DIM),
        )
    return grid


def split(value: Split) -> RenderableType:
    """Return the parts of a split, with counts where it was run."""
    grid = t.table("part", "rule", "entries", "share", right=[2, 3])
    for part in value.parts:
        portion = f"{100 * part.entries / value.entries:.2f} %" if value.entries and part.entries is not None else ""
        count = "" if part.entries is None else t.number(part.entries)
        grid.add_row(Text(part.role, style=t.HEAD), Text(rule(part.rule)), Text(count), Text(portion, style=t.DIM))
    if value.checked is None:
        return Group(grid, Text("not run: what the parts hold is not known", style=t.WARM))
    overlap = value.overlap or 0
    told = t.line(
        t.many(value.entries or 0, "entry", "entries"),
        (f"{t.number(overlap)} in several parts", t.LOUD if overlap else t.GOOD),
        (f"{t.number(value.left_over or 0)} in none", t.DIM),
    )
    return Group(grid, told)


def rule(value: SplitRule) -> str:
    """Return a rule in words."""
    columns = ", ".join(value.columns or ())
    if value.kind == "files":
        return f"files {', '.join(value.paths or ())}"
    if value.kind in {"range", "entries"}:
        bounds = f"{'' if value.since is None else value.since}..{'' if value.until is None else value.until}"
        return f"{columns or 'entry'} in {bounds}"
    salt = f" with salt {value.salt!r}" if value.salt else ""
    what = f"hash of {columns}{salt}" if value.kind == "hash" else columns
    return f"{what} mod {value.divisor} in {_spans(value.remainders or ())}"


def _spans(numbers: Iterable[int]) -> str:
    """Return numbers with those that follow one another drawn together: ``0-7, 9``."""
    spans: list[list[int]] = []
    for number in sorted(numbers):
        if spans and number == spans[-1][1] + 1:
            spans[-1][1] = number
        else:
            spans.append([number, number])
    return ", ".join(str(low) if low == high else f"{low}-{high}" for low, high in spans)


def difference(value: ProfileDifference) -> RenderableType:
    """Return what differs between two datasets."""
    counts = t.table("", value.before, value.after, right=[1, 2])
    for name in ("events", "files", "sum_weights"):
        pair = [getattr(value, f"{name}_{side}") for side in ("before", "after")]
        if pair != [None, None]:
            style = t.WARM if pair[0] != pair[1] and name != "files" else ""
            words = [
                "?" if item is None else t.number(item) if isinstance(item, int) else figure(item) for item in pair
            ]
            counts.add_row(Text(name.replace("_", " "), style=t.DIM), *(Text(word, style=style) for word in words))
    if not value.columns:
        return Group(counts, Text("no column differs", style=t.GOOD))
    grid = t.table("column", "what", "before", "after", "missing", "shift W1", "in deviations", right=[5, 6])
    for each in value.columns:
        name = f"{each.table}/{each.column}" if each.table else each.column
        missing = t.joined((share(each.missing_before), share(each.missing_after)), " → ")
        told = (each.change, each.before or "", each.after or "", missing)
        grid.add_row(Text(name), *map(Text, told), figure(each.shift), figure(each.shift_deviations))
    return Group(counts, t.section("Columns that differ", grid))
