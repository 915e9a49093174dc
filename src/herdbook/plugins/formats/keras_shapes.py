"""Shapes and numbers of weights of a whole Keras model, layer by layer, from its configuration alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from herdbook.plugins.formats.keras_config import Layer, Model
from herdbook.plugins.formats.keras_layers import RULES, Done, Shape, Unknown

_MAX_DEPTH = 20
_MAX_STEPS = 200_000
_MAX_AXIS = 1 << 53
_WITHOUT_WEIGHTS = frozenset({"Lambda", "TFOpLambda", "SlicingOpLambda", "TensorFlowOpLayer"})
"""Layers of any operation: what they make of shapes is their code's affair."""


@dataclass
class Built:
    """What is known of a model: its outputs' shapes, the types of its tensors, and the weights of its layers."""

    outputs: list[Shape] = field(default_factory=list)
    trained: int | None = 0
    kept: int | None = 0

    def add(self, done: Done, *, trainable: bool) -> None:
        """Add a layer's weights; one that is not known makes the sum unknown."""
        if done.trained is None or done.kept is None or self.trained is None or self.kept is None:
            self.trained = self.kept = None
            return
        self.trained += done.trained if trainable else 0
        self.kept += done.kept + (0 if trainable else done.trained)


def batch_shape(config: dict[str, Any]) -> Shape:
    """Return the shape of the batches that a layer says it takes; ``None`` where it does not."""
    told = config.get("batch_shape", config.get("batch_input_shape"))
    if isinstance(told, list) and told and all(each is None or type(each) is int for each in told):
        return tuple(told)
    return None


@dataclass
class _Budget:
    """How many steps are left for a model and all that are inside it, which call one another again and again."""

    left: int = _MAX_STEPS


def build(model: Model, given: list[Shape] | None = None, budget: _Budget | None = None) -> Built:
    """Follow the model's tensors and return what is known.

    Args:
        model: what was configured.
        given: shapes of what goes in, where the model is a layer of another.
        budget: of the model that it is inside of.
    """
    return _Builder(model, given, budget or _Budget()).built()


class _Builder:
    def __init__(self, model: Model, given: list[Shape] | None, budget: _Budget) -> None:
        self._model = model
        self._budget = budget
        self._given = given
        self._layers = {layer.name: layer for layer in reversed(model.layers)}
        self._known: dict[tuple[str, int], list[Shape]] = {}
        self._weights: dict[str, Done] = {}

    def built(self) -> Built:
        """Return what is known of the whole model."""
        model = self._model
        found = Built()
        if model.sequential:
            found.outputs = self._chain()
        else:
            for index, (name, _, _) in enumerate(model.inputs):
                if self._given is not None and index < len(self._given):
                    self._known[name, 0] = [self._given[index]]
            for layer in model.layers:
                self._follow((layer.name, 0))
            found.outputs = [self._tensor(each) for each in model.outputs]
        for layer in model.layers:
            done = self._weights.get(layer.name, Done([], None, None))
            if layer.kind != "InputLayer":
                found.add(done, trainable=layer.config.get("trainable", True) is not False)
        return found

    def _chain(self) -> list[Shape]:
        """Return what comes out of layers that follow one another."""
        shapes: list[Shape] = list(self._given or [])
        for layer in self._model.layers:
            told = batch_shape(layer.config)
            if not shapes and told is not None:
                shapes = [told]
            done = self._done(layer, shapes)
            if layer.kind != "InputLayer":
                self._weights[layer.name] = done
                shapes = done.shapes[:1]
        return shapes or [None]

    def _tensor(self, reference: tuple[str, int, int]) -> Shape:
        name, call, output = reference
        shapes = self._known.get((name, call), [])
        found = shapes[output] if 0 <= output < len(shapes) else None
        return self._model.told.get(reference) if found is None else found

    def _follow(self, wanted: tuple[str, int]) -> None:
        """Follow the tensors that lead to a call of a layer; what leads to itself stays unknown."""
        todo, seen = [wanted], set[tuple[str, int]]()
        while todo and self._budget.left > 0:
            current = todo[-1]
            layer = self._layers.get(current[0])
            self._budget.left -= 1
            if current in self._known or layer is None:
                todo.pop()
                continue
            call = layer.calls[current[1]] if 0 <= current[1] < len(layer.calls) else []
            if current not in seen:
                seen.add(current)
                missing = {(name, number) for name, number, _ in call} - self._known.keys() - seen
                if missing:
                    todo += missing
                    continue
            todo.pop()
            done = self._done(layer, [self._tensor(each) for each in call])
            self._known[current] = done.shapes
            self._weights.setdefault(layer.name, done)

    def _done(self, layer: Layer, shapes: list[Shape]) -> Done:
        if layer.kind == "InputLayer":
            return Done([shapes[0] if shapes and shapes[0] else batch_shape(layer.config)])
        self._budget.left -= 1
        if self._budget.left < 0:
            return Done([None], None, None)
        if layer.inner is not None:
            inner = build(layer.inner, shapes or None, self._budget)
            return Done(inner.outputs, inner.trained, inner.kept)
        if layer.kind in _WITHOUT_WEIGHTS or (layer.module or "").startswith("keras.src.ops"):
            return Done([None])
        return apply(layer.kind, layer.config, shapes)


def apply(kind: str, config: dict[str, Any], shapes: list[Shape], depth: int = 0) -> Done:
    """Return what a layer of this class makes of these shapes; unknown where nobody can tell."""
    nothing = Done([None], None, None)
    try:
        if kind in {"Bidirectional", "TimeDistributed"} and depth < _MAX_DEPTH:
            return _wrapped(kind, config, shapes, depth)
        rule = RULES.get(kind)
        done = rule(config, shapes) if rule is not None else nothing
    except Unknown:
        return nothing
    except (KeyError, IndexError, TypeError, ValueError, ZeroDivisionError, OverflowError, AttributeError):
        return nothing  # the configuration does not fit its class
    plain = all(axis is None or 0 <= axis < _MAX_AXIS for shape in done.shapes for axis in shape or ())
    return done if plain and (done.trained or 0) < _MAX_AXIS**2 else nothing


def _wrapped(kind: str, config: dict[str, Any], shapes: list[Shape], depth: int) -> Done:
    inner = config["layer"]
    told = inner["config"]
    shape = shapes[0]
    if shape is None:
        raise Unknown
    if kind == "TimeDistributed":
        done = apply(inner["class_name"], told, [(shape[0], *shape[2:])], depth + 1)
        made = done.shapes[0]
        return replace(done, shapes=[None if made is None else (made[0], shape[1], *made[1:])])
    mode, back = config.get("merge_mode", "concat"), config.get("backward_layer")
    both = [apply(each["class_name"], each["config"], shapes, depth + 1) for each in (inner, back) if each is not None]
    both += both[: 2 - len(both)]
    made = both[0].shapes[0]
    if mode is None or made is None or len(both[0].shapes) > 1 or both[1].shapes != both[0].shapes:
        raise Unknown
    if mode == "concat":
        made = (*made[:-1], None if made[-1] is None else 2 * made[-1])
    return Done([made], _sum(each.trained for each in both), _sum(each.kept for each in both))


def _sum(counts: Iterable[int | None]) -> int:
    found = list(counts)
    if None in found:
        raise Unknown
    return sum(each or 0 for each in found)
