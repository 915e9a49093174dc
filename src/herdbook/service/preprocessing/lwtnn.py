"""lwtnn: variables with offset and scale, and defaults. Salt's ``gnn_config`` has them in the same form.

Source: lwtnn 2.14 (``parse_json.cxx``, ``InputPreprocessor``, ``NanReplacer``): y = (x + offset) * scale in double
precision. What stands for a NaN is the ``default`` of a variable, or in a plain network ``defaults``, which then alone
counts. The caller replaces, with lwtnn's ``NanReplacer``: a NaN, and an infinity only where it says so. Written are the
keys ``inputs``, ``input_sequences``, ``defaults`` and ``outputs`` as they stand in a network's JSON. Salt writes its
offsets and scales as 0 and 1: normalisation is part of its graph.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from herdbook.model.base import Json
from herdbook.model.contracts import Feature, Sequence
from herdbook.model.preprocessing import Imported, PreparedInput, PreparedOutput, PreprocessingSpec
from herdbook.service.preprocessing import salt
from herdbook.service.preprocessing.building import UNNAMED, Builder
from herdbook.service.preprocessing.refusing import Target

OBJECTS_OF_SALT = 0
"""The axis of the objects in salt's tensors, which have no batch axis."""
TWIN = "[]"
"""Behind the name of a sequence whose name is also that of a flat input: lwtnn keeps the two apart, we do not."""


def read(values: Json) -> Imported:
    """Return the preprocessing of a lwtnn network, plain or graph, from its facts."""
    build = Builder()
    if "features" not in values:
        return _graph(build, values, Sequence())
    features = _variables(build, values["features"], values.get("defaults"), "/features")
    return build.imported(build.input(UNNAMED, features, None, "/features"), build.labels(values.get("classes")))


def read_salt(values: Json) -> Imported:
    """Return the preprocessing of a salt model from the facts of its ONNX file.

    Inputs have Athena's names, which are not those of the graph's inputs, and flat inputs come first, which in the
    graph need not be so.
    """
    build = Builder()
    config = values["gnn_config"]
    order = salt.graph_order(values)
    if order is not None and order != sorted(order):
        names = ", ".join(str(each.get("name")) for each in values["inputs"])
        build.warn("preprocessing-order", f"the graph has its inputs in another order: {names}", "/inputs")
    names = config.get("output_names")
    if isinstance(names, list) and "outputs" not in config:
        config = {**config, "outputs": [{"name": str(name)} for name in names]}
    return _graph(build, config, Sequence(axis=OBJECTS_OF_SALT), "/gnn_config")


def _graph(build: Builder, values: Mapping[str, Any], sequence: Sequence, root: str = "") -> Imported:
    inputs: list[PreparedInput] = []
    taken: set[str] = set()
    for key, kind in (("inputs", None), ("input_sequences", sequence)):
        for index, told in enumerate(values.get(key, ())):
            where, name = f"{root}/{key}/{index}", str(told.get("name", ""))
            features = _variables(build, told.get("variables", ()), None, f"{where}/variables")
            if name in taken:
                build.warn("preprocessing-name-twice", f"{name!r} names two inputs; it becomes {name + TWIN!r}", where)
                name += TWIN
            taken.add(name)
            inputs += build.input(name, features, kind, where)
    outputs = tuple(
        PreparedOutput(name=each["name"], labels=tuple(str(label) for label in each.get("labels", ()) if label))
        for each in values.get("outputs", ())
        if each.get("name")
    )
    return build.imported(inputs, outputs)


def _variables(build: Builder, told: Any, defaults: Any, root: str) -> list[Feature | None]:  # noqa: ANN401 - facts
    """Return the variables; ``defaults`` is what a plain network says of all of them, or ``None``."""
    features: list[Feature | None] = []
    for index, each in enumerate(told):
        where, name = f"{root}/{index}", each.get("name")
        missing = (
            build.number(defaults, name, "/defaults")
            if isinstance(defaults, dict)
            else build.number(each, "default", where)
        )
        features.append(
            build.feature(
                where,
                name=name,
                offset=build.number(each, "offset", where),
                scale=build.number(each, "scale", where),
                missing_value=missing,
            )
        )
    return features


LWTNN = Target(
    name="lwtnn", feature=frozenset({"name", "offset", "scale", "missing_value"}), sequence=frozenset({"axis"})
)


def write(spec: PreprocessingSpec) -> str:
    """Return lwtnn's keys of a spec that ``LWTNN`` took: the plain form for one flat input without a name of its own.

    Raises:
        InvalidError: naming the field that lwtnn cannot say.
    """
    first = spec.inputs[0]
    plain = len(spec.inputs) == 1 and first.sequence is None and first.name == UNNAMED
    document = _plain(spec) if plain else _as_graph(spec)
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _plain(spec: PreprocessingSpec) -> dict[str, Any]:
    variables = _written(spec.inputs[0], "/inputs/0")
    defaults = {each["name"]: each.pop("default") for each in variables if "default" in each}
    document: dict[str, Any] = {"inputs": variables}
    if defaults:
        document["defaults"] = defaults
    outputs = spec.outputs or ()
    if len(outputs) > 1 or any(output.name for output in outputs):
        LWTNN.refuse("/outputs", "a plain network has one output, which has no name")
    if outputs:
        document["outputs"] = list(outputs[0].labels)
    return document


def _as_graph(spec: PreprocessingSpec) -> dict[str, Any]:
    document: dict[str, Any] = {"inputs": [], "input_sequences": []}
    flat = {each.name for each in spec.inputs if each.sequence is None}
    for index, each in enumerate(spec.inputs):
        where = f"/inputs/{index}"
        name = each.name.removesuffix(TWIN) if each.name.removesuffix(TWIN) in flat else each.name
        node: dict[str, Any] = {"name": name, "variables": _written(each, where)}
        nodes = document["inputs" if each.sequence is None else "input_sequences"]
        if any(node["name"] == other["name"] for other in nodes):
            LWTNN.refuse(f"{where}/name", "an input of this name stands there already")
        nodes.append(node)
    for index, output in enumerate(spec.outputs or ()):
        if output.name is None:
            LWTNN.refuse(f"/outputs/{index}/name", "outputs of a graph have names")
        document.setdefault("outputs", {})[output.name] = {"labels": list(output.labels)}
    return document


def _written(given: PreparedInput, where: str) -> list[dict[str, Any]]:
    variables: list[dict[str, Any]] = []
    taken: set[str] = set()
    for index, feature in enumerate(given.features):
        offset = 0 if feature.offset is None else feature.offset
        scale = 1 if feature.scale is None else feature.scale
        variable = {"name": feature.name, "offset": offset, "scale": scale}
        if feature.name in taken:
            LWTNN.refuse(f"{where}/features/{index}/name", "a variable of this name stands there already")
        taken.add(feature.name)
        if feature.missing_value is not None:
            variable["default"] = feature.missing_value
        variables.append(variable)
    return variables
