"""Triton's `config.pbtxt`: what a model's server promises, and the checksums that it insists on.

Source: `model_config.proto` of the Triton Inference Server. Fields that the file leaves out have protobuf's defaults:
an empty `name`, a `max_batch_size` of 0.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from typing import Any

from herdbook.kernel.errors import CorruptError
from herdbook.model.facts import Finding, Severity
from herdbook.plugins.formats import protobuf_text
from herdbook.plugins.formats.contents import Content
from herdbook.plugins.formats.plain_values import present
from herdbook.plugins.formats.protobuf_text import Message
from herdbook.plugins.formats.text_file import TextFile
from herdbook.ports.formats import Listing

FORMAT = "triton-config"
MAX_SIZE = 1024 * 1024
_NAMES = re.compile(r"(?:.*[._-])?config[^/]*\.pbtxt")
_TELLING = re.compile(rb"^\s*(?:platform|backend|max_batch_size|input|output)\s*[:\[{]", re.MULTILINE)
_DTYPES = {
    "TYPE_BOOL": "bool",
    "TYPE_STRING": "str",
    "TYPE_BF16": "bfloat16",
    **{f"TYPE_FP{bits}": f"float{bits}" for bits in (16, 32, 64)},
    **{f"TYPE_{sign}INT{bits}": f"{sign.lower()}int{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64)},
}
_NUMBERS = ("TYPE_INVALID", "TYPE_BOOL", *(f"TYPE_{sign}INT{bits}" for sign in ("U", "") for bits in (8, 16, 32, 64)))
_NUMBERS += ("TYPE_FP16", "TYPE_FP32", "TYPE_FP64", "TYPE_STRING", "TYPE_BF16")
"""Names of the enum's numbers."""


def fits(content: Any, path: str) -> bool:  # noqa: ANN401 - a kind is asked about anything
    """Say whether it is called a configuration, or has the fields of one on lines of their own."""
    if not isinstance(content, TextFile):
        return False
    name = posixpath.basename(path).lower()
    if _NAMES.fullmatch(name):
        return True
    return name.endswith(".pbtxt") and len(set(_TELLING.findall(content.data[:16384]))) >= 3


def read(content: TextFile, path: str, listing: Listing) -> Content:  # noqa: ARG001 - the same for every kind
    """Read names, dims, dtypes, batching, checksums, instances and parameters.

    Raises:
        CorruptError: when it is not protobuf's text format, or has a message where a value should be.
        InvalidError: when it goes beyond the limits of the parser.
    """
    if len(content.data) > MAX_SIZE:
        raise CorruptError(f"{path} has {len(content.data)} bytes of configuration", code="too-large")
    config = protobuf_text.parse(content.data)
    values = present(
        name=config.text("name") or "",
        platform=config.text("platform") or None,
        backend=config.text("backend") or None,
        max_batch_size=config.number("max_batch_size") or 0,
        inputs=[_input(each) for each in config.messages("input")],
        outputs=[_output(each) for each in config.messages("output")],
        checksums=dict(_checksums(config)),
        default_model_filename=config.text("default_model_filename") or None,
        parameters_declared=dict(_parameters(config)),
        instance_groups=[_instances(each) for each in config.messages("instance_group")] or None,
        version_policy=_policy(config),
        scheduling=sorted({field.name for field in config.fields} & _SCHEDULING) or None,
        ensemble=[_step(each) for stage in config.messages("ensemble_scheduling") for each in stage.messages("step")]
        or None,
    )
    where = {
        f"/{_PLACES[field.name]}": f"line {field.line}" for field in reversed(config.fields) if field.name in _PLACES
    }
    return Content(format=FORMAT, values=values, where=where, findings=tuple(_findings(values)))


_SCHEDULING = frozenset({"dynamic_batching", "sequence_batching", "ensemble_scheduling"})
_PLACES = {name: name for name in ("name", "platform", "backend", "max_batch_size", "default_model_filename")} | {
    "input": "inputs",
    "output": "outputs",
    "model_repository_agents": "checksums",
    "parameters": "parameters_declared",
    "instance_group": "instance_groups",
}


def _tensor(raw: Message) -> dict[str, Any]:
    reshape = raw.messages("reshape")
    return present(
        name=raw.text("name") or "",
        dtype=_dtype(raw),
        shape=raw.numbers("dims"),
        reshape=reshape[-1].numbers("shape") if reshape else None,
        is_shape_tensor=raw.flag("is_shape_tensor") or None,
    )


def _input(raw: Message) -> dict[str, Any]:
    layout = raw.text("format")
    return _tensor(raw) | present(
        ragged=raw.flag("allow_ragged_batch") or None,
        optional=raw.flag("optional") or None,
        layout=layout if layout != "FORMAT_NONE" else None,
    )


def _output(raw: Message) -> dict[str, Any]:
    return _tensor(raw) | present(label_filename=raw.text("label_filename") or None)


def _dtype(raw: Message) -> str | None:
    """Return numpy's name; a type that is not known as the file has it."""
    number = raw.number("data_type")
    name = _NUMBERS[number] if number is not None and 0 <= number < len(_NUMBERS) else raw.text("data_type")
    return None if name in {None, "TYPE_INVALID"} else _DTYPES.get(str(name), name)


def _pairs(raw: Message) -> Iterator[tuple[str, Message | str | None]]:
    """Yield the entries of a map, `parameters { key: … value: … }`."""
    for entry in raw.messages("parameters"):
        messages = entry.messages("value")
        yield entry.text("key") or "", messages[-1] if messages else entry.text("value")


def _checksums(config: Message) -> Iterator[tuple[str, str]]:
    for agents in config.messages("model_repository_agents"):
        for agent in agents.messages("agents"):
            for key, value in _pairs(agent):
                yield key, value if isinstance(value, str) else ""


def _parameters(config: Message) -> Iterator[tuple[str, str]]:
    for key, value in _pairs(config):
        yield key, (value.text("string_value") or "") if isinstance(value, Message) else (value or "")


def _instances(raw: Message) -> dict[str, Any]:
    return present(
        name=raw.text("name"), kind=raw.text("kind"), count=raw.number("count"), gpus=raw.numbers("gpus") or None
    )


def _policy(config: Message) -> dict[str, Any] | None:
    found = config.messages("version_policy")
    if not found:
        return None
    policy: dict[str, Any] = {}
    for field in found[-1].fields:
        if isinstance(field.value, Message):
            inner = {"num_versions": field.value.number("num_versions"), "versions": field.value.numbers("versions")}
            policy[field.name] = {key: value for key, value in inner.items() if value}
    return policy


def _step(raw: Message) -> dict[str, Any]:
    return present(
        model=raw.text("model_name"),
        version=raw.number("model_version"),
        inputs={entry.text("key") or "": entry.text("value") or "" for entry in raw.messages("input_map")},
        outputs={entry.text("key") or "": entry.text("value") or "" for entry in raw.messages("output_map")},
    )


def _findings(values: dict[str, Any]) -> Iterator[Finding]:
    for side in ("inputs", "outputs"):
        names = [each["name"] for each in values[side]]
        for name in sorted({name for name in names if names.count(name) > 1}):
            message = f"the name {name[:100]!r} stands twice"
            yield Finding(rule="triton-name-twice", severity=Severity.WARNING, message=message, where=f"/{side}")
