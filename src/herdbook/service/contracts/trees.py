"""What trees, and models of plain features, tell of an interface: names in order, ranges, units, classes, objective."""

from __future__ import annotations

from typing import Any

from herdbook.kernel import units
from herdbook.kernel.errors import InvalidError
from herdbook.model.base import Json
from herdbook.model.dossiers import FileView
from herdbook.service.contracts.preparing import plain_feature
from herdbook.service.contracts.telling import Fields, Source, Tensor, Told, by, inferred

INPUT, OUTPUT = "features", "score"
_NO_TENSOR = "a model of features has no tensors: the name is ours"
_MEANINGS = {
    "binary:logistic": "probability",
    "multi:softprob": "probability",
    "binary:logitraw": "logit",
    "multi:softmax": "labels",
    "reg:": "regression",
    "binary sigmoid": "probability",
    "multiclass ": "probability",
    "regression": "regression",
}
"""What the score is, by how the objective begins: XGBoost's documentation of objectives, LightGBM's of `objective`."""
_DTYPES = {"F": "float32", "D": "float64", "I": "int32"}
"""TMVA's types of variables."""


def tell(view: FileView) -> Source | None:
    """Return what a model of features tells, or ``None`` when its facts have neither features nor their number."""
    values = view.facts.values if view.facts else {}
    told, count = values.get("features"), values.get("num_features")
    if not told and not isinstance(count, int):
        return None
    source = Source(view)
    tensor = Tensor(fields={"name": Told(INPUT, inferred(view, _NO_TENSOR))})
    if told:
        tensor.features = [_feature(source, values, number, each) for number, each in enumerate(told)]
    if isinstance(count, int) and count > 0:
        tensor.fields["shape"] = Told((None, count), by(view, "/num_features", "objects × features"))
    source.inputs = [tensor]
    source.outputs = [_output(view, values)]
    return source


def _feature(source: Source, values: Json, number: int, told: Json) -> Fields:
    view, pointer = source.view, f"/features/{number}"
    lwtnn = source.format.startswith("lwtnn")
    evidence = by(view, pointer, "lwtnn: (x + offset) * scale" if lwtnn else "")
    fields = plain_feature(told, evidence)
    defaults = values.get("defaults")
    if isinstance(defaults, dict) and defaults.get(told.get("name")) is not None:
        name = str(told["name"])
        fields["missing_value"] = Told(defaults[name], by(view, "/defaults", "lwtnn: stands for a missing value"))
    if source.format.startswith("tmva"):
        _tmva(source, told, fields, pointer)
    return fields


def _tmva(source: Source, told: Json, fields: Fields, pointer: str) -> None:
    evidence = by(source.view, pointer)
    if told.get("title") and told["title"] != told.get("name"):
        fields["definition"] = Told(told["title"], evidence)
    if told.get("type") in _DTYPES:
        fields["dtype"] = Told(_DTYPES[told["type"]], evidence)
    unit = str(told.get("unit") or "").strip()
    if unit:
        try:
            fields["unit"] = Told(units.check(unit), evidence)
        except InvalidError as error:
            message = f"the unit of {told.get('name')!r} is written {unit[:80]!r}, which is no UCUM: it stays unknown"
            source.warn("unit-not-ucum", f"{message}. {error.hint}", f"{pointer}/unit")


def _output(view: FileView, values: Json) -> Tensor:
    tensor = Tensor(fields={"name": Told(OUTPUT, inferred(view, _NO_TENSOR))})
    objective = str(values.get("objective") or "")
    meaning = next((word for begin, word in _MEANINGS.items() if objective.startswith(begin)), None)
    if meaning:
        tensor.fields["meaning"] = Told(meaning, by(view, "/objective", f"what {objective.split(maxsplit=1)[0]} gives"))
    labels = _labels(values.get("classes"))
    if labels and view.facts and view.facts.format.startswith("lwtnn"):
        tensor.fields["labels"] = Told(labels, by(view, "/classes"))
    return tensor


def _labels(classes: Any) -> tuple[str, ...]:  # noqa: ANN401 - what a reader found
    if not isinstance(classes, list):
        return ()
    names = [each.get("name") if isinstance(each, dict) else each for each in classes]
    return tuple(map(str, names)) if all(names) else ()
