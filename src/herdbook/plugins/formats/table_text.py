"""A table as text, with commas, semicolons or tabs: its columns, when its first line names them."""

from __future__ import annotations

import csv
import posixpath
from typing import Any

from herdbook.plugins.formats.contents import Content
from herdbook.plugins.formats.text_file import TextFile
from herdbook.ports.formats import Listing

MAX_COLUMNS = 10_000
_ENDS = (".csv", ".tsv")


def fits(content: Any, path: str) -> bool:  # noqa: ANN401 - a kind is asked about anything
    """Say whether it is called a table and its first line has more than one column."""
    if not isinstance(content, TextFile) or posixpath.splitext(path)[1].lower() not in _ENDS:
        return False
    return len(_columns(content)) > 1


def _columns(content: TextFile) -> list[str]:
    first = next((line for line in content.lines if line.strip()), "").lstrip("# ")
    delimiter = max(",;\t", key=first.count)
    try:
        return next(csv.reader([first], delimiter=delimiter), [])
    except csv.Error:
        return []


def read(content: TextFile, path: str, listing: Listing) -> Content:  # noqa: ARG001 - the signature of a kind
    """Read the columns' names, where these are no numbers."""
    columns = [column.strip()[:1000] for column in _columns(content)[:MAX_COLUMNS]]
    named = all(columns) and not any(column.replace(".", "").replace("-", "").isdigit() for column in columns)
    return Content(format="other", values={"kind": "table", **({"columns": columns} if named else {})})
