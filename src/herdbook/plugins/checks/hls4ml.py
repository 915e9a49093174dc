"""Rules for hls4ml: layers and operators that its converters refuse."""

from __future__ import annotations

from collections.abc import Iterator

from herdbook.model.checks import Rule
from herdbook.model.facts import Finding, Severity
from herdbook.model.formats import KERAS
from herdbook.plugins.checks.known import table
from herdbook.plugins.checks.looking import Read, files, listed
from herdbook.ports.checks import Check, Subject

OPERATORS = Rule(
    id="hls4ml-operators",
    title="Layers that hls4ml cannot convert",
    severity=Severity.ERROR,
    consumers=("hls4ml",),
)


class Hls4ml:
    """Looks at ONNX graphs and Keras architectures."""

    rules = (OPERATORS,)

    def look(self, subject: Subject) -> Iterator[Finding]:
        """Yield what is found."""
        known = table()["hls4ml"]
        for formats, names in (({"onnx", "qonnx"}, known["onnx"]), (KERAS, known["keras"])):
            for file in files(subject, formats):
                yield from _unknown(file, frozenset(names), known["version"])


_: type[Check] = Hls4ml


def _unknown(file: Read, names: frozenset[str], version: str) -> Iterator[Finding]:
    """Compare without domain or module, as hls4ml does; a graph's Gemm and the like it asks to be rewritten before."""
    used = {str(name).rpartition(".")[2] for name in file.values.get("operators") or ()}
    if unknown := sorted(used - names):
        message = f"hls4ml {version} does not convert {listed(unknown)}"
        yield OPERATORS.found(message, path=file.path, where="/operators")
