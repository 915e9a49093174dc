"""What the facts of a Keras model's configuration are, whichever file it stands in."""

from __future__ import annotations

from collections import Counter
from typing import Any

from herdbook.kernel.canonical import SAFE_INTEGER
from herdbook.model.facts import Finding, Severity
from herdbook.plugins.formats import keras_config
from herdbook.plugins.formats.keras_config import Layer, Model, Reference
from herdbook.plugins.formats.keras_layers import RULES, Shape
from herdbook.plugins.formats.keras_shapes import batch_shape, build

COUNTED = "Model.count_params() after building from the config"
MAX_LISTED = 10_000
_OTHER_CLASSES = frozenset({
    "InputLayer", "Input", "Model", "Functional", "Sequential", "Bidirectional", "TimeDistributed", "Lambda", "RNN",
    "StackedRNNCells", "LSTMCell", "GRUCell", "SimpleRNNCell", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D", "Dot",
    "Attention", "AdditiveAttention", "GroupQueryAttention", "Normalization", "CategoryEncoding", "Discretization",
    "Hashing", "IntegerLookup", "StringLookup", "TextVectorization", "Resizing", "CenterCrop", "RandomFlip",
    "RandomRotation", "RandomZoom", "RandomCrop", "RandomContrast", "RandomTranslation", "RandomBrightness",
    "GroupNormalization", "SpectralNormalization", "EinsumDense", "LocallyConnected1D", "LocallyConnected2D",
    "CuDNNLSTM", "CuDNNGRU", "HashedCrossing", "RandomHeight", "RandomWidth", "MelSpectrogram", "TorchModuleWrapper",
    "TFSMLayer", "FlaxLayer", "JaxLayer",
})  # fmt: skip
_OPERATIONS = {
    "softmax": "Softmax", "sigmoid": "Sigmoid", "relu": "Relu", "tanh": "Tanh", "elu": "Elu", "selu": "Selu",
    "softplus": "Softplus", "softsign": "Softsign",
}  # fmt: skip


class ModelFacts:
    """Facts of one configuration.

    Args:
        content: as JSON.
        version: of Keras's spelling; 3 names the modules of classes.
    """

    def __init__(self, content: dict[str, Any], version: int = 2) -> None:
        self.content = content
        self.version = version
        self.model = keras_config.model(content)
        self.findings: list[Finding] = []
        self.built = build(self.model)

    def values(self) -> dict[str, Any]:
        """Return what the configuration says."""
        model = self.model
        values: dict[str, Any] = {
            "model_class": model.kind,
            "layers": [self._layer(each) for each in model.layers[:MAX_LISTED]],
            "operators": self._operators(),
            "lambda_layers": self._lambdas(),
            "inputs": self._inputs(),
            "outputs": self._outputs(),
            **self._made_by(),
        }
        if self.built.trained is not None and self.built.kept is not None:
            count = self.built.trained + self.built.kept
            if count <= SAFE_INTEGER:
                values |= {"parameters": count, "parameters_trainable": self.built.trained}
                values["parameters_counted"] = COUNTED
        if quantizers := list(_quantizers(model)):
            values["quantizers"] = quantizers[:MAX_LISTED]
        self._look(values)
        return values

    def _layer(self, layer: Layer) -> dict[str, Any]:
        said: dict[str, Any] = {"name": layer.name, "class": layer.kind}
        if self.version >= 3:
            said |= {"module": layer.module, "registered_name": layer.registered_name}
        return {key: value for key, value in said.items() if value is not None}

    def _operators(self) -> dict[str, int]:
        if self.version >= 3:
            return dict(Counter(f"{each.module or ''}.{each.kind}" for each in keras_config.operators(self.model)))
        return dict(Counter(f"keras.{each.kind}" for each in keras_config.operators(self.model)))

    def _lambdas(self) -> list[str]:
        return [layer.name for layer in self.model.layers if layer.kind == "Lambda"]

    def _inputs(self) -> list[dict[str, Any]]:
        model = self.model
        named = {layer.name: layer for layer in model.layers}
        if model.inputs:
            return [self._input(named[name]) for name, _, _ in model.inputs[:MAX_LISTED] if name in named]
        found = [layer for layer in model.layers if layer.kind == "InputLayer"] or model.layers[:1]
        return [self._input(each) for each in found[:MAX_LISTED] if self.version < 3 or each.kind == "InputLayer"]

    def _input(self, layer: Layer) -> dict[str, Any]:
        name = layer.name if layer.kind == "InputLayer" else f"{layer.name}_input"
        said = _tensor(name, _dtype(layer), batch_shape(layer.config))
        if self.version < 3:
            said["tensor"] = name
        return said

    def _references(self) -> list[Reference]:
        """Return the layers that give the outputs."""
        model = self.model
        return (model.outputs or [(model.layers[-1].name, 0, 0)] if model.layers else [])[:MAX_LISTED]

    def _made_by(self) -> dict[str, Any]:
        named = {layer.name: layer for layer in self.model.layers}
        found = [_activation(named[name]) if name in named else None for name, _, _ in self._references()]
        return {"made_by": found} if any(found) else {}

    def _outputs(self) -> list[dict[str, Any]]:
        named = {layer.name: layer for layer in self.model.layers}
        references = self._references()
        shapes = [*self.built.outputs, *[None] * len(references)]
        found = []
        for (name, _, _), shape in zip(references, shapes, strict=False):
            layer = named.get(name)
            said = _tensor(name, None if layer is None else self._type(layer, named), shape)
            if layer is not None and self.version < 3 and (operation := _operation(layer)) is not None:
                said["tensor"] = f"{name}/{operation}"
            found.append(said)
        return found

    def _type(self, layer: Layer, named: dict[str, Layer]) -> str | None:
        """Return the type that comes out: the layer's own, else, up the graph, that of floating inputs."""
        before = dict(zip((each.name for each in self.model.layers[1:]), self.model.layers, strict=False))
        for _ in range(len(named)):
            if (told := _dtype(layer)) is not None:
                return told if layer.kind != "InputLayer" or told.startswith(("float", "bfloat")) else None
            name = layer.calls[0][0][0] if layer.calls and layer.calls[0] else None
            follow = named.get(name) if name is not None else before.get(layer.name)
            if follow is None:
                return None
            layer = follow
        return None

    def _look(self, values: dict[str, Any]) -> None:
        """Find what would run code when the model is loaded."""
        names = list(values["lambda_layers"])
        custom: set[str] = set()
        code = bool(names)
        for told in keras_config.objects(self.content):
            kind, module = told["class_name"], told.get("module")
            if kind in {"Lambda", "__lambda__"}:
                config = told.get("config")
                inner = config.get("name") if isinstance(config, dict) else None
                names += [inner] if isinstance(inner, str) else []
                code = True
            elif ">" in str(told.get("registered_name")):
                custom.add(str(told["registered_name"]))
            elif isinstance(module, str) and module.split(".")[0] not in {"keras", "builtins", "tf_keras"}:
                custom.add(f"{module}.{kind}")
            elif kind == "function" and isinstance(told.get("config"), str):
                custom.add(f"{module}.{told['config']}")
        if self.version < 3:
            kinds = (layer.kind for layer in keras_config.operators(self.model))
            custom |= {kind for kind in kinds if kind not in _OTHER_CLASSES and not _is_plain(kind)}
        if code:
            shown = ", ".join(dict.fromkeys(names))[:500] or "in an argument"
            message = f"Lambda layers carry Python code, which runs when the model is loaded: {shown}"
            self._say("lambda-layer", Severity.WARNING, message, "/lambda_layers")
        if custom:
            values["custom_objects"] = sorted(custom)[:1000]
            message = f"classes that are not Keras's own, to be imported before loading: {', '.join(sorted(custom))}"
            self._say("custom-objects", Severity.NOTE, message[:1000], "/custom_objects")

    def _say(self, rule: str, severity: Severity, message: str, where: str) -> None:
        self.findings.append(Finding(rule=rule, severity=severity, message=message, where=where))


