"""Interface: format, inputs, features with units, preprocessing, selection, outputs, computability, vocabulary."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from typing import Any

from herdbook.kernel import units
from herdbook.kernel.errors import HerdbookError
from herdbook.model.audits import Absent, Checked, Score, Stated, Structured
from herdbook.model.base import Json
from herdbook.model.dossiers import FileView
from herdbook.service.auditing_evidence import Evidence
from herdbook.service.checks.findable import links

PRESERVATION = frozenset({"onnx", "qonnx", "lwtnn-json", "lwtnn-graph-json", "conifer-json", "pmml"})
_WEIGHTS = "safetensors"
_PREPARED = ("offset", "scale", "divisor", "pad_value", "missing_value", "replace_non_finite", "clip", "transform")
_CONSTANTS = frozenset({"weaver-preprocess", "normalisation-dict", "scaler", "lwtnn-json", "lwtnn-graph-json"})
RELATIONS = frozenset(
    {
        *("IsCitedBy", "Cites", "IsSupplementTo", "IsSupplementedBy", "IsDescribedBy", "Describes", "HasVersion"),
        *("IsVersionOf", "IsNewVersionOf", "IsPreviousVersionOf", "IsPartOf", "HasPart", "IsReferencedBy"),
        *("References", "IsDocumentedBy", "Documents", "IsDerivedFrom", "IsSourceOf", "IsRequiredBy", "Requires"),
        *("IsObsoletedBy", "Obsoletes", "IsVariantFormOf", "IsOriginalFormOf", "IsIdenticalTo", "IsReviewedBy"),
    }
)
"""Types of relations of DataCite's metadata schema 4, those that fit a model."""


def preservation(e: Evidence) -> Score:
    """I1: a format that will still be read. That it loads in a runtime is a later step's check."""
    graphs = [view for view in e.dossier.files if view.facts and view.facts.format in PRESERVATION]
    bad = [(view.path, each.message) for view in graphs for each in _errors(view)]
    if graphs and not bad:
        return Structured(where=f"{graphs[0].path}, {_format(graphs[0])}, read to its end by a reader")
    if bad:
        return Absent(why=f"{bad[0][0]}: {bad[0][1]}")
    if weights := [view.path for view in e.dossier.files if _format(view) == _WEIGHTS]:
        return Stated(where=f"{weights[0]}: weights, and no graph that would be kept with them")
    return Absent(why="no file of it is in a format that is made to be kept")


def _errors(view: FileView) -> list[Any]:
    return [each for each in (view.facts.findings if view.facts else ()) if each.severity == "error"]


def _format(view: FileView) -> str:
    return view.facts.format if view.facts else ""


def _contract(e: Evidence, field: str) -> list[Json]:
    bodies = [body for body in e.bodies("contract") if body.get(field)]
    return list(bodies[-1][field]) if bodies else []


def _graph(e: Evidence, field: str) -> list[Json]:
    interface = e.dossier.interface
    return list(interface.values.get(field) or ()) if interface else []


def inputs(e: Evidence) -> Score:
    """I2: order, names, dtypes and shapes of inputs; the contract says what the graph has."""
    told, graph = _contract(e, "inputs"), _graph(e, "inputs")
    if told and graph:
        different = unlike(told, graph)
        if different:
            return Absent(why=f"the contract is not what the graph has: {different}")
        if all(each.get("dtype") and each.get("shape") is not None for each in told):
            return Checked(ran=e.ran("contract against graph", f"{len(told)} inputs"))
        return Structured(where="the contract, without all dtypes and shapes")
    if graph:
        return Structured(where=f"{len(graph)} inputs, read from the graph")
    if told:
        return Structured(where="the contract; no file of it has inputs that a reader knows")
    if name := e.section("inputs", "interface"):
        return Stated(where=f"the card's section {name!r}")
    return Absent(why="neither a contract nor a graph says what goes in")


def unlike(told: Sequence[Json], graph: Sequence[Json]) -> str:
    """Return the first difference between tensors that are told and those of the graph; empty when there is none."""
    for number, (mine, real) in enumerate(zip_longest(told, graph), 1):
        if mine is None or real is None:
            return f"{len(told)} are told, {len(graph)} are there"
        for field in ("name", "dtype", "shape"):
            a, b = mine.get(field), real.get(field)
            if a is not None and b is not None and not _fits(a, b):
                return f"number {number} has the {field} {b!r}, not {a!r}"
    return ""


def _fits(told: object, real: object) -> bool:
    """Whether two values are the same; in a shape a symbol, or nothing, fits every length."""
    if not isinstance(told, list | tuple) or not isinstance(real, list | tuple):
        return told == real
    pairs = zip(told, real, strict=False)
    return len(told) == len(real) and all(a == b for a, b in pairs if isinstance(a, int) and isinstance(b, int))


def features(e: Evidence) -> list[Json]:
    """Return the features of all inputs; an input without them is one itself."""
    found: list[Json] = []
    for tensor in _contract(e, "inputs"):
        found += tensor.get("features") or [tensor]
    return found


