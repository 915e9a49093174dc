"""The datasheet of a dataset: what is known, section by section, after Gebru et al., Datasheets for Datasets (2021)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from herdbook.model.base import Json
from herdbook.model.datasets import DatasetEntry
from herdbook.model.lineage import Impact, Lineage
from herdbook.model.statements import StatementEntry
from herdbook.ports.registry import Registry
from herdbook.service.card_model import Section
from herdbook.service.card_text import bullets, cell, prose, size, table
from herdbook.service.lineage_mermaid import mermaid

COLUMNS = 200
"""Columns that are listed."""
DEPTH, NODES, MODELS = 50, 100, 50


@dataclass(frozen=True)
class Sheet:
    """Everything a datasheet says."""

    entry: DatasetEntry
    statements: tuple[StatementEntry, ...]
    lineage: Lineage
    impact: Impact

    @property
    def title(self) -> str:
        """What the sheet is called."""
        return prose(self.entry.title or self.entry.dataset.title)

    def said(self, kind: str) -> list[Json]:
        """Return the bodies of current statements of a kind."""
        return [item.statement.body for item in self.statements if item.current and item.statement.kind == kind]


def gather(registry: Registry, reference: str) -> Sheet:
    """Return what is known of a dataset.

    Raises:
        MissingError: when there is no such dataset.
    """
    entry = registry.datasets.get(reference)
    statements: list[StatementEntry] = []
    cursor: str | None = None
    while True:
        page = registry.statements.list(entry.record, cursor=cursor, limit=500)
        statements += page.items
        if (cursor := page.cursor) is None:
            break
    return Sheet(
        entry,
        tuple(statements),
        registry.versions.trace(entry.record, depth=DEPTH, limit=NODES),
        registry.versions.impact(entry.record, limit=1),
    )


def sections(sheet: Sheet) -> Iterator[Section]:
    """Yield the sections; those that only people can write have no generated text."""
    yield "head", "", _head(sheet)
    yield "motivation", "Motivation", _described(sheet, "summary", "text")
    yield "composition", "Composition", _composition(sheet)
    yield "collection", "Collection and processing", _collection(sheet)
    yield "splits", "Splits", _splits(sheet)
    yield "uses", "Uses", _uses(sheet)
    yield "intended-use", "Intended use", _described(sheet, "intended_use")
    yield "limitations", "Limitations", _described(sheet, "out_of_scope", "limitations")
    yield "distribution", "Distribution", _distribution(sheet)
    yield "licence", "Licence", ", ".join(dict.fromkeys(_words(sheet, "licence")))
    yield "contact", "Maintenance and contact", bullets(dict.fromkeys(_words(sheet, "contact")))


def _words(sheet: Sheet, key: str) -> list[str]:
    return [prose(body[key]) for body in sheet.said("description") if key in body]


def _described(sheet: Sheet, *keys: str) -> str:
    return "\n\n".join(dict.fromkeys(text for key in keys for text in _words(sheet, key)))


def _head(sheet: Sheet) -> str:
    dataset = sheet.entry.dataset
    lines = [f"> **WITHDRAWN.** {cell(body.get('reason', ''))}\n" for body in sheet.said("withdrawal")]
    rows = [
        ("Identifier", f"`{cell(str(dataset.id))}`" if dataset.id else ""),
        ("Digest", f"`{sheet.entry.record}`"),
        ("Manifest", f"`{dataset.manifest}`" if dataset.manifest else "none: known by its name alone"),
        ("In", ", ".join(sheet.entry.namespaces)),
    ]
    return "\n".join([*lines, table(("", ""), [row for row in rows if row[1]])])


def _composition(sheet: Sheet) -> str:
    parts = []
    for body in sheet.said("dataset-profile"):
        counts = [("files", body.get("files")), ("size", size(body.get("size_bytes"))), ("events", body.get("events"))]
        counts += [("formats", body.get("formats"))]
        parts.append(table(("", ""), [row for row in counts if row[1]]))
        for each in body.get("tables", ()):
            columns = each.get("columns", ())
            rows = [
                (
                    f"`{cell(c['name'])}`",
                    c["dtype"],
                    c.get("unit"),
                    c.get("minimum"),
                    c.get("maximum"),
                    c.get("missing"),
                )
                for c in columns[:COLUMNS]
            ]
            weights = f", sum of weights {cell(each['sum_weights'])}" if "sum_weights" in each else ""
            more = f"\n\n… and {len(columns) - COLUMNS} more columns" if len(columns) > COLUMNS else ""
            heads = ("column", "type", "unit", "minimum", "maximum", "missing")
            parts.append(f"**{cell(each['name'])}**: {each['entries']} entries{weights}\n\n{table(heads, rows)}{more}")
    parts += [table(("", ""), data.items()) for body in sheet.said("description") if (data := _plain(body))]
    return "\n\n".join(part for part in parts if part)


def _plain(body: Json) -> Json:
    return {key: value for key, value in body.get("data", {}).items() if key != "columns"}


def _collection(sheet: Sheet) -> str:
    if len(sheet.lineage.nodes) < 2:
        return ""
    return f"```mermaid\n{mermaid(sheet.lineage)}```"


def _splits(sheet: Sheet) -> str:
    parts = []
    for body in sheet.said("split"):
        rows = [(part["role"], part["rule"], part.get("entries")) for part in body.get("parts", ())]
        ran = f"Checked on {body['checked'][:10]}: {body.get('overlap')} entries in several parts."
        parts.append(f"{table(('part', 'rule', 'entries'), rows)}\n\n{ran if 'checked' in body else 'Never run.'}")
    return "\n\n".join(parts)


def _uses(sheet: Sheet) -> str:
    models = [f"`{model.name}` ({model.versions})" for model in sheet.impact.models[:MODELS]]
    if not models:
        return ""
    more = f" and {len(sheet.impact.models) - MODELS} more models" if len(sheet.impact.models) > MODELS else ""
    return f"{sheet.impact.versions} versions descend from it: {', '.join(models)}{more}."


def _distribution(sheet: Sheet) -> str:
    rows = [
        (f"`{cell(body['uri'])}`", body.get("state", "unknown"), body.get("asked", "")[:10], body.get("files"))
        for body in sheet.said("location")
    ]
    return table(("place", "state", "asked", "files"), rows)
