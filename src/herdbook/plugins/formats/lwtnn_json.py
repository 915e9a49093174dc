"""lwtnn's JSON, plain (a sequence of layers) and graph: what goes in and how it is scaled, what comes out.

Source: lwtnn 2.14, `parse_json.cxx`: a variable x enters as (x + offset) * scale; `default` of a variable, or in a
plain network `defaults`, stand for a missing value; in a graph, `outputs` name a node and the labels of its values.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from herdbook.kernel.errors import CorruptError
from herdbook.plugins.formats.contents import Content
from herdbook.plugins.formats.plain_values import Plain, present
from herdbook.ports.formats import Listing

COUNTED = "numbers in lists and objects of the layers (weights, bias, components, sublayers), not scalar settings"
_NUMBERS = frozenset({int, float})
_MAX_DEPTH = 32


def fits(content: Any, path: str) -> bool:  # noqa: ANN401, ARG001 - a kind is asked about anything
    """Say whether it has layers, inputs with offsets or variables, and outputs, as lwtnn writes them."""
    if not isinstance(content, dict) or not isinstance(content.get("layers"), list):
        return False
    inputs = content.get("inputs")
    if not isinstance(inputs, list) or "outputs" not in content:
        return False
    if "nodes" in content:
        return isinstance(content["nodes"], list) and isinstance(content["outputs"], dict)
    first = inputs[0] if inputs else {}
    return (
        isinstance(content["outputs"], list) and isinstance(first, dict) and {"name", "offset", "scale"} <= set(first)
    )


def read(content: Mapping[str, Any], path: str, listing: Listing) -> Content:  # noqa: ARG001 - the signature of a kind
    """Read variables with offset and scale, defaults, labels, layers and the number of parameters.

    Raises:
        CorruptError: when a layer, a variable or an output is not what lwtnn writes.
    """
    plain = Plain(values=200_000)
    layers = [_object(layer, "a layer") for layer in content["layers"]]
    values: dict[str, Any] = {
        "parameters": sum(
            _count(value) for layer in layers for value in layer.values() if isinstance(value, list | dict)
        ),
        "parameters_counted": COUNTED,
        "operators": dict(Counter(f"lwtnn.{layer.get('architecture', '?')}" for layer in layers)),
        "layers": [_layer(layer, plain) for layer in layers],
    }
    graph = "nodes" in content and not _is_flat(content["inputs"])
    values |= _graph(content, plain) if graph else _plain(content, plain)
    return Content(
        format="lwtnn-graph-json" if "nodes" in content else "lwtnn-json",
        values=values,
        where=_where(values),
        findings=plain.findings(),
    )


def _plain(content: Mapping[str, Any], plain: Plain) -> dict[str, Any]:
    features = [_variable(each, plain) for each in content["inputs"]]
    outputs = content["outputs"] if isinstance(content["outputs"], list) else list(content["outputs"])
    last = content["layers"][-1].get("activation") if content["layers"] else None
    return present(
        made_by=[plain.copy(last)] if isinstance(last, str) else None,
        features=features,
        num_features=len(features),
        classes=plain.copy(outputs),
        defaults=plain.copy(content.get("defaults")),
        miscellaneous=plain.copy(content.get("miscellaneous")),
    )


def _graph(content: Mapping[str, Any], plain: Plain) -> dict[str, Any]:
    inputs = [_input(each, plain) for each in content["inputs"]]
    sequences = content.get("input_sequences") or []
    if not isinstance(sequences, list):
        raise CorruptError("input_sequences is no list", code="lwtnn-bad-input")
    nodes = [_object(node, "a node") for node in content["nodes"]]
    types = Counter(str(node.get("type")) for node in nodes)
    outputs = sorted(content["outputs"].items())
    made_by = [plain.copy(_activation(each, nodes, content["layers"])) for _, each in outputs]
    return present(
        inputs=[{**each, "shape": [len(each["variables"])]} for each in inputs],
        input_sequences=[_input(each, plain) for each in sequences],
        outputs=[_output(name, each, plain) for name, each in outputs],
        made_by=made_by if any(made_by) else None,
        miscellaneous=plain.copy(content.get("miscellaneous")),
        nodes=len(nodes),
        node_types={name: types[name] for name in sorted(types)},
    )


def _input(raw: object, plain: Plain) -> dict[str, Any]:
    found = _object(raw, "an input")
    variables = found.get("variables")
    if not isinstance(variables, list):
        raise CorruptError(f"the input {str(found.get('name'))[:100]!r} has no variables", code="lwtnn-bad-input")
    return {"name": _name(found), "variables": [_variable(each, plain) for each in variables]}


def _activation(output: object, nodes: Sequence[Mapping[str, Any]], layers: Sequence[Mapping[str, Any]]) -> str | None:
    """Return the activation of the layer that an output is taken from, where it is one, and its name is all."""
    node = _at(nodes, _object(output, "an output").get("node_index"))
    layer = _at(layers, node.get("layer_index"))
    activation = layer.get("activation")
    return activation if isinstance(activation, str) else None


def _at(items: Sequence[Mapping[str, Any]], index: object) -> Mapping[str, Any]:
    return items[index] if isinstance(index, int) and 0 <= index < len(items) else {}


def _output(name: str, raw: object, plain: Plain) -> dict[str, Any]:
    found = _object(raw, "an output")
    labels = found.get("labels")
    if not isinstance(labels, list):
        raise CorruptError(f"the output {name[:100]!r} has no labels", code="lwtnn-bad-output")
    return present(
        name=name, shape=[len(labels)], labels=plain.copy(labels), node_index=plain.copy(found.get("node_index"))
    )


def _variable(raw: object, plain: Plain) -> dict[str, Any]:
    found = _object(raw, "a variable")
    return present(name=_name(found), **{key: plain.copy(found.get(key)) for key in ("offset", "scale", "default")})


def _layer(layer: Mapping[str, Any], plain: Plain) -> dict[str, Any]:
    activation = layer.get("activation")
    return present(
        architecture=plain.copy(layer.get("architecture")),
        activation=plain.copy(activation),
        weights=_length(layer.get("weights", [])),
        bias=_length(layer.get("bias", [])),
    )


def _length(value: object) -> int:
    return len(value) if isinstance(value, list | dict) else 0


def _count(value: object, depth: int = 0) -> int:
    """Return how many numbers there are, however nested. A list of numbers alone is counted by its length."""
    if isinstance(value, list):
        if _NUMBERS.issuperset(map(type, value)):
            return len(value)
        items: Sequence[object] = value
    elif isinstance(value, dict):
        items = list(value.values())
    else:
        return type(value) in _NUMBERS
    return sum(_count(item, depth + 1) for item in items) if depth < _MAX_DEPTH else 0


def _is_flat(inputs: Sequence[Any]) -> bool:
    """Say whether a file with nodes has inputs of the plain form nevertheless."""
    return bool(inputs) and isinstance(inputs[0], dict) and "variables" not in inputs[0]


def _object(value: object, what: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise CorruptError(f"{what} of the lwtnn file is a {type(value).__name__}, no object", code="lwtnn-bad-object")
    return value


def _name(found: Mapping[str, Any]) -> str:
    name = found.get("name")
    if not isinstance(name, str):
        raise CorruptError("an input or variable of the lwtnn file has no name", code="lwtnn-bad-input")
    return name[:4096]


def _where(values: Mapping[str, Any]) -> dict[str, str]:
    places = {"features": "inputs", "classes": "outputs", "parameters": "layers"}
    keys = ("features", "classes", "inputs", "input_sequences", "outputs", "defaults", "layers", "parameters")
    return {f"/{key}": places.get(key, key) for key in keys if key in values}
