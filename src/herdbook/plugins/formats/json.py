"""JSON: parsed once, strictly bounded, and told apart by its keys. Each kind is a module of its own."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from herdbook.kernel.errors import CorruptError, InvalidError
from herdbook.model.facts import Facts, Finding, Probe, Safety, Severity
from herdbook.plugins.formats import text_file, text_words
from herdbook.plugins.formats.contents import Content, kinds
from herdbook.plugins.formats.json_text import parse

if TYPE_CHECKING:
    from herdbook.ports.formats import Format, Listing, ReadAt

KINDS: tuple[str, ...] = (
    "xgboost_json",
    "conifer_json",
    "lwtnn_json",
    "keras_json",
    "mxnet_symbol",
    "weaver_preprocess",
    "correctionlib",
    "luminosity",
    "normalisation",
    "feature_list",
    "labels",
    "settings",
)
"""Modules in the order in which they are asked; the first that fits reads."""

MAX_SIZE = 32 * 1024 * 1024
READ_BY_PEOPLE = frozenset(
    {"weaver-preprocess", "normalisation-dict", "feature-list", "labels", "config", "json-other"}
)
"""Formats whose words a search finds: what lies beside a model, not the model."""

_BEGINS = re.compile(rb"(?:\xef\xbb\xbf)?\s*[\[{]")
_GOES_ON = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*(?:\{\s*(?:\"|\})|\[\s*(?:[\[{\"\]]|-?\d+\s*[,\].eE]|(?:true|false|null|NaN)\s*[,\]]))"
)


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
            CorruptError: when it is neither JSON nor a text that people read.
            InvalidError: when it is larger than this reader goes.
        """
        if file.size > MAX_SIZE:
            raise InvalidError(f"{path} has {file.size} bytes of JSON", code="too-large")
        data = file.read_at(0, file.size)
        try:
            content = parse(data, path)
        except CorruptError as error:
            return self._no_json(data, path, listing, error)
        found = next((kind.read(content, path, listing) for kind in kinds(KINDS) if kind.fits(content, path)), None)
        found = other(content) if found is None else found
        if found.format in READ_BY_PEOPLE and len(data) <= text_words.MAX_INDEXED:
            found = _with_words(found, data)
        return found.facts(self.name, self.version)

    def _no_json(self, data: bytes, path: str, listing: Listing, error: CorruptError) -> Facts:
        """Return the facts of a text that only begins like JSON, so that a search finds its words."""
        if b"\0" in data or len(data) > text_words.MAX_INDEXED:
            raise error
        if not path.lower().endswith(".json"):
            return text_file.read(data, path, listing).facts(self.name, self.version)
        said = Finding(rule=error.code, severity=Severity.ERROR, message=str(error))
        broken = Content(format="json-other", values={}, safety=Safety.GUARDED, findings=(said,))
        return _with_words(broken, data).facts(self.name, self.version)


_: type[Format] = Json


def _goes_on(head: bytes) -> bool:
    return _GOES_ON.match(head) is not None and b"\0" not in head


def _with_words(content: Content, data: bytes) -> Content:
    text, odd = text_words.decode(data)
    values, cut = text_words.searched(data, text)
    return replace(content, values={**content.values, **values}, findings=(*content.findings, *odd, *cut))


def other(content: Any) -> Content:  # noqa: ANN401 - any JSON
    """Return what can be said of JSON that is of no kind."""
    return Content(format="json-other", values=outline(content))


def outline(content: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON
    """Return type, length and keys."""
    values: dict[str, Any] = {"json_type": type(content).__name__}
    if isinstance(content, dict | list):
        values["length"] = len(content)
    if isinstance(content, dict):
        values["keys"] = sorted(content)[:1000]
    return values
