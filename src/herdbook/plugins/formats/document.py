"""What lies beside a model as text. Asked after all other formats."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

from herdbook.kernel.errors import InvalidError
from herdbook.model.facts import Facts, Probe
from herdbook.plugins.formats import text_file

if TYPE_CHECKING:
    from herdbook.ports.formats import Format, Listing, ReadAt

MAX_SIZE = 4 * 1024 * 1024
_HEAD = 4096

_TEXT = re.compile(r"readme.*|.*\.(txt|md|rst|pbtxt|features|ya?ml|csv|h)")
"""Names that say text, in whatever encoding it is."""

_BINARY = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")  # ESC stays: logs have colours


class Document:
    """The reader of text."""

    name = "document"
    version = "2"

    def probe(self, file: ReadAt, path: str) -> Probe | None:
        """Take text of at most 4 MiB; where the name does not say that it is text, it must be UTF-8 as well."""
        if file.size > MAX_SIZE:
            return None
        head = file.read_at(0, min(file.size, _HEAD))
        if _BINARY.search(head):
            return None
        if not (_TEXT.fullmatch(posixpath.basename(path).lower()) or _is_utf8(head, cut=file.size > len(head))):
            return None
        return Probe(format="other", unknown=("kind",))

    def read(self, file: ReadAt, path: str, listing: Listing) -> Facts:
        """Read words, number of lines, and what its kind has.

        Raises:
            InvalidError: when there are bytes further on that no text has.
        """
        data = file.read_at(0, file.size)
        if b"\0" in data:
            raise InvalidError(f"{path} begins as text and has zero bytes further on", code="not-text")
        return text_file.read(data, path, listing).facts(self.name, self.version)


_: type[Format] = Document


def _is_utf8(head: bytes, *, cut: bool) -> bool:
    """Say whether bytes are UTF-8; ``cut``: the last character may be incomplete."""
    try:
        head.decode()
    except UnicodeDecodeError as error:
        return cut and error.start >= len(head) - 3 and error.reason == "unexpected end of data"
    return True
