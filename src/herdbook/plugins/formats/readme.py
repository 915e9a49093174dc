"""A README: its title, its headings, and the names of datasets in it, raw."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from typing import Any

from herdbook.model.facts import Finding, Severity
from herdbook.plugins.formats.contents import Content
from herdbook.plugins.formats.text_file import TextFile
from herdbook.ports.formats import Listing

FORMAT = "readme"
MAX_DATASETS = 1000
MAX_HEADINGS = 1000
_MAX_TITLE = 200
_MAX_LINE = 1000

_NAMES = re.compile(r"readme.*|.*\.(md|rst)")
_UNDERLINE = re.compile(r"([=\-~^\"'`#*+.:_])\1+\s*")
_HEADING = re.compile(r"#{1,6}\s+(.+?)\s*#*\s*")
_PART = r"/[^\s/`'\"<>()|,;]{1,400}"
_DATASET = re.compile(rf"(?<![\w/.:<~-])(?:{_PART}){{3}}(?![\w/])")
"""A CMS dataset's name, ``/primary/processed/tier``: three parts after a slash each, and no path or address."""


def fits(content: Any, path: str) -> bool:  # noqa: ANN401 - a kind is asked about anything
    """Say whether the name is that of a README."""
    return isinstance(content, TextFile) and _NAMES.fullmatch(posixpath.basename(path).lower()) is not None


def read(content: TextFile, path: str, listing: Listing) -> Content:  # noqa: ARG001 - the signature of a kind
    """Return title, headings and datasets, each with its line."""
    lines = content.text.splitlines()
    headings = [line.lstrip("# ").strip()[:_MAX_LINE] for line in lines if line.startswith("#")]
    datasets = []
    for number, line in enumerate(lines, 1):
        for found in _DATASET.finditer(line) if line.count("/") > 2 else ():
            after = line[found.end() :].strip(" `")[:80]
            said = {"line": number, "raw": found[0], **({"text_after": after} if after else {})}
            datasets.append(said)
    cut = len(headings) > MAX_HEADINGS or len(datasets) > MAX_DATASETS
    message = f"only the first {MAX_HEADINGS} headings and {MAX_DATASETS} datasets are kept"
    values: dict[str, Any] = {"headings": headings[:MAX_HEADINGS], "datasets": datasets[:MAX_DATASETS]}
    if title := _title(content.text):
        values["title"] = title
    where = {f"/datasets/{number}": f"line {each['line']}" for number, each in enumerate(values["datasets"])}
    findings = (Finding(rule="values-cut", severity=Severity.WARNING, message=message),) if cut else ()
    return Content(format=FORMAT, values=values, where=where, findings=findings)


def _title(text: str) -> str:
    """Return the first heading (Markdown, reStructuredText); without one, the first line that says something."""
    first = ""
    before = ""
    for line in _lines(text):
        if heading := _HEADING.fullmatch(line):
            return heading[1][:_MAX_TITLE]
        if before and _UNDERLINE.fullmatch(line):
            return before[:_MAX_TITLE]
        before = line if line and not _UNDERLINE.fullmatch(line) else ""
        first = first or before
    return first[:_MAX_TITLE]


def _lines(text: str) -> Iterator[str]:
    """Yield stripped lines, without fenced code and YAML front matter."""
    fence = ""
    for number, raw in enumerate(text.split("\n", 2000)[:2000]):
        line = raw[:_MAX_LINE].strip()
        mark = line[:3]
        if fence:
            fence = "" if line.startswith(fence) else fence
        elif mark in {"```", "~~~"} or (mark == "---" and number == 0):
            fence = mark
        else:
            yield line
