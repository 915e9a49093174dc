"""JSON: parsed once, strictly bounded, and told apart by its keys. Each kind is a module of its own."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from pydantic_core import from_json

from herdbook.kernel.errors import CorruptError, InvalidError
from herdbook.model.facts import Facts, Probe
from herdbook.plugins.formats.contents import Content, kinds

if TYPE_CHECKING:
    from herdbook.ports.formats import Format, Listing, ReadAt

KINDS: tuple[str, ...] = ()
"""Modules in the order in which they are asked; the first that fits reads."""

MAX_SIZE = 32 * 1024 * 1024
_BEGINS = re.compile(rb"(?:\xef\xbb\xbf)?\s*[\[{]")


class Json:
    """The reader of JSON files."""

    name = "json"
    version = "1"

    def probe(self, file: ReadAt, path: str) -> Probe | None:
        """Take what begins as an object or a list and is called JSON, or goes on as JSON."""
        head = file.read_at(0, min(file.size, 4096))
        if _BEGINS.match(head) and (path.lower().endswith(".json") or _goes_on(head)):
            return Probe(format="json-other", unknown=("kind",))
        return None

    def read(self, file: ReadAt, path: str, listing: Listing) -> Facts:
        """Parse, and ask the kinds.

        Raises:
            CorruptError: when it is not JSON.
            InvalidError: when it is larger than this reader goes.
        """
        if file.size > MAX_SIZE:
            raise InvalidError(f"{path} has {file.size} bytes of JSON", code="too-large")
        content = parse(file.read_at(0, file.size), path)
        for kind in kinds(KINDS):
            if kind.fits(content, path):
                return kind.read(content, path, listing).facts(self.name, self.version)
        return other(content).facts(self.name, self.version)


_: type[Format] = Json


def _goes_on(head: bytes) -> bool:
    return (
        re.match(rb'(?:\xef\xbb\xbf)?\s*(?:\{\s*(?:"|\})|\[\s*[\[{"\d\]tfn-])', head) is not None and b"\0" not in head
    )


def parse(data: bytes, path: str) -> Any:  # noqa: ANN401 - any JSON
    """Return the value; the non-standard NaN and Infinity, which trainers write, are taken.

    Raises:
        CorruptError: when the bytes are not JSON, or nest deeper than the parser goes.
    """
    try:
        return from_json(data.removeprefix(b"\xef\xbb\xbf"))
    except ValueError as error:
        raise CorruptError(f"{path} is not JSON: {error}", code="not-json") from error


def other(content: Any) -> Content:  # noqa: ANN401 - any JSON
    """Return what can be said of JSON that is of no kind."""
    values: dict[str, Any] = {"json_type": type(content).__name__}
    if isinstance(content, dict | list):
        values["length"] = len(content)
    if isinstance(content, dict):
        values["keys"] = sorted(content)[:1000]
    return Content(format="json-other", values=values)