def meanings(e: Evidence) -> Score:
    """I3: each feature has a definition and a unit, and the training's data had it so."""
    told = features(e)
    if not told:
        return Absent(why="no contract says what the features are")
    whole = [each for each in told if (each.get("meaning") or each.get("definition")) and _unit(each)]
    if len(whole) < len(told):
        some = whole or any(each.get("meaning") or each.get("unit") for each in told)
        lacking = f"{len(told) - len(whole)} of {len(told)} features lack a definition or a unit"
        return Stated(where=lacking) if some else Absent(why=lacking)
    columns = _columns(e)
    same = [each for each in told if columns.get(str(each.get("source_variable") or each.get("name"))) == _unit(each)]
    if columns and len(same) == len(told):
        return Checked(ran=e.ran("units against columns", f"{len(told)} features in the profile of the data"))
    return Structured(where=f"{len(told)} features in the contract")


def _unit(feature: Json) -> str:
    try:
        return units.check(str(feature.get("unit") or ""))
    except HerdbookError:
        return ""


def _columns(e: Evidence) -> dict[str, str]:
    """Return units by column, as profiles of the training's datasets have them."""
    return {
        str(column.get("name")): str(column.get("unit") or "")
        for data in e.datasets
        for body in data.bodies("dataset-profile")
        for table in body.get("tables") or ()
        for column in table.get("columns") or ()
    }


def preprocessing(e: Evidence) -> Score:
    """I4: constants of preprocessing, padding and missing values, or that they are in the graph."""
    told = features(e)
    if any((body.get("ext") or {}).get("preprocessing_in_graph") is True for body in e.bodies("contract")):
        return Structured(where="the contract: it is in the graph")
    done = [each for each in told if any(name in each for name in _PREPARED)]
    if told and len(done) == len(told):
        return Structured(where=f"{len(told)} features in the contract")
    if done:
        return Stated(where=f"{len(done)} of {len(told)} features")
    formats = [view.path for view in e.dossier.files if _format(view) in _CONSTANTS]
    if name := next(iter(formats), "") or e.section("preprocessing"):
        return Stated(where=name)
    return Absent(why="nobody said how inputs are scaled, padded or filled")


def selection(e: Evidence) -> Score:
    """I5: which objects go in, and in which order."""
    if any(body.get("selection") for body in e.bodies("contract")):
        return Structured(where="the contract's selection")
    sequences = [tensor["sequence"] for tensor in _contract(e, "inputs") if tensor.get("sequence")]
    whole = [each for each in sequences if each.get("selection") and each.get("sort_key")]
    if sequences and len(whole) == len(sequences):
        return Structured(where=f"selection and sort key of {len(sequences)} sequences in the contract")
    if any(each.get("selection") or each.get("sort_key") for each in sequences):
        return Stated(where=f"selection and sort key of {len(whole)} of {len(sequences)} sequences")
    splits = [body for data in e.datasets for body in data.bodies("split") if body.get("selection")]
    if splits or (name := e.section("selection", "objects")):
        return Stated(where="the split's selection" if splits else f"the card's section {name!r}")
    return Absent(why="nobody said which objects go in, and in which order")


def outputs(e: Evidence) -> Score:
    """I6: what outputs mean, and in which order classes stand."""
    told, graph = _contract(e, "outputs"), _graph(e, "outputs")
    whole = [each for each in told if each.get("meaning") and (each.get("labels") or each.get("unit"))]
    if not told:
        return Stated(where="names in the graph alone") if graph else Absent(why="nobody said what comes out")
    if graph and (different := unlike(told, graph) or _classes(told, graph)):
        return Absent(why=f"the contract is not what the graph has: {different}")
    if len(whole) < len(told):
        return Stated(where=f"{len(told) - len(whole)} of {len(told)} outputs lack a meaning, or labels and unit")
    if graph:
        return Checked(ran=e.ran("contract against graph", f"{len(told)} outputs"))
    return Structured(where="the contract")


def _classes(told: Sequence[Json], graph: Sequence[Json]) -> str:
    for mine, real in zip(told, graph, strict=False):
        labels, shape = mine.get("labels"), real.get("shape")
        if labels and shape and isinstance(shape[-1], int) and shape[-1] not in {1, len(labels)}:
            return f"{mine.get('name')} has {len(labels)} labels and {shape[-1]} values"
    return ""


def computable(e: Evidence) -> Score:
    """I7: which features can be had outside the experiment."""
    told = features(e)
    done = [each for each in told if each.get("computable_at")]
    if told and len(done) == len(told):
        return Structured(where=f"{len(told)} features in the contract")
    if done:
        return Stated(where=f"{len(done)} of {len(told)} features")
    return Absent(why="nobody said which features can be had outside the experiment")


def vocabulary(e: Evidence) -> Score:
    """I8: terms of lists that are registered, and links that say what they are."""
    profile = e.dossier.profile
    told = links(e)
    qualified = [link for link in told if link.get("relation") in RELATIONS]
    if profile and profile.step and told and len(qualified) == len(told):
        return Checked(ran=e.ran("relations of links", f"{len(told)} links"))
    if profile and profile.step:
        return Structured(where=f"step: {profile.step}")
    if (profile and (profile.task or profile.object)) or qualified:
        return Stated(where="free words")
    return Absent(why="neither the processing step nor the relation of a link is known")
