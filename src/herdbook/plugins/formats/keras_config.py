"""The configuration of a Keras model, in the spellings of Keras 1, 2 and 3, as one plain value.

Source: `get_config` and `from_config` of Sequential and Functional in tf_keras 2.21 and Keras 3.15.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from herdbook.kernel.errors import CorruptError, InvalidError

MAX_LAYERS = 100_000
_MAX_DEPTH = 200
_HOLDERS = (dict, list)

Reference = tuple[str, int, int]
"""A layer's name, which of its calls, and which of the outputs of that call."""
Told = dict[Reference, tuple[int | None, ...]]
"""Shapes of tensors that the configuration itself names, as Keras 3 does where a layer takes one."""


@dataclass
class Layer:
    """A layer: its class, what it was told, and the tensors of each of its calls."""

    name: str
    kind: str
    config: dict[str, Any]
    module: str | None = None
    registered_name: str | None = None
    calls: list[list[Reference]] = field(default_factory=list)
    inner: Model | None = None


@dataclass
class Model:
    """A model: its layers in the file's order, and which tensors go in and come out."""

    kind: str
    layers: list[Layer]
    sequential: bool
    inputs: list[Reference]
    outputs: list[Reference]
    told: Told = field(default_factory=dict)


def fits(content: Any) -> bool:  # noqa: ANN401 - any JSON
    """Say whether JSON is the configuration of a model."""
    if not isinstance(content, dict) or not isinstance(content.get("class_name"), str):
        return False
    layers = _layers(content)
    return layers is not None and all(isinstance(each, dict) and "class_name" in each for each in layers[:100])


def _layers(content: dict[str, Any]) -> list[Any] | None:
    config = content.get("config")
    layers = config.get("layers") if isinstance(config, dict) else config
    return layers if isinstance(layers, list) else None


def model(content: Any, depth: int = 0) -> Model:  # noqa: ANN401 - any JSON
    """Return the model that a configuration describes.

    Raises:
        CorruptError: when it describes none.
        InvalidError: when models are nested too deep, or there are too many layers.
    """
    told = _layers(content) if isinstance(content, dict) else None
    if told is None:
        raise CorruptError("the configuration names no layers", code="keras-no-layers")
    if depth > 20 or len(told) > MAX_LAYERS:
        raise InvalidError(
            "the model is nested deeper, or has more layers, than this reader goes", code="too-many-layers"
        )
    shapes: Told = {}
    layers = [_layer(each, depth, shapes) for each in told if isinstance(each, dict)]
    config = content["config"] if isinstance(content["config"], dict) else {}
    kind = str(content.get("class_name", ""))
    ends = [list(references(config.get(name))) for name in ("input_layers", "output_layers")]
    return Model(kind, layers, sequential=not ends[1], inputs=ends[0], outputs=ends[1], told=shapes)


def _layer(told: dict[str, Any], depth: int, shapes: Told) -> Layer:
    config = told.get("config")
    config = config if isinstance(config, dict) else {}
    name = config.get("name", told.get("name"))
    found = Layer(
        name=name if isinstance(name, str) else "",
        kind=str(told.get("class_name", "")),
        config=config,
        module=_string(told.get("module")),
        registered_name=_string(told.get("registered_name")),
    )
    calls = told.get("inbound_nodes")
    found.calls = [_call(call, shapes) for call in calls] if isinstance(calls, list) else []
    if calls and len(found.calls) > 1 and not any(found.calls):
        found.calls = [list(references(calls))]  # one call of one tensor, written without its outer list
    if _layers(told) is not None:
        found.inner = model(told, depth + 1)
    return found


def _call(told: Any, shapes: Told) -> list[Reference]:  # noqa: ANN401 - any JSON
    """Return the tensors of one call; of those that Keras 3 names, only what goes through the layer, no masks."""
    for each in objects(told):
        config: Any = each.get("config")
        shape = config.get("shape") if isinstance(config, dict) and each["class_name"] == "__keras_tensor__" else None
        if isinstance(shape, list) and all(axis is None or type(axis) is int for axis in shape):
            shapes |= dict.fromkeys(references(config.get("keras_history")), tuple(shape))
    if isinstance(told, dict) and "args" in told:
        more: Any = told.get("kwargs") if isinstance(told.get("kwargs"), dict) else {}
        named = [more[name] for name in ("inputs", "query", "value", "key") if name in more]
        return list(references([told["args"], named]))
    return list(references(told))


def _string(value: object) -> str | None:
    return value if isinstance(value, str) else None


def references(told: Any, depth: int = 0) -> Iterator[Reference]:  # noqa: ANN401 - any JSON
    """Yield the tensors that a piece of configuration refers to, in their order.

    Keras 2 writes `[layer, call, output, arguments]`, Keras 3 `keras_history` in an object.
    """
    if depth > _MAX_DEPTH:
        return
    if isinstance(told, dict):
        history = told["config"].get("keras_history") if isinstance(told.get("config"), dict) else None
        if told.get("class_name") == "__keras_tensor__" and history is not None:
            yield from references(history, depth + 1)
            return
        for each in told.values():
            yield from references(each, depth + 1)
    elif isinstance(told, list):
        if len(told) in {3, 4} and isinstance(told[0], str) and all(isinstance(each, int) for each in told[1:3]):
            yield told[0], told[1], told[2]
            yield from references(told[3:], depth + 1)
            return
        for each in told:
            yield from references(each, depth + 1)


def operators(found: Model) -> Iterator[Layer]:
    """Yield the layers, those of inner models after the layer that holds them."""
    for layer in found.layers:
        yield layer
        if layer.inner is not None:
            yield from operators(layer.inner)


def objects(told: Any, depth: int = 0) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - any JSON
    """Yield every object of a configuration that names a class."""
    if depth > _MAX_DEPTH or not isinstance(told, _HOLDERS):
        return
    inside: Iterable[Any] = told
    if isinstance(told, dict):
        if isinstance(told.get("class_name"), str):
            yield told
        inside = told.values()
    for each in inside:
        if isinstance(each, _HOLDERS):  # most are numbers and texts
            yield from objects(each, depth + 1)
