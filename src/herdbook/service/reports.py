"""Reports of imports as Markdown: tables that account for every blob. Nothing in them steers a page or a terminal."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from herdbook.model.imports import BlobFate, Report

_SPECIAL = re.compile(r"[\\`*_\[\]|~$]")
"""What is markup within a line of a table or a heading."""
_LINKS = (("://", "&#58;//"), ("www.", "www&#46;"), ("@", "&#64;"))
_OUTCOMES = {"planned": "Nothing was written", "applied": "Applied", "unchanged": "Nothing was new"}
_MANY = 20


def markdown(report: Report) -> str:
    """Return a report as Markdown (CommonMark, with the tables of GitHub Flavored Markdown)."""
    parts = [
        _head(report),
        _account(report),
        _versions(report.blobs),
        _files("Absent", "named by a version, or by nothing; the source lacks the content", report.blobs, "absent"),
        _files("Duplicates", "the bytes were in the registry before", report.blobs, "duplicate"),
        _skipped(report.blobs),
        _coverage(report),
        _findings(report),
    ]
    return "\n".join(part for part in parts if part)


def escaped(text: str) -> str:
    """Return text that Markdown shows as it is: no markup, links or HTML, on one line; controls are made visible."""
    text = "".join(_visible(char) for char in text)
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    text = _SPECIAL.sub(lambda match: "\\" + match[0], text)
    for link, plain in _LINKS:
        text = text.replace(link, plain)
    return text


def _visible(char: str) -> str:
    if char in "\n\t\r":
        return " "
    if char.isprintable():  # neither control nor format characters
        return char
    return chr(0x2400 + ord(char)) if char < " " else "\ufffd"


def _head(report: Report) -> str:
    source = report.source
    rows = [
        ("source", f"{source.name} ({source.kind})"),
        ("state", source.state),
        ("head", source.head or ""),
        ("into", report.namespace),
        ("rules", report.rules),
        ("outcome", _OUTCOMES[report.outcome] + (f": batch {report.batch}" if report.batch else "")),
        ("models", report.models),
        ("versions", f"{report.versions}, of these {report.new} new and {report.unresolved} unresolved"),
        ("datasets, activities, statements", f"{report.datasets}, {report.activities}, {report.statements}"),
        ("withdrawals proposed", report.proposed),
    ]
    shown = [(name, value) for name, value in rows if value != ""]
    return f"# Import of {escaped(source.name)}\n\n" + _table(("", ""), shown)


def _account(report: Report) -> str:
    parts = (report.taken, report.duplicate, report.absent, report.skipped)
    names = ("taken", "duplicate", "absent", "skipped")
    sign = "=" if report.sound else "**IS NOT**"
    told = " + ".join(f"{count} {name}" for count, name in zip(parts, names, strict=True))
    return f"## Every distinct file of the source\n\n{report.distinct} distinct {sign} {told}\n"


def _versions(blobs: Sequence[BlobFate]) -> str:
    found: dict[str, list[BlobFate]] = {}
    for blob in blobs:
        for reference in blob.versions:
            found.setdefault(reference, []).append(blob)
    rows = [
        (reference, len(held), sum(blob.fate == "absent" for blob in held), _size(held))
        for reference, held in sorted(found.items())
    ]
    return _section("Versions", "distinct files of each", ("version", "files", "absent", "bytes"), rows)


def _size(blobs: Iterable[BlobFate]) -> str:
    sizes = [blob.size for blob in blobs]
    return str(sum(size for size in sizes if size is not None)) if None not in sizes else "unknown"


def _files(title: str, about: str, blobs: Sequence[BlobFate], fate: str) -> str:
    rows = [(_some(blob.paths), blob.digest, _some(blob.versions)) for blob in blobs if blob.fate == fate]
    return _section(title, about, ("path", "digest", "versions"), rows)


def _skipped(blobs: Sequence[BlobFate]) -> str:
    listed = sorted((blob for blob in blobs if blob.fate == "skipped"), key=lambda blob: (blob.reason, blob.paths))
    rows: list[tuple[object, ...]] = []
    for reason, group in groupby(listed, key=lambda blob: blob.reason):
        rows += [(reason, _some(blob.paths), blob.digest) for blob in group]
    return _section("Skipped", "no version has them", ("why", "path", "digest"), rows)


def _some(texts: Sequence[str]) -> str:
    more = f" … and {len(texts) - _MANY} more" if len(texts) > _MANY else ""
    return ", ".join(texts[:_MANY]) + more


def _coverage(report: Report) -> str:
    rows = [(entry.field, entry.known, entry.of) for entry in report.coverage]
    return _section("What the source knows of its versions", "", ("field", "known", "of"), rows)


def _findings(report: Report) -> str:
    rows = [(finding.code, finding.message, finding.where) for finding in report.findings]
    return _section("Findings", "", ("code", "what", "where"), rows)


def _section(title: str, about: str, columns: Sequence[str], rows: Sequence[tuple[object, ...]]) -> str:
    if not rows:
        return ""
    head = f"## {title}: {len(rows)}\n\n" + (f"{about[0].upper()}{about[1:]}.\n\n" if about else "")
    return head + _table(columns, rows)


def _table(columns: Sequence[str], rows: Iterable[tuple[object, ...]]) -> str:
    return "\n".join(_lines(columns, rows)) + "\n"


def _lines(columns: Sequence[str], rows: Iterable[tuple[object, ...]]) -> Iterator[str]:
    yield "| " + " | ".join(columns) + " |"
    yield "| " + " | ".join("---" for _ in columns) + " |"
    for row in rows:
        yield "| " + " | ".join(escaped(str(cell)) for cell in row) + " |"
