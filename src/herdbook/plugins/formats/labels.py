"""Labels of classes beside a model: one a line, or as JSON."""

from __future__ import annotations

import posixpath
import re
from typing import Any

from herdbook.plugins.formats.contents import Content
from herdbook.plugins.formats.text_file import TextFile
from herdbook.ports.formats import Listing

FORMAT = "labels"
MAX_CLASSES = 100_000
_MAX_NAME = 1000
_NAMES = re.compile(r".*(?:labels?|class_?names|classes)[^/]*\.(?:txt|json)")


def fits(content: Any, path: str) -> bool:  # noqa: ANN401 - a kind is asked about anything
    """Say whether the file is called so and holds names."""
    if not _NAMES.fullmatch(posixpath.basename(path).lower()):
        return False
    return isinstance(content, TextFile) or _names(content) is not None


def read(content: Any, path: str, listing: Listing) -> Content:  # noqa: ANN401, ARG001 - the signature of a kind
    """Read the labels, in order; empty lines stand for a class without a name, as servers count them."""
    names = content.lines if isinstance(content, TextFile) else _names(content) or []
    return Content(format=FORMAT, values={"classes": [name[:_MAX_NAME] for name in names[:MAX_CLASSES]]})


def _names(content: object) -> list[str] | None:
    """Return the labels of a list, or of an object from index to label."""
    if isinstance(content, dict) and content and all(key.isascii() and key.isdigit() for key in content):
        content = [content.get(str(number)) for number in range(len(content))]
    if isinstance(content, list) and content and all(isinstance(each, str) for each in content):
        return [str(each) for each in content]
    return None
