"""What trees, and models of plain features, tell of an interface: names in order, ranges, units, classes, objective."""

from __future__ import annotations

import math
from collections.abc import Sequence

from herdbook.model.base import Json
from herdbook.model.dossiers import FileView
from herdbook.service.contracts import meanings
from herdbook.service.contracts.preparing import prepared
from herdbook.service.contracts.telling import Fields, Source, Tensor, Told, by, inferred
from herdbook.service.preprocessing.building import UNNAMED

INPUT, OUTPUT = UNNAMED, "score"
_NO_TENSOR = "a model of features has no tensors: the name is ours"
_DTYPES = {"F": "float32", "D": "float64", "I": "int32"}
"""TMVA's types of variables."""


def tell(view: FileView) -> Source | None:
    """Return what a model of features tells, or ``None`` when its facts have neither features nor their number."""
    values = view.facts.values if view.facts else {}
    told, count = values.get("features"), values.get("num_features")
    if not told and not isinstance(count, int):
        return None
    source = Source(view)
    known = prepared(source)
    tensor = Tensor(fields={"name": Told(INPUT, inferred(view, _NO_TENSOR))})
    if known.inputs:
        tensor.features = known.inputs[0].features
    elif told:
        tensor.features = [_feature(view, number, each) for number, each in enumerate(told)]
    if tensor.features and source.format.startswith("tmva"):
        _tmva(view, told or (), tensor.features)
    if isinstance(count, int) and count > 0:
        tensor.fields["shape"] = Told((None, count), by(view, "/num_features", "objects × features"))
    source.inputs = [tensor]
    source.outputs = [_output(view, known.labels.get(""))]
    return source


def _feature(view: FileView, number: int, told: Json) -> Fields:
    evidence = by(view, f"/features/{number}")
    fields: Fields = {"name": Told(told["name"], evidence)} if told.get("name") else {}
    ends = {ours: told[theirs] for theirs, ours in (("min", "lower"), ("max", "upper")) if _finite(told.get(theirs))}
    if ends:
        fields["training_range"] = Told(ends, evidence)
    return fields


def _finite(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _tmva(view: FileView, told: Sequence[Json], features: Sequence[Fields]) -> None:
    """Add what TMVA says of a variable beside its name and range."""
    for number, (each, fields) in enumerate(zip(told, features, strict=False)):
        evidence = by(view, f"/features/{number}")
        if each.get("title") and each["title"] != each.get("name"):
            fields["definition"] = Told(each["title"], evidence)
        if each.get("type") in _DTYPES:
            fields["dtype"] = Told(_DTYPES[each["type"]], evidence)


def _output(view: FileView, labels: Told | None) -> Tensor:
    tensor = Tensor(fields={"name": Told(OUTPUT, inferred(view, _NO_TENSOR))})
    if meaning := meanings.of_trees(view):
        tensor.fields["meaning"] = meaning
    if labels is not None and view.facts and view.facts.format.startswith("lwtnn"):
        tensor.fields["labels"] = labels
    return tensor
