"""What files say of preparation, as ``service.preprocessing`` reads it, with the place of each feature's constants."""

from __future__ import annotations

from dataclasses import dataclass, field

from herdbook.kernel.errors import InvalidError
from herdbook.model.base import Json
from herdbook.model.facts import Facts
from herdbook.model.preprocessing import PreparedInput, PreprocessingSpec
from herdbook.service.contracts.telling import Source, Tensor, Told, by, escape
from herdbook.service.preprocessing import importing

_RULES = {
    "weaver-preprocess": "weaver: offset = -median, scale = norm_factor, clip = lower_bound and upper_bound",
    "weaver-data-config": "weaver: offset = -subtract_by, scale = multiply_by; what is not written has its default",
    "lwtnn-json": "lwtnn: (x + offset) * scale",
    "lwtnn-graph-json": "lwtnn: (x + offset) * scale",
    "scaler": "scaler: stdscale is (x - mean) / deviation",
    "normalisation-dict": "normalisation: (x - mean) / std, then clipped",
}
_SALT = "salt's gnn_config: the inputs in the graph's order"
_LABELS = {"weaver-preprocess": "/output_names"} | dict.fromkeys(("weaver-data-config", "lwtnn-json"), "/classes")


@dataclass
class Prepared:
    """Inputs with their features, and the labels of outputs by name; an output that is not named is ``""``."""

    inputs: list[Tensor] = field(default_factory=list)
    labels: dict[str, Told] = field(default_factory=dict)


def prepared(source: Source) -> Prepared:
    """Return what a file says of preparation; nothing when it says none. Findings go to the source."""
    facts = source.view.facts
    if facts is None or not importing.prepares(facts):
        return Prepared()
    try:
        told = importing.read(facts)
    except InvalidError as error:
        source.warn(error.code, error.message)
        return Prepared()
    source.findings += [finding.model_copy(update={"path": source.path}) for finding in told.findings]
    whole = not any(finding.rule == "preprocessing-bad-feature" for finding in told.findings)
    rule = _SALT if "gnn_config" in facts.values else _RULES.get(facts.format, "")
    inputs = [
        _tensor(source, each, _places(facts, told.spec, number) if whole else [], rule)
        for number, each in enumerate(told.spec.inputs)
    ]
    labels = {
        output.name or "": Told(output.labels, by(source.view, _LABELS.get(facts.format, "/outputs")))
        for output in told.spec.outputs or ()
        if output.labels
    }
    return Prepared(inputs, labels)


def _tensor(source: Source, told: PreparedInput, places: list[str], rule: str) -> Tensor:
    """Return an input. Where one of its variables was left out, the places of the others mean nothing: no features."""
    features = []
    for place, feature in zip(places, told.features, strict=False):
        evidence = by(source.view, place, rule)
        features.append({name: Told(value, evidence) for name, value in feature.json_object().items()})
    above = by(source.view, (places[0].rsplit("/", 2)[0] or "/features") if places else "")
    tensor = Tensor({"name": Told(told.name, above)}, features or None)
    if told.sequence is not None:
        tensor.sequence = {name: Told(value, above) for name, value in told.sequence.json_object().items()}
    return tensor


def _places(facts: Facts, spec: PreprocessingSpec, number: int) -> list[str]:
    """Return the pointers to the features of an input."""
    names = [feature.name for feature in spec.inputs[number].features]
    if facts.format == "weaver-preprocess":
        return [f"/input_groups/{number}/var_infos/{escape(name)}" for name in names]
    if facts.format == "weaver-data-config":
        return [f"/input_groups/{number}/vars/{place}" for place in range(len(names))]
    root, values = ("/gnn_config", facts.values["gnn_config"]) if "gnn_config" in facts.values else ("", facts.values)
    if "features" in values:
        return [f"/features/{place}" for place in range(len(names))]
    return [f"{root}{_variables(values, number)}/{place}" for place in range(len(names))]


def _variables(values: Json, number: int) -> str:
    flat = len(values.get("inputs") or ())
    return f"/inputs/{number}/variables" if number < flat else f"/input_sequences/{number - flat}/variables"
