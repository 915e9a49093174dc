"""`gnn_config`: what salt writes into the metadata of an ONNX model for Athena.

Source: what salt's exporter writes (`onnx_model_version` "v1"): a JSON object with `inputs` and `input_sequences`, each
with `variables` of name, offset and scale, `output_names`, `model_name`, `salt_export_hash`, and the training's
`config.yaml` and `metadata.yaml`. Version 0 has `outputs` in place of `output_names`, as lwtnn's graphs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from herdbook.kernel.errors import CorruptError, InvalidError
from herdbook.plugins.formats.json_text import parse
from herdbook.plugins.formats.plain_values import Plain, present

MAX_SIZE = 1024 * 1024
_TEXTS = {
    "model_name": "model_name",
    "onnx_model_version": "onnx_model_version",
    "salt_export_hash": "export_hash",
    "ckpt_path": "checkpoint",
    "output_names": "output_names",
    "combine_outputs": "combine_outputs",
    "rename_outputs": "rename_outputs",
}
_VERSIONS = ("salt_hash", "salt_version", "torch_version", "lightning_version", "cuda_version", "hostname", "timestamp")


def read(text: str) -> dict[str, Any]:
    """Return inputs with their variables, sequences, outputs, versions and hashes.

    Args:
        text: the value of `gnn_config`.

    Raises:
        CorruptError: when it is not JSON, or no object.
        InvalidError: when it is longer than 1 MiB.
    """
    if len(text) > MAX_SIZE:
        raise InvalidError(f"gnn_config has {len(text)} characters", code="too-large")
    found = parse(text.encode("utf-8", "surrogatepass"), "gnn_config")
    if not isinstance(found, dict):
        raise CorruptError("gnn_config is no JSON object", code="salt-bad-config")
    plain = Plain()
    config, metadata = _object(found.get("config.yaml")), _object(found.get("metadata.yaml"))
    outputs = _object(found.get("outputs"))
    values = present(
        inputs=[_input(each, plain) for each in _list(found.get("inputs"))],
        input_sequences=[_input(each, plain) for each in _list(found.get("input_sequences"))],
        outputs=[_output(name, _object(each), plain) for name, each in sorted(outputs.items())] or None,
        **{name: plain.copy(found.get(key)) for key, name in _TEXTS.items()},
        versions={key: plain.copy(metadata[key]) for key in _VERSIONS if metadata.get(key) is not None} or None,
        training=_training(config, metadata, plain) or None,
        cut=True if plain.cut else None,
    )
    return {
        key: value for key, value in values.items() if value not in ([], {}) or key in {"inputs", "input_sequences"}
    }


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> Sequence[Mapping[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _input(raw: Mapping[str, Any], plain: Plain) -> dict[str, Any]:
    variables = [
        present(**{key: plain.copy(each.get(key)) for key in ("name", "offset", "scale", "default")})
        for each in _list(raw.get("variables"))
    ]
    return present(name=plain.copy(raw.get("name")), variables=variables)


def _output(name: str, raw: Mapping[str, Any], plain: Plain) -> dict[str, Any]:
    return present(
        name=plain.copy(name), labels=plain.copy(raw.get("labels")), node_index=plain.copy(raw.get("node_index"))
    )


def _training(config: Mapping[str, Any], metadata: Mapping[str, Any], plain: Plain) -> dict[str, Any]:
    """Return which files and variables the training's configuration and its record name."""
    data = _object(config.get("data"))
    keys = ("train_file", "val_file", "norm_dict", "class_dict", "num_train", "num_val", "batch_size", "variables")
    return present(
        name=plain.copy(config.get("name")),
        seed=plain.copy(config.get("seed_everything")),
        **{key: plain.copy(data.get(key)) for key in keys},
        object_classes=plain.copy(metadata.get("object_classes")),
        log_url=plain.copy(metadata.get("log_url")),
    )
