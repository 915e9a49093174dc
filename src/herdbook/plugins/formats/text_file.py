"""Text that people read: its words for the search, and, by its name and its lines, what it is beside a model.

Each kind is a module with `FORMAT`, `fits` and `read`, like those of JSON; it gets a `TextFile`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from herdbook.kernel.errors import CorruptError, InvalidError, UnavailableError
from herdbook.model.facts import Finding, Safety, Severity
from herdbook.plugins.formats import text_words
from herdbook.plugins.formats.contents import Content, kinds
from herdbook.ports.formats import Listing

KINDS: tuple[str, ...] = (
    "git_symlink",
    "triton_config",
    "hls4ml_defines",
    "yaml_documents",
    "readme",
    "scaler",
    "labels",
    "feature_list",
    "corrections_text",
    "table_text",
)
"""Modules in the order in which they are asked; the first that fits reads."""

_BREAK = re.compile(r"\r\n?|\n")


@dataclass(frozen=True)
class TextFile:
    """A text: its bytes, and the first MiB of them decoded."""

    data: bytes
    text: str

    @property
    def whole(self) -> bool:
        """Whether ``text`` is all of it."""
        return len(self.data) <= text_words.MAX_INDEXED

    @cached_property
    def lines(self) -> list[str]:
        """The lines of ``text``, ended by a line feed, a carriage return or both."""
        lines = _BREAK.split(self.text)
        return lines[:-1] if lines[-1] == "" else lines

    def said(self) -> Iterator[str]:
        """Yield lines that say something, stripped: neither empty nor a comment with `#`."""
        for line in self.lines:
            stripped = line.strip()
            if stripped and not stripped.startswith("#"):
                yield stripped


def read(data: bytes, path: str, listing: Listing) -> Content:
    """Return the facts of a text: of its kind, or `other`, and always its words.

    A text that its kind cannot read keeps the kind's format and its words, and a finding says what is wrong.
    """
    text, findings = text_words.decode(data)
    content = _kind(TextFile(data, text), path, listing)
    values, cut = text_words.searched(data, text)
    values = {**content.values, **values}
    return replace(content, values=values, findings=(*content.findings, *findings, *cut))


def _kind(file: TextFile, path: str, listing: Listing) -> Content:
    for kind in kinds(KINDS):
        if not kind.fits(file, path):
            continue
        try:
            return kind.read(file, path, listing)
        except (CorruptError, InvalidError, UnavailableError) as error:
            said = Finding(rule=error.code, severity=Severity.ERROR, message=str(error))
            format_: Any = getattr(kind, "FORMAT", "other")
            return Content(format=format_, values={}, safety=Safety.GUARDED, findings=(said,))
    return Content(format="other", values={})
