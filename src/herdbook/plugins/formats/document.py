"""What lies beside a model as text, and what is not what it is called. Asked after all other formats."""

from __future__ import annotations

import posixpath
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from herdbook.kernel.errors import InvalidError
from herdbook.model.facts import Facts, Probe, Safety
from herdbook.plugins.formats import content_gone, not_as_called, text_file
from herdbook.plugins.formats.contents import Content

if TYPE_CHECKING:
    from herdbook.ports.formats import Format, Listing, ReadAt

MAX_SIZE = 4 * 1024 * 1024
_HEAD = 4096

_TEXT = re.compile(r"readme.*|.*\.(txt|md|rst|pbtxt|features|ya?ml|csv|h)")
"""Names that say text, in whatever encoding it is."""

_BINARY = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")  # ESC stays: logs have colours


class Document:
    """The reader of text, and of what is called like a model and is none."""

    name = "document"
    version = "3"

    def probe(self, file: ReadAt, path: str) -> Probe | None:
        """Take text of at most 4 MiB; where the name does not say that it is text, it must be UTF-8 as well.

        Take also what is called like a model, which no other reader took, and files without content, to say so.
        """
        if _is_text(file, path) or not_as_called.claims(path) or content_gone.kind(file):
            return Probe(format="other", unknown=("kind",))
        return None

    def read(self, file: ReadAt, path: str, listing: Listing) -> Facts:
        """Read words, number of lines, and what its kind has.

        Raises:
            InvalidError: when there are bytes further on that no text has.
        """
        gone = content_gone.kind(file)
        content = content_gone.read(file, path, gone) if gone else None
        if content is None:
            data = file.read_at(0, file.size) if _is_text(file, path) else None
            if data is not None and b"\0" in data:
                raise InvalidError(f"{path} begins as text and has zero bytes further on", code="not-text")
            known = Content("other", {}, Safety.GUARDED) if data is None else text_file.read(data, path, listing)
            said = not_as_called.finding(file, path) if known.format == "other" else None
            content = replace(known, findings=(*known.findings, *([said] if said else [])))
        return content.facts(self.name, self.version)


_: type[Format] = Document


def _is_text(file: ReadAt, path: str) -> bool:
    if file.size > MAX_SIZE:
        return False
    head = file.read_at(0, min(file.size, _HEAD))
    if _BINARY.search(head):
        return False
    return bool(_TEXT.fullmatch(posixpath.basename(path).lower())) or _is_utf8(head, cut=file.size > len(head))


def _is_utf8(head: bytes, *, cut: bool) -> bool:
    """Say whether bytes are UTF-8; ``cut``: the last character may be incomplete."""
    try:
        head.decode()
    except UnicodeDecodeError as error:
        return cut and error.start >= len(head) - 3 and error.reason == "unexpected end of data"
    return True
