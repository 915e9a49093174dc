"""hls4ml's configuration: backend, part, clock, how inputs and outputs stream, and the precision of each layer.

Source: "Configuration" in hls4ml's documentation, and what hls4ml 1.x writes as `hls4ml_config.yml`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from herdbook.plugins.formats import fixed_point
from herdbook.plugins.formats.contents import Content
from herdbook.plugins.formats.plain_values import Plain, present
from herdbook.ports.formats import Listing

_TOOL: tuple[str, ...] = ("Backend", "Part", "ClockPeriod", "IOType", "OutputDir", "ProjectName")
_TOOL += ("KerasJson", "KerasH5", "OnnxModel", "PytorchModel", "XilinxPart", "FPGAPart")
_MORE = {
    "ClockUncertainty": "clock_uncertainty",
    "Version": "project_version",
    "Stamp": "project_stamp",
    "InputShapes": "input_shapes",
    "OutputShapes": "output_shapes",
    "KerasModel": "keras_model",
    "InputData": "input_data",
    "OutputPredictions": "output_predictions",
    "WriterConfig": "writer",
}


def fits(content: Any, path: str) -> bool:  # noqa: ANN401, ARG001 - a kind is asked about anything
    """Say whether it configures a model and names a backend, a project or a folder of output."""
    if not isinstance(content, dict) or not isinstance(content.get("HLSConfig"), dict):
        return False
    return bool({"Backend", "ProjectName", "OutputDir", "IOType", "Part", "XilinxPart"} & set(content))


def read(content: Mapping[str, Any], path: str, listing: Listing) -> Content:  # noqa: ARG001 - the signature of a kind
    """Read the project's settings, the model's and those of each layer, and every fixed-point type."""
    plain = Plain()
    model = content["HLSConfig"].get("Model")
    layers = content["HLSConfig"].get("LayerName")
    kinds = content["HLSConfig"].get("LayerType")
    layers = layers if isinstance(layers, dict) else {}
    values = present(
        hls4ml={key: plain.copy(content[key]) for key in _TOOL if content.get(key) is not None},
        model_config=plain.copy(model if isinstance(model, dict) else {}),
        layer_names=sorted(layers),
        layers=plain.copy(layers) or None,
        layer_types=plain.copy(kinds) if isinstance(kinds, dict) and kinds else None,
        **{name: plain.copy(content.get(key)) for key, name in _MORE.items()},
    )
    types = list(_types({"model": model, "layers": layers}))
    values["fixed_point"] = [present(at=at, **parsed) for at, parsed in types[:10_000]]
    return Content(format="hls4ml-config", values=values, findings=plain.findings())


def _types(value: object, at: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every text that is a type of numbers, with the keys that lead to it."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _types(item, f"{at}/{key}" if at else str(key))
    elif isinstance(value, str) and (parsed := fixed_point.parse(value)):
        yield at, parsed
