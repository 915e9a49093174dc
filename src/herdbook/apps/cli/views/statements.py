"""Statements in a line each: what was said, by whom, when."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from herdbook.apps.cli.views import origins
from herdbook.apps.cli.views import text as t
from herdbook.model.base import Json
from herdbook.model.statements import StatementEntry, Subject

# What a person must see first stands first.
_ORDER = ("withdrawal", "known-issue", "deprecation", "moved", "evaluation", "contract", "description", "identity")
_STYLE = {"withdrawal": t.LOUD, "known-issue": t.LOUD, "deprecation": t.WARM, "moved": t.WARM}


def gist(kind: str, body: Json) -> str:
    """Return what a statement says, in a line."""
    says = _GIST.get(kind)
    return says(body) if says else t.compact(body)


def _identity(body: Json) -> str:
    name = body.get("id", {})
    tags = f" {origins.span(body.get('first'), body.get('last'))}" if {"first", "last"} & set(body) else ""
    return f"{name.get('scheme', '?')}:{name.get('value', '?')}{tags}"


def _origin(body: Json) -> str:
    commit = f"commit {str(body['commit'])[:12]}" if "commit" in body else ""
    when = str(body.get("date", ""))[:10]
    return t.joined(
        [t.joined([str(body.get("source", "?")), commit, when], " "), t.compact(body.get("message", ""))], ": "
    )


def _source(body: Json) -> str:
    tags = t.many(len(body["tags"]), "tag") if body.get("tags") else ""
    return t.joined([f"{body.get('kind', '?')} {body.get('name', '?')}", tags, f"rules {body.get('rules', '?')}"], ", ")


def _with(key: str, word: str) -> Callable[[Json], str]:
    return lambda body: str(body.get("reason", "")) + (f" ({word} {body[key]})" if key in body else "")


def _issue(body: Json) -> str:
    severity = f"{body['severity']}: " if "severity" in body else ""
    fixed = f" (fixed in {body['fixed_in']})" if "fixed_in" in body else ""
    return f"{severity}{body.get('title', '')}{fixed}"


def _evaluation(body: Json) -> str:
    split = {"split": body["split"]} if "split" in body else {}
    return ", ".join(t.metric({**split, **metric}) for metric in body.get("metrics", ()))


def _dataset_profile(body: Json) -> str:
    tables = body.get("tables", ())
    columns = t.many(sum(len(table.get("columns", ())) for table in tables), "column")
    entries = t.many(body["events"], "event") if "events" in body else t.many(len(tables), "table")
    return t.joined([entries, columns, t.many(body.get("files", 0), "file"), ", ".join(body.get("formats", ()))], ", ")


def _split(body: Json) -> str:
    parts = [f"{part.get('role', '?')} {part.get('entries', '?')}" for part in body.get("parts", ())]
    return t.joined([", ".join(parts), "" if "checked" in body else "not run"], "; ")


def _note(body: Json) -> str:
    return t.compact(body.get("text") or body.get("reason") or body)


_GIST: dict[str, Callable[[Json], str]] = {
    "identity": _identity,
    "origin": _origin,
    "release": lambda body: t.many(len(body.get("packages", ())), "package"),
    "source": _source,
    "dataset-profile": _dataset_profile,
    "split": _split,
    "withdrawal": _with("replacement", "use"),
    "deprecation": _with("successor", "successor"),
    "known-issue": _issue,
    "evaluation": _evaluation,
    "resolves": lambda body: f"the files are those of {t.short(str(body.get('by', '?:?')))}",
    "moved": lambda body: f"goes on as {body.get('to', '?')}",
    "description": lambda body: t.compact(body.get("title") or body.get("summary") or body),
    "note": _note,
}


def importance(entry: StatementEntry) -> tuple[int, int]:
    """Return where a statement stands among others: what warns first, then by age, newest first."""
    kind = entry.statement.kind
    return (_ORDER.index(kind) if kind in _ORDER else len(_ORDER), -entry.seq)


def listing(entries: Iterable[StatementEntry], names: t.Names) -> Table:
    """Return statements as a table, those that no longer hold dim."""
    table = t.table("kind", "what", "by", "said", "statement")
    for entry in entries:
        said = entry.statement
        known = f"of {t.many(len(said.evidence or ()), 'value')}: {origins.evidence(said.evidence)}"
        what = Text(t.compact(known) if said.kind == "evidence" else gist(said.kind, said.body))
        if entry.about == "sister":
            what.append("  of the same content elsewhere", t.DIM)
        if not entry.current:
            what.append("  withdrawn" if entry.withdrawn_by else "  superseded", t.DIM)
        style = _STYLE.get(said.kind, "") if entry.current else ""
        table.add_row(
            Text(said.kind.replace("-", " "), style=style),
            what,
            Text(t.who(said.issuer, names)),
            Text(said.issued[:10], style=t.DIM),
            Text(t.bare(entry.digest), style=t.DIM),
            style="" if entry.current else t.DIM,
        )
    return table


def subject(value: Subject) -> str:
    """Return what a statement is about, in a word."""
    kind, what = value.key
    labels = f" {', '.join(value.labels)}" if value.labels else ""
    return f"{kind} {t.short(what) if kind in {'record', 'file', 'statement', 'event'} else what}{labels}"


def full(entry: StatementEntry, names: t.Names) -> RenderableType:
    """Return one statement with all it says."""
    said = entry.statement
    state = "" if entry.current else "withdrawn" if entry.withdrawn_by else "superseded"
    evidence = [
        f"{pointer or '/'}  {origins.evidence({pointer: item})}" for pointer, item in (said.evidence or {}).items()
    ]
    rows: list[tuple[str, RenderableType | None]] = [
        ("about", "\n".join(subject(item) for item in said.subject)),
        ("said", f"{t.when(said.issued)} UTC by {t.who(said.issuer, names)}"),
        ("journal", f"{entry.namespace}, event {entry.seq}"),
        ("type", said.type),
        ("supersedes", ", ".join(said.supersedes or ())),
        ("superseded by", ", ".join(entry.superseded_by)),
        ("withdrawn by", ", ".join(entry.withdrawn_by)),
        ("not known", ", ".join(said.unknown or ())),
        ("evidence", Text("\n".join(evidence)) if evidence else None),
    ]
    body = t.pairs(
        (key, Text(value if isinstance(value, str) else t.compact(value, 2000))) for key, value in said.body.items()
    )
    head = t.line((said.kind.replace("-", " "), t.HEAD), (entry.digest, t.DIM), (state, t.WARM))
    return Group(head, t.pairs(rows), t.section("Says", body))
