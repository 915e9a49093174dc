"""What is worth a look in an ONNX model: files outside, operators outside the standard, what was cut or cannot be."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING, Any

from herdbook.kernel import paths
from herdbook.kernel.canonical import SAFE_INTEGER
from herdbook.kernel.errors import HerdbookError
from herdbook.model.facts import Finding, Severity
from herdbook.plugins.formats import onnx_types as types
from herdbook.plugins.formats import salt_config
from herdbook.plugins.formats.onnx_quantizers import MAX_QUANTIZERS
from herdbook.plugins.formats.onnx_walk import MAX_TENSORS, Model

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_COUNTS = ("parameters", "parameters_float", "constant_node_elements", "constant_node_elements_float")
_CUT = {
    "names": "a name is longer than 4096 bytes; it is cut",
    "metadata": "a value of metadata_props is longer than 1 MiB; it is cut",
    "doc_string": "the doc string is longer than 1 MiB; it is cut",
    "graph_doc_string": "the graph's doc string is longer than 1 MiB; it is cut",
    "location": "a tensor says that its data are elsewhere, but not where",
    "training_info": "the model has training_info, whose graphs are not counted",
}


def of_model(found: Model, values: dict[str, Any]) -> Iterator[Finding]:
    """Yield findings about counts and texts; take counts that JSON cannot hold out of ``values``."""
    for name in _COUNTS:
        if values[name] > SAFE_INTEGER:
            del values[name]
            yield _finding("implausible-count", Severity.WARNING, f"{name} is beyond 2^53 - 1; it is left out", name)
    if found.tensors_seen > MAX_TENSORS:
        message = f"{found.tensors_seen} tensors; the first {MAX_TENSORS} are listed"
        yield _finding("tensors-cut", Severity.NOTE, message, "/tensors")
    if found.graph.full:
        message = "more nodes or names than this reader keeps: order, unused inputs and dead outputs are not looked at"
        yield _finding("graph-too-large", Severity.NOTE, message, "/operators")
    if len(found.quantizers) > MAX_QUANTIZERS:
        message = f"{len(found.quantizers)} quantisers; the first {MAX_QUANTIZERS} are listed"
        yield _finding("quantizers-cut", Severity.NOTE, message, "/quantizers")
    for raw in found.negative:
        yield _finding("negative-axis", Severity.WARNING, f"the tensor {types.text(raw)!r} has an axis below 0")
    for what in sorted(found.cut):
        severity = Severity.NOTE if what == "training_info" else Severity.WARNING
        yield _finding(what.replace("_", "-"), severity, _CUT.get(what, f"{what} is cut"))
    if "ir_version" not in found.numbers:
        yield _finding("no-ir-version", Severity.WARNING, "the file does not say its IR version", "/ir_version")
    if not found.opsets:
        yield _finding("no-opset", Severity.WARNING, "the file does not say which operator sets it uses", "/opsets")
    if "\ufffd" in "".join(_texts(values)):
        yield _finding("not-utf8", Severity.WARNING, "a name or a text is not UTF-8; U+FFFD stands for what is not")


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from map(str, value)
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


def salt(values: dict[str, Any]) -> list[Finding]:
    """Put what salt wrote into the metadata under ``gnn_config``; return what is wrong with it."""
    config = values["metadata"].get("gnn_config")
    if not config:
        return []
    try:
        values["gnn_config"] = salt_config.read(config)
    except HerdbookError as error:
        return [_finding("bad-gnn-config", Severity.WARNING, str(error), "/metadata/gnn_config")]
    return []


def of_domains(foreign: Sequence[str], undeclared: Sequence[str]) -> Iterator[Finding]:
    """Yield findings about operators outside the standard, and of domains of which no operator set is imported."""
    if foreign:
        message = f"operators outside the standard, of {', '.join(foreign)}"
        yield _finding("custom-operators", Severity.NOTE, message, "/operators")
    for domain in undeclared:
        yield _finding("no-opset", Severity.WARNING, f"operators of {domain}, whose opset is not imported", "/opsets")


def external(external: Mapping[bytes, int], values: dict[str, Any]) -> Iterator[Finding]:
    """Put under ``external_data_bytes`` what other files must have; yield findings about those outside the folder.

    Whether they are there is for a check to say: facts are kept by the bytes, and the same bytes lie in many folders.
    Source of the rule: a location is a path relative to the model's folder (ONNX, "External Data"). Tried with onnx
    1.23.2 and onnxruntime 1.31.1: `a/../w.bin`, which stays inside, is loaded; what leaves is refused by onnx, `..`
    behind a backslash too. Links that lead out of a folder are no files of a version.

    Args:
        external: location → how many bytes it must at least have.
        values: the model's.
    """
    needed: dict[str, int] = {}
    for raw, reach in sorted(external.items()):
        location = types.text(raw)
        if problem := _outside(location):
            message = f"{location[:200]!r} {problem}; it is not followed"
            yield _finding("external-data-outside", Severity.ERROR, message, "/external_data")
        else:
            inside = posixpath.normpath(paths.escape(raw))
            needed[inside] = max(needed.get(inside, 0), min(reach, SAFE_INTEGER))
    if needed:
        values["external_data_bytes"] = needed


def _outside(location: str) -> str:
    if not location.strip():
        return "is empty"
    if location.startswith(("/", "\\")) or _SCHEME.match(location):
        return "is absolute"
    first = posixpath.normpath(location).split("/")[0]
    if first in {".", ".."}:
        return "leaves the folder" if first == ".." else "names no file"
    if ".." in re.split(r"[/\\]", location) and "\\" in location:
        return "has '..' and a backslash, which is a folder on some systems only"
    if "\0" in location:
        return "has a zero byte"
    return ""


def _finding(rule: str, severity: Severity, message: str, where: str = "") -> Finding:
    return Finding(rule=rule, severity=severity, message=message, where=where)
