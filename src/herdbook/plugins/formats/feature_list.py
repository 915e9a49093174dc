"""A list of features beside a model: as JSON, or one name a line."""

from __future__ import annotations

import posixpath
import re
from typing import Any

from herdbook.plugins.formats.contents import Content
from herdbook.plugins.formats.text_file import TextFile
from herdbook.ports.formats import Listing

FORMAT = "feature-list"
MAX_FEATURES = 100_000
_MAX_NAME = 1000
_NAMES = re.compile(
    r"(?:.*[._-])?(?:features?|feature_?names|feature_?list|variables|variable_?names|input_?vars|input_?variables|inputs)"
    r"(?:\.(?:txt|json|list|dat))?"
)


def fits(content: Any, path: str) -> bool:  # noqa: ANN401 - a kind is asked about anything
    """Say whether the file is called a list of features and is one: names, each a word or an expression."""
    if not _NAMES.fullmatch(posixpath.basename(path).lower()):
        return False
    if isinstance(content, TextFile):
        names = list(content.said())
        return content.whole and bool(names) and all(len(name.split()) == 1 and len(name) < _MAX_NAME for name in names)
    return isinstance(content, list) and bool(content) and all(isinstance(each, str) for each in content)


def read(content: Any, path: str, listing: Listing) -> Content:  # noqa: ANN401, ARG001 - the signature of a kind
    """Read the names, in the file's order."""
    names = [name.rstrip(",") for name in content.said()] if isinstance(content, TextFile) else content
    features = [{"name": name[:_MAX_NAME]} for name in names[:MAX_FEATURES]]
    return Content(format=FORMAT, values={"features": features, "num_features": len(names)})
