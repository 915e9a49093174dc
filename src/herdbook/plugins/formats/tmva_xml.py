"""TMVA's XML of weights: who trained what how, variables with ranges, transformations; trees are counted.

Source: what TMVA's `MethodBase::WriteStateToXML` and `DataSetInfo` write (ROOT 5.22 to 6). Inside `Weights` expat
checks the form and calls nothing: in well-formed XML without comments and CDATA each `<Node` starts an element.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from herdbook.kernel.errors import CorruptError
from herdbook.model.facts import Finding, Severity
from herdbook.plugins.formats.kept import Kept
from herdbook.plugins.formats.tmva_transformations import Transformations
from herdbook.plugins.formats.xgboost_values import trees_differ
from herdbook.plugins.formats.xml_events import Events

_INFO = {
    "creator": "Creator",
    "date": "Date",
    "host": "Host",
    "dir": "Dir",
    "tmva_release": "TMVA Release",
    "root_release": "ROOT Release",
    "analysis_type": "AnalysisType",
}
_WEIGHT = re.compile(rb"<BinaryTree[^<>]*?\sboostWeight\s*=\s*[\"']([^\"']{0,64})[\"']")
_INDEX = re.compile(rb"\sIndex\s*=\s*[\"'](\d{1,6})[\"']")
_NEURONS = re.compile(rb"\sNNeurons\s*=\s*[\"'](\d{1,9})[\"']")
_WHOLE = re.compile(r"-?[0-9]{1,15}")
_NAME = re.compile(rb"<([^\s/>]+)")
_LAYER = re.compile(rb"<Layer(?=[\s/>])([^>]*)>")
_CLOSES = re.compile(rb"(?:</[A-Za-z]+\s*>\s*)+")
_MAX_TAGS = 1_000_000
_SHORT = 4_000_000
_NESTED = {b"Method", b"Weights"}


class Setup(Events):
    """A `MethodSetup` as it is parsed."""

    def __init__(self, skipped: int = 0) -> None:
        super().__init__(skipped)
        self.kept = Kept()
        self.values: dict[str, Any] = {}
        self.where: dict[str, str] = {}
        self.info: dict[str, str] = {}
        self.options: dict[str, str] = {}
        self.modified: list[str] = []
        self.lists: dict[str, list[Any]] = {}
        self.weights: dict[str, str] | None = None
        self.trees = self.nodes = 0
        self.boost_weights: list[float | str] = []
        self.layers: list[dict[str, int]] = []
        self.transformations = Transformations(self.kept)
        self._option = ""

    def start(self, name: str, attributes: dict[str, str]) -> bool:
        """Take what the head says, element by element."""
        depth = len(self.path)
        if depth == 1:
            self._root(name, attributes)
        elif self.path[1] == "Transformations":
            return self.transformations.start(name, attributes, self.path[2:])
        elif self.path[1] == "Weights":
            self._weight(name, attributes, depth)
        elif depth == 2:
            self._section(name, attributes)
        elif depth == 3:
            return self._entry(name, attributes)
        return False

    def end(self, name: str, text: str) -> None:
        """Take the text of an option or of a matrix."""
        if len(self.path) > 1 and self.path[1] == "Transformations":
            self.transformations.end(text)
        elif name == "Option" and self._option:
            if text:
                self.options[self._option] = self.kept.text(text, "options")
            self._option = ""

    def _root(self, name: str, attributes: dict[str, str]) -> None:
        self.values["root_tag"] = name
        method, _, title = attributes.get("Method", "").partition("::")
        self.values |= {key: each for key, each in (("method", method), ("method_title", title)) if each}
        self.where["/method"] = f"line {self.line}"

    def _section(self, name: str, attributes: dict[str, str]) -> None:
        if name == "Variables" and (number := _whole(attributes.get("NVar"))) is not None:
            self.values["num_features_declared"] = number
        ours = {"Variables": "features", "Spectators": "spectators", "Classes": "classes", "Targets": "targets"}.get(
            name
        )
        if ours is not None:
            self.lists.setdefault(ours, [])
            self.where[f"/{ours}"] = f"line {self.line}"
        elif name == "Options":
            self.where["/options"] = f"line {self.line}"

    def _entry(self, name: str, said: dict[str, str]) -> bool:
        section = self.path[1]
        if section == "GeneralInfo" and "name" in said:
            self.spend()
            self.info[said["name"]] = self.kept.text(said.get("value", ""), "general info")
        elif section == "Options" and name == "Option":
            self._option = said.get("name", "")
            self.spend()
            if said.get("modified") == "Yes":
                self.modified.append(self._option)
            return True
        elif (read := _ENTRIES.get(name)) is not None and section == read[0]:
            self.spend()
            self.lists.setdefault(read[1], []).append(
                {key: each for key, each in read[2](said).items() if each is not None}
                if read[1] != "classes"
                else self.kept.text(said.get("Name", ""), "classes")
            )
        return False

    def _weight(self, name: str, attributes: dict[str, str], depth: int) -> None:
        """Count, where the parser was not quiet; trees of a method inside of this one are not this one's."""
        if depth == 2:
            self.weights = attributes
        elif name == "BinaryTree" and depth == 3:
            self.trees += 1
            if (number := _real(attributes.get("boostWeight"))) is not None:
                self.boost_weights.append(number)
        elif name == "Node" and self.path[2] == "BinaryTree":
            self.nodes += 1
        elif name == "Layer" and (neurons := _whole(attributes.get("NNeurons"))) is not None:
            self.layers.append({"index": _whole(attributes.get("Index")) or 0, "neurons": neurons})

    def count(self, data: bytes, begin: int, end: int, names: Counter[bytes]) -> None:
        """Count the tags of what the parser passed over quietly; no number in them has a ``>``."""
        self.trees += names[b"BinaryTree"]
        numbers = (_real(each.decode("latin-1")) for each in _WEIGHT.findall(data, begin, end))
        self.boost_weights += [number for number in numbers if number is not None]
        self.nodes += names[b"Node"] if self.trees else 0
        for tag in _LAYER.finditer(data, begin, end) if names[b"Layer"] else ():
            if neurons := _NEURONS.search(tag[1]):
                index = _INDEX.search(tag[1])
                self.layers.append({"index": int(index[1]) if index else 0, "neurons": int(neurons[1])})


