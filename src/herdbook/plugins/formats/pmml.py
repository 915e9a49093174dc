"""PMML: data dictionary, mining schema, outputs; trees are counted.

Source: the PMML specification of the Data Mining Group, 3.x to 4.4.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from herdbook.kernel.errors import CorruptError, InvalidError
from herdbook.model.facts import Facts, Probe
from herdbook.plugins.formats.contents import Content
from herdbook.plugins.formats.kept import Kept
from herdbook.plugins.formats.xml_events import HEAD, Events, begins_with, leading_space

if TYPE_CHECKING:
    from herdbook.ports.formats import Format, Listing, ReadAt

MAX_SIZE = 48 * 1024 * 1024
_MODELS = frozenset({"TreeModel", "NeuralNetwork"})
_COUNTED = frozenset({"DataField", "Value", "Interval", "DerivedField", "MiningField", "OutputField"})
_TARGETS = frozenset({"target", "predicted"})
_FIELD = {"name": "name", "optype": "optype", "dataType": "dtype"}
_MINING = {
    "name": "name",
    "usageType": "usage",
    "optype": "optype",
    "missingValueReplacement": "missing_value",
    "missingValueTreatment": "missing_value_treatment",
    "invalidValueTreatment": "invalid_value_treatment",
    "invalidValueReplacement": "invalid_value",
    "outliers": "outliers",
    "lowValue": "low_value",
    "highValue": "high_value",
}
_OUTPUT = {"name": "name", "optype": "optype", "dataType": "dtype", "feature": "feature", "value": "value"}


class Pmml:
    """The reader of PMML."""

    name = "pmml"
    version = "1"

    def probe(self, file: ReadAt, path: str) -> Probe | None:  # noqa: ARG002 - the port's signature
        """Recognise the root element."""
        return Probe(format="pmml") if begins_with(file.read_at(0, HEAD), b"PMML") else None

    def read(self, file: ReadAt, path: str, listing: Listing) -> Facts:  # noqa: ARG002 - the port's signature
        """Read the facts.

        Raises:
            CorruptError: when it is no well-formed XML, or no PMML.
            InvalidError: when it is larger than this reader goes, or has a DTD.
        """
        if file.size > MAX_SIZE:
            raise InvalidError(f"{path} has {file.size} bytes", code="too-large")
        document = _Document()
        data = file.read_at(0, file.size)
        document.feed(memoryview(data)[leading_space(data) :], last=True)
        if document.root != "PMML":
            raise CorruptError(f"{path} has no PMML in it", code="pmml-bad-root")
        content = Content("pmml", document.facts(), where=document.where, findings=document.kept.findings)
        return content.facts(self.name, self.version)


_: type[Format] = Pmml


class _Document(Events):
    """A document as it is parsed."""

    def __init__(self) -> None:
        super().__init__()
        self.kept = Kept()
        self.root = ""
        self.where: dict[str, str] = {}
        self.values: dict[str, Any] = {}
        self.models: list[str] = []
        self.fields: list[dict[str, Any]] = []
        self.ranges: dict[str, dict[str, Any]] = {}
        self.schema: list[dict[str, str]] = []
        self.outputs: list[dict[str, str]] = []
        self.transforms: list[str] = []
        self.trees = 0

    def start(self, name: str, attributes: dict[str, str]) -> bool:
        """Take what stands above the models' own parts, and count trees."""
        name = name.rsplit(":", 1)[-1]
        depth = len(self.path)
        if name == "TreeModel":
            self.trees += 1
        if depth == 1:
            self.root = name
            self._put("pmml_version", attributes.get("version"))
        elif depth == 2:
            if name.endswith("Model") or name in _MODELS:
                self.models.append(name)
                self.where.setdefault("/models", f"line {self.line}")
                self._put("function", attributes.get("functionName"))
                self._put("algorithm", attributes.get("algorithmName"))
                self._put("model_name", attributes.get("modelName"))
        elif depth <= 5:
            self._deeper(name, attributes, [each.rsplit(":", 1)[-1] for each in self.path])
        return False

    def end(self, name: str, text: str) -> None:
        """Nothing to do."""

    def _deeper(self, name: str, said: dict[str, str], path: list[str]) -> None:
        section = path[1]
        if name in _COUNTED:
            self.spend()
        if name == "Application" and section == "Header":
            self.values["producer"] = self._said(said, {"name": "name", "version": "version"})
        elif section == "DataDictionary" and name == "DataField":
            self.fields.append(self._said(said, _FIELD))
            self.where.setdefault("/fields", f"line {self.line}")
        elif section == "DataDictionary" and len(path) == 4 and self.fields:
            self._range(name, said)
        elif section == "TransformationDictionary" and name == "DerivedField" and len(path) == 3:
            self.transforms.append(self.kept.text(said.get("name", ""), "derived fields"))
        elif name == "MiningField" and path[2:] == ["MiningSchema", "MiningField"] and len(self.models) == 1:
            self.schema.append(self._said(said, _MINING))
            self.where.setdefault("/mining_schema", f"line {self.line}")
        elif name == "OutputField" and path[2:] == ["Output", "OutputField"] and len(self.models) == 1:
            self.outputs.append(self._said(said, _OUTPUT))

    def _range(self, name: str, said: dict[str, str]) -> None:
        """Take an interval or a value of a field."""
        found = self.ranges.setdefault(self.fields[-1].get("name", ""), {})
        if name == "Interval":
            for side, key in (("leftMargin", "min"), ("rightMargin", "max")):
                if (number := _number(said.get(side))) is not None:
                    found[key] = number
        elif name == "Value" and said.get("property", "valid") == "valid" and "value" in said:
            found.setdefault("categories", []).append(self.kept.text(said["value"], "categories"))

    def _said(self, said: dict[str, str], keys: dict[str, str]) -> dict[str, str]:
        return {ours: self.kept.text(said[theirs], "attributes") for theirs, ours in keys.items() if theirs in said}

    def _put(self, key: str, value: str | None) -> None:
        if value is not None and key not in self.values:
            self.values[key] = self.kept.text(value, key)

    def facts(self) -> dict[str, Any]:
        """Return what was found."""
        found = dict(self.values) | {"models": self.kept.items(self.models, "models")}
        found["fields"] = self.kept.items(self.fields, "fields")
        if self.schema:
            found["mining_schema"] = self.kept.items(self.schema, "mining schema")
            targets = [each["name"] for each in self.schema if each.get("usage") in _TARGETS and "name" in each]
            active = [each for each in self.schema if each.get("usage", "active") == "active" and "name" in each]
            fields = {each.get("name", ""): each for each in self.fields}
            found["features"] = self.kept.items([self._feature(each, fields) for each in active], "features")
            found["num_features"] = len(active)
            if targets:
                found["targets"] = [{"name": each} for each in self.kept.items(targets, "targets")]
                if classes := self.ranges.get(targets[0], {}).get("categories"):
                    found["classes"] = self.kept.items(classes, "classes")
        if self.outputs:
            found["output_fields"] = self.kept.items(self.outputs, "outputs")
        if self.transforms:
            found["derived_fields"] = self.kept.items(self.transforms, "derived fields")
        if self.trees:
            found["trees"] = self.trees
        return found

    def _feature(self, mining: dict[str, str], fields: dict[str, dict[str, str]]) -> dict[str, Any]:
        """Return an active field with its type, range and categories, and what stands in for a missing value."""
        name = mining["name"]
        found = {"name": name, **fields.get(name, {}), **self.ranges.get(name, {})}
        if "categories" in found:
            found["categories"] = self.kept.items(found["categories"], "categories")
        return found | ({"missing_value": _number(mining["missing_value"])} if "missing_value" in mining else {})


def _number(text: str | None) -> float | str | None:
    """Return a number, or the text that stands in its place."""
    try:
        return None if text is None else Kept.number(float(text))
    except ValueError:
        return text[:100] if text else None
