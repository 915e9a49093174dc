"""TensorFlow: frozen graphs (binary, text, memmapped), SavedModel, checkpoints. Told apart by bytes, not by suffix."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

from herdbook.kernel.errors import CorruptError, InvalidError
from herdbook.model.facts import Facts, Finding, Probe, Safety, Severity
from herdbook.plugins.formats import content_gone
from herdbook.plugins.formats import tensorflow_checkpoint as checkpoint
from herdbook.plugins.formats import tensorflow_memmapped as memmapped
from herdbook.plugins.formats import tensorflow_saved as saved
from herdbook.plugins.formats import tensorflow_text as text
from herdbook.plugins.formats.contents import Content
from herdbook.plugins.formats.protobuf import Wire
from herdbook.plugins.formats.tensorflow_facts import GraphFacts
from herdbook.plugins.formats.tensorflow_graph import GraphReader, looks_like_graph

if TYPE_CHECKING:
    from collections.abc import Callable

    from herdbook.ports.formats import Format, Listing, ReadAt

MAX_TEXT = 32 * 1024 * 1024
_HEAD = 4096
_NAMES = {
    "tf-graphdef": (re.compile(r"\.(?:pbtxt|pb\.txt|txt|json|h5|onnx)$"), "a binary GraphDef"),
    "tf-graphdef-text": (re.compile(r"\.(?:pb|pbmm|onnx|json)$"), "a GraphDef in text format"),
    "tf-savedmodel": (
        re.compile(r"(?:^|/)(?!saved_model\.pb$)[^/]*$"),
        "a SavedModel, of which this is saved_model.pb",
    ),
    "tf-memmapped": (re.compile(r"\.(?:pb|pbtxt|txt)$"), "a memmapped package, not a plain GraphDef"),
}


class Tensorflow:
    """The reader of TensorFlow's files."""

    name = "tensorflow"
    version = "3"

    def probe(self, file: ReadAt, path: str) -> Probe | None:
        """Recognise the format by the first fields, by the last bytes, or, for bare weights, by the name."""
        format_ = self._format(file, path)
        return Probe(format=format_) if format_ else None

    def _format(self, file: ReadAt, path: str) -> str:
        if checkpoint.data_name(path) is not None:
            return "tf-checkpoint-data" if content_gone.kind(file) in {"", "zeros"} else ""  # weights can be zero
        head = file.read_at(0, min(file.size, _HEAD))
        if head[:1] == b"\x08" and saved.looks_like_saved_model(Wire(file, max_fields=1000)):
            return "tf-savedmodel"
        if head[:1] == b"\x0a" and looks_like_graph(Wire(file, max_fields=1000), 0, file.size):
            return "tf-graphdef"
        if text.looks_like_text(head):
            return "tf-graphdef-text"
        if checkpoint.looks_like_index(file) or checkpoint.begins_as_index(head, path):
            return "tf-checkpoint-index"
        return "tf-memmapped" if memmapped.directory(file) is not None else ""

    def read(self, file: ReadAt, path: str, listing: Listing) -> Facts:
        """Read the facts.

        Raises:
            CorruptError: when the bytes are not what they begin as.
            InvalidError: when the limits of this reader are exceeded.
        """
        format_ = self._format(file, path)
        if format_ not in _READ:
            raise CorruptError(f"{path} is no file of TensorFlow", code="not-tensorflow")
        content = _READ[format_](file, path, listing)
        facts = content.facts(self.name, self.version)
        said = tuple(_lies(format_, path))
        return facts.model_copy(update={"findings": (*facts.findings, *said)}) if said else facts


_: type[Format] = Tensorflow


def _lies(format_: str, path: str) -> list[Finding]:
    """Return a finding where the name says another format."""
    pattern, what = _NAMES.get(format_, (None, ""))
    if pattern is None or not pattern.search(path.lower()):
        return []
    name = posixpath.basename(path)
    return [Finding(rule="suffix-lies", severity=Severity.WARNING, message=f"{name!r} is {what}")]


def _graph(file: ReadAt, path: str, listing: Listing) -> Content:
    del path, listing
    facts = GraphFacts(GraphReader(Wire(file)).graph(0, file.size))
    return _content("tf-graphdef", facts)


def _text(file: ReadAt, path: str, listing: Listing) -> Content:
    del listing
    if file.size > MAX_TEXT:
        raise InvalidError(f"{path} has {file.size} bytes of text", code="too-large")
    return _content("tf-graphdef-text", GraphFacts(text.read_graph(file.read_at(0, file.size))))


def _content(format_: str, facts: GraphFacts) -> Content:
    values = facts.values()
    return Content(format_, values, Safety.GUARDED, facts.where, tuple(facts.findings))


_READ: dict[str, Callable[[ReadAt, str, Listing], Content]] = {
    "tf-graphdef": _graph,
    "tf-graphdef-text": _text,
    "tf-memmapped": memmapped.read,
    "tf-savedmodel": saved.read,
    "tf-checkpoint-index": checkpoint.read_index,
    "tf-checkpoint-data": checkpoint.read_data,
}