def _is_plain(kind: str) -> bool:
    return kind in RULES and not (kind[:1] == "Q" and kind[1:2].isupper())


def _tensor(name: str, dtype: str | None, shape: Shape) -> dict[str, Any]:
    said: dict[str, Any] = {"name": name}
    if dtype is not None:
        said["dtype"] = dtype
    if shape is not None:
        said["shape"] = list(shape)
    return said


def _dtype(layer: Layer) -> str | None:
    """Return the type that a layer computes with, of a plain name or of a policy; a mixed policy tells none."""
    told = layer.config.get("dtype")
    if isinstance(told, dict):
        told = told["config"].get("name") if isinstance(told.get("config"), dict) else None
    return told if isinstance(told, str) and not told.startswith("mixed") else None


def _operation(layer: Layer) -> str | None:
    """Return the last operation that TensorFlow's graph of this layer has, where it is plain."""
    if layer.kind == "InputLayer" or layer.kind not in {"Dense", "Activation", "QDense", "QActivation"}:
        return None
    activation = layer.config.get("activation")
    if layer.kind in {"Dense", "QDense"} and activation in {None, "linear"}:
        return "BiasAdd" if layer.config.get("use_bias", True) else "MatMul"
    return _OPERATIONS.get(activation) if isinstance(activation, str) else None


def _activation(layer: Layer) -> str | None:
    """Return what is done to the values last, where the layer says it by name."""
    told = "softmax" if layer.kind == "Softmax" else layer.config.get("activation")
    return told if isinstance(told, str) and told.isidentifier() else None


def _quantizers(model: Model) -> Any:  # noqa: ANN401 - a generator of plain values
    """Yield each layer's quantisers (QKeras): what they quantise, their class, and their plain settings."""
    for layer in keras_config.operators(model):
        for key, told in layer.config.items():
            if not key.endswith("quantizer") and not (key == "activation" and layer.kind.startswith("Q")):
                continue
            said = {"layer": layer.name, "of": key.removesuffix("_quantizer")}
            if isinstance(told, dict) and isinstance(told.get("class_name"), str):
                config: Any = told.get("config") if isinstance(told.get("config"), dict) else {}
                plain = {name: value for name, value in config.items() if isinstance(value, int | float | str | bool)}
                yield {**said, "class": told["class_name"], "settings": plain}
            elif isinstance(told, str) and "(" in told:
                yield {**said, "text": told[:200]}
