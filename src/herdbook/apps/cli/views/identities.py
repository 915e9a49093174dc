"""Foreign identities and releases: what led where, in which tags, and how that is known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from herdbook.apps.cli.views import text as t
from herdbook.apps.cli.views.origins import brief, span
from herdbook.model.identities import IdentityEntry
from herdbook.model.releases import Released, ReleaseEntry

TAGS = 6
"""How many tags of a range are named before they are counted."""


def tags(entry: IdentityEntry) -> str:
    """Return in which tags an identity led there: the first and the last of them where their order is known."""
    if not entry.first and not entry.last:
        return "in no range of tags"
    text = span(entry.first, entry.last)
    if len(entry.tags) > 1:
        few = ", ".join(entry.tags) if len(entry.tags) <= TAGS else f"{len(entry.tags)} tags"
        text += f" ({few})"
    return text


def _bytes(entry: IdentityEntry) -> Text:
    return t.line(
        (entry.path or "", ""),
        (t.short(entry.digest) if entry.digest else "", t.DIM),
        (t.size(entry.size) if entry.size is not None else "size not known", t.DIM) if entry.digest else "",
    )


def _proof(where: str | None, statement: str) -> Text:
    return Text(t.joined([brief(where or "no evidence"), f"statement {t.bare(statement)}"], ", "), style=t.DIM)


def found(entries: Sequence[IdentityEntry]) -> RenderableType:
    """Return what one foreign identity led to: for each range of tags the version, the bytes, the evidence."""
    parts: list[RenderableType] = []
    for entry in entries:
        head = t.line((tags(entry), ""), (entry.source or "", t.DIM))
        below = t.pairs(
            [
                ("version", Text(entry.reference, style=t.HEAD)),
                ("bytes", _bytes(entry) if entry.digest else None),
                ("evidence", _proof(entry.where, entry.statement)),
            ]
        )
        parts += [head, Padding(below, (0, 0, 0, 2))]
    return Group(*parts)


def of(entries: Sequence[IdentityEntry]) -> RenderableType:
    """Return what a version is called elsewhere: a line for each name, and below it when, which file, the evidence."""
    groups: dict[str, list[IdentityEntry]] = {}
    for entry in entries:
        groups.setdefault(entry.id, []).append(entry)
    parts: list[RenderableType] = []
    for name, ranges in groups.items():
        parts.append(Text(name, style=t.HEAD))
        for entry in ranges:
            rows = [
                ("tags", Text(tags(entry))),
                ("bytes", _bytes(entry) if entry.digest else None),
                ("evidence", _proof(entry.where, entry.statement)),
            ]
            parts.append(Padding(t.pairs(rows), (0, 0, 0, 2)))
    return Group(*parts)


def releases(entries: Iterable[ReleaseEntry]) -> Table:
    """Return releases, one a line."""
    table = t.table("release", "packages", "in", "evidence", right=[1])
    for entry in entries:
        table.add_row(
            Text(entry.name),
            Text(t.number(len(entry.packages))),
            Text(entry.namespace, style=t.DIM),
            Text(brief(entry.where or ""), style=t.DIM),
        )
    return table


def release(entry: ReleaseEntry, versions: Sequence[Released], *, packages: bool) -> RenderableType:
    """Return a release: which versions it ran, by package; with ``packages`` every package at its tag."""
    parts: list[RenderableType] = [
        t.line((entry.name, t.HEAD), (t.many(len(entry.packages), "package"), ""), (entry.namespace, t.DIM)),
        _proof(entry.where, entry.statement),
    ]
    grouped: dict[tuple[str, str], dict[str, list[Released]]] = {}
    for item in versions:
        grouped.setdefault((item.package, item.tag), {}).setdefault(item.identity.reference, []).append(item)
    for (package, tag), held in grouped.items():
        lines = [_held(reference, items) for reference, items in held.items()]
        parts.append(t.section(f"{package} {tag}", Group(*lines), _line(entry, package, tag)))
    if packages:
        parts.append(t.section("Packages", _packages(entry)))
    return Group(*parts)


def _held(reference: str, items: Sequence[Released]) -> RenderableType:
    """Return a version of a release in two lines: which, and how that is known."""
    places = _few(dict.fromkeys(brief(item.identity.where or "") for item in items))
    head = t.line((reference, ""), (t.many(len(items), "name"), t.DIM))
    return Group(head, Padding(Text(places, style=t.DIM), (0, 0, 0, 2)))


def _packages(entry: ReleaseEntry) -> Table:
    table = t.table("package", "tag", "section", "line", right=[3])
    for item in entry.packages:
        line = str(item.line or "")
        table.add_row(Text(item.package), Text(item.tag), Text(item.section or "", style=t.DIM), Text(line))
    return table


def _few(places: Iterable[str]) -> str:
    first, *more = [place for place in places if place] or [""]
    return t.joined([first, f"and {len(more)} more" if more else ""], " ")


def _line(entry: ReleaseEntry, package: str, tag: str) -> str:
    """Return where a release's list names a package."""
    found = next((item for item in entry.packages if (item.package, item.tag) == (package, tag)), None)
    if found is None:
        return ""
    return t.joined([f"line {found.line}" if found.line else "", f"section {found.section}" if found.section else ""])


def released(entries: Sequence[Released], lists: Mapping[str, ReleaseEntry]) -> RenderableType:
    """Return in which releases a version was, by which package, and where the release's list says so."""
    rows: dict[tuple[str, str, str], int] = {}
    for entry in entries:
        key = (entry.release, entry.package, entry.tag)
        rows[key] = rows.get(key, 0) + 1
    parts: list[RenderableType] = []
    for (name, package, tag), count in rows.items():
        known = lists.get(name)
        proof = t.joined([known.where or "", _line(known, package, tag)], ", ") if known else ""
        parts.append(t.line((name, t.HEAD), f"{package} {tag}", (t.many(count, "name"), t.DIM)))
        parts.append(Padding(Text(brief(proof), style=t.DIM), (0, 0, 0, 2)))
    return Group(*parts)
