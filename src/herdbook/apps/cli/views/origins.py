"""Where a version was found: the commit that brought it, what it is called elsewhere, and the evidence for both."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from herdbook.apps.cli.views import text as t
from herdbook.model.base import Json
from herdbook.model.statements import Evidence, StatementEntry

KINDS = ("origin", "identity")
"""Kinds of statements that are drawn here, and not among the others."""
NAMES = 12
"""How many foreign names a person is shown on a version's page."""
MANY = 5
"""From how many values of a list on these are no longer told apart."""
_HEX = re.compile(r"(?<![0-9a-f])([0-9a-f]{12})[0-9a-f]{28,52}(?![0-9a-f])")


def brief(text: str) -> str:
    """Return a text whose digests and commits are cut to their first 12 hex digits."""
    return _HEX.sub(r"\1", text)


def span(first: str | None, last: str | None) -> str:
    """Return a half-open range of tags: ``V00-04-00 until before V00-06-00``, ``since V00-06-00``."""
    if first and last:
        return f"{first} until before {last}"
    if first:
        return f"since {first}"
    return f"until before {last}" if last else "in no tag"


def evidence(found: Mapping[str, Evidence] | None) -> str:
    """Return how, and where, values were found; each place once, and those of one kind together."""
    told: dict[tuple[str, str], list[str]] = {}
    for item in (found or {}).values():
        told.setdefault((item.how, item.rule or ""), []).append(brief(item.where or ""))
    return "; ".join(
        t.joined([how, ", ".join(filter(None, dict.fromkeys(places))), f"by rule {rule}" if rule else ""], " ")
        for (how, rule), places in told.items()
    )


def proofs(said: Iterable[StatementEntry]) -> RenderableType | None:
    """Return by value how a record's values are known, as statements of evidence say; those of a long list as one."""
    known: dict[str, dict[str, Evidence]] = {}
    for entry in said:
        if entry.current and entry.statement.kind == "evidence":
            for pointer, item in (entry.statement.evidence or {}).items():
                known.setdefault(pointer.strip("/").partition("/")[0], {})[pointer] = item
    rows = [row for name, items in known.items() for row in _proofs(name, items)]
    return t.pairs((name, Text(words, style=t.DIM)) for name, words in rows) if rows else None


def _proofs(name: str, items: Mapping[str, Evidence]) -> list[tuple[str, str]]:
    if len(items) < MANY:
        return [(" ".join(pointer.strip("/").split("/")), evidence({"": item})) for pointer, item in items.items()]
    files = {}
    for pointer, item in items.items():
        files[pointer] = item.model_copy(update={"where": (item.where or "").partition("#")[0]})
    return [(name, f"{len(items)} values, {evidence(files)}")]


def origin(entry: StatementEntry, names: t.Names) -> RenderableType:
    """Return where another system holds a version: who brought it when, with which words."""
    body = entry.statement.body
    commit = t.line(
        (str(body.get("commit", ""))[:12], ""),
        (t.when(str(body["date"])) + " UTC" if "date" in body else "", t.DIM),
        (f"by {t.who(str(body['author']), names)}" if "author" in body else "", ""),
    )
    rows: list[tuple[str, RenderableType | None]] = [
        ("source", t.line((str(body.get("source", "?")), ""), (str(body.get("path", "")), t.DIM))),
        ("commit", commit or None),
        ("said then", Text(_message(body)) if body.get("message") else None),
        ("pull request", Text(f"#{body['pull_request']}") if "pull_request" in body else None),
        ("first tag", Text(str(body["first"])) if "first" in body else Text("in no tag", style=t.WARM)),
        ("renamed from", Text(", ".join(body["renamed_from"])) if body.get("renamed_from") else None),
        ("evidence", Text(evidence(entry.statement.evidence), style=t.DIM)),
    ]
    return t.pairs((name, value) for name, value in rows if value)


def _message(body: Json) -> str:
    return t.compact(body["message"], 400)


def called(entries: Iterable[StatementEntry]) -> RenderableType:
    """Return foreign names with the tags in which they led here, those of one folder under one heading."""
    groups: dict[str, list[tuple[str, str]]] = {}
    entries = list(entries)
    for entry in entries[:NAMES]:
        body = entry.statement.body
        name = body.get("id", {})
        folder, slash, last = str(name.get("value", "?")).rpartition("/")
        tags = span(body.get("first"), body.get("last")) if "first" in body or "last" in body else ""
        groups.setdefault(f"{name.get('scheme', '?')}:{folder}{slash}", []).append((last, tags))
    parts: list[RenderableType] = []
    for folder, rows in groups.items():
        table = t.table("", "")
        table.show_header = False
        for last, tags in sorted(rows):
            table.add_row(Text(last), Text(tags, style=t.DIM))
        parts += [Text(folder), Padding(table, (0, 0, 0, 2))]
    if len(entries) > NAMES:
        parts.append(Text(f"… {t.number(len(entries) - NAMES)} more; herdbook identity of shows all", style=t.DIM))
    return Group(*parts)


def sections(said: Iterable[StatementEntry], names: t.Names) -> list[RenderableType]:
    """Return what a version's page says about its origin and its foreign names; empty where nothing is known."""
    current = [entry for entry in said if entry.current and entry.about == "this"]
    brought = [entry for entry in current if entry.statement.kind == "origin"]
    known = [entry for entry in current if entry.statement.kind == "identity"]
    parts: list[RenderableType] = []
    if brought:
        parts.append(t.section("Where it was found", Group(*(origin(entry, names) for entry in brought))))
    if known:
        parts.append(t.section("What it is called elsewhere", called(known)))
    return parts


def drawn(entry: StatementEntry) -> bool:
    """Say whether a statement of a version's page is drawn here."""
    return entry.current and entry.about == "this" and entry.statement.kind in KINDS