def _variable(said: dict[str, str]) -> dict[str, Any]:
    return {
        "index": _whole(said.get("VarIndex")),
        "name": said.get("Expression"),
        "label": said.get("Label"),
        "title": said.get("Title"),
        "unit": said.get("Unit") or None,
        "internal": said.get("Internal"),
        "type": said.get("Type"),
        "min": _real(said.get("Min")),
        "max": _real(said.get("Max")),
    }


def _spectator(said: dict[str, str]) -> dict[str, Any]:
    return {
        "index": _whole(said.get("SpecIndex")),
        "name": said.get("Expression"),
        "label": said.get("Label"),
        "type": said.get("Type"),
        "min": _real(said.get("Min")),
        "max": _real(said.get("Max")),
    }


def _target(said: dict[str, str]) -> dict[str, Any]:
    return {
        "name": said.get("Expression"),
        "type": said.get("Type"),
        "min": _real(said.get("Min")),
        "max": _real(said.get("Max")),
    }


_ENTRIES: dict[str, tuple[str, str, Any]] = {
    "Variable": ("Variables", "features", _variable),
    "Spectator": ("Spectators", "spectators", _spectator),
    "Target": ("Targets", "targets", _target),
    "Class": ("Classes", "classes", None),
}


def parse(data: bytes, start: int = 0) -> Setup:
    """Parse a document, quietly inside of `Weights` where that gives the same counts.

    Args:
        data: the document.
        start: offset of its first byte.

    Raises:
        CorruptError: when it is not well-formed, or a number is none.
        InvalidError: when it has a DTD, or is larger than this reader goes.
    """
    view, lines = memoryview(data), data.count(b"\n", 0, start)
    begin, end = data.find(b"<Weights"), data.rfind(b"</Weights")
    begin = data.find(b">", begin) + 1 if begin >= 0 else -1
    if 0 < begin < end and data[begin - 2] != ord("/") and _few_tags(data, begin, end):
        setup = Setup(lines)
        setup.feed(view[start:begin])
        names = Counter(_NAME.findall(data, begin, end))
        if setup.path[1:] == ["Weights"] and not any(name[:1] in b"!?" or name in _NESTED for name in names):
            setup.be_quiet()
            whole = _CLOSES.fullmatch(data, end) is not None
            setup.feed(view[begin:] if whole else view[begin:end], last=whole)  # at once: half the time
            setup.count(data, begin, end, names)
            if not whole:
                setup.listen()
                setup.feed(view[end:], last=True)
            return setup
    setup = Setup(lines)
    setup.feed(view[start:], last=True)
    return setup


def _few_tags(data: bytes, begin: int, end: int) -> bool:
    """Say whether the names of all tags fit into memory at once."""
    return end - begin < _SHORT or data.count(b"<", begin, end) < _MAX_TAGS


def values(setup: Setup) -> tuple[dict[str, Any], list[Finding]]:
    """Return the facts of a parsed document, and what is worth a look in it.

    Raises:
        CorruptError: when it is no `MethodSetup`.
    """
    if setup.values.get("root_tag") != "MethodSetup":
        raise CorruptError("the root is no MethodSetup", code="tmva-bad-xml")
    kept = setup.kept
    found = dict(setup.values)
    found |= {ours: setup.info[theirs] for ours, theirs in _INFO.items() if theirs in setup.info}
    found |= {key: kept.items(each, key) for key, each in setup.lists.items()}
    found.setdefault("features", [])
    found.setdefault("spectators", [])
    found["num_features"] = len(setup.lists.get("features", ()))
    found |= {"general_info": setup.info, "options": setup.options, "options_modified": setup.modified}
    if (events := setup.info.get("Training events")) is not None:
        found["training_events"] = int(events) if _WHOLE.fullmatch(events) else events
    if (time := _real(setup.info.get("TrainingTime"))) is not None:
        found["training_time"] = time
    if setup.transformations.found:
        found["transformations"] = setup.transformations.found
    findings = []
    if setup.weights is not None and (declared := _whole(setup.weights.get("NTrees"))) is not None:
        found["trees_declared"] = declared
        findings += trees_differ(declared, setup.trees)
    if setup.trees:
        found |= {"trees": setup.trees, "nodes": setup.nodes}
        found["boost_weights"] = kept.items(setup.boost_weights, "boost weights")
    if setup.layers:
        found["layers"] = kept.items(setup.layers, "layers")
    if found.get("num_features_declared", found["num_features"]) != found["num_features"]:
        message = f"NVar says {found['num_features_declared']} variables, and there are {found['num_features']}"
        findings.append(Finding(rule="variables-differ", severity=Severity.WARNING, message=message, where="/features"))
    return found, findings


def _whole(text: str | None) -> int | None:
    """Return a whole number; what is none is left out."""
    return int(text) if text is not None and _WHOLE.fullmatch(text) else None


def _real(text: str | None) -> float | str | None:
    """Return a number, or the text that stands in its place; absent when there is nothing."""
    if text is None or not text.strip():
        return None
    try:
        return Kept.number(float(text))
    except ValueError:
        return text[:100]
