"""weaver's data configuration (YAML): inputs with variables and constants, new variables, labels, observers.

Source: the comments of weaver-core's example configurations: a variable is a name, or a list `[name, subtract_by,
multiply_by, clip_min, clip_max, pad_value]` of which the end may be left out. A `subtract_by` that is null means no
transformation; one that is left out means the same with `preprocess.method: manual`, and `auto` with `auto`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from herdbook.kernel.errors import CorruptError
from herdbook.plugins.formats.contents import Content
from herdbook.plugins.formats.plain_values import Plain, present
from herdbook.ports.formats import Listing

_VARIABLE = ("name", "subtract_by", "multiply_by", "clip_min", "clip_max", "pad_value")


def fits(content: Any, path: str) -> bool:  # noqa: ANN401, ARG001 - a kind is asked about anything
    """Say whether it has inputs, each with variables."""
    inputs = content.get("inputs") if isinstance(content, dict) else None
    return (
        isinstance(inputs, dict)
        and bool(inputs)
        and all(isinstance(each, dict) and isinstance(each.get("vars"), list) for each in inputs.values())
    )


def read(content: Mapping[str, Any], path: str, listing: Listing) -> Content:  # noqa: ARG001 - the signature of a kind
    """Read inputs with their variables, labels and everything that computes variables.

    Raises:
        CorruptError: when a variable is neither a name nor a list.
    """
    plain = Plain()
    settings = content.get("preprocess")
    method = settings.get("method") if isinstance(settings, dict) else None
    automatic = str(method).lower().startswith("auto")
    groups = [_group(name, each, plain, automatic=automatic) for name, each in content["inputs"].items()]
    labels = content.get("labels")
    labels = labels if isinstance(labels, dict) else {}
    value = labels.get("value")
    kept = (
        "preprocess",
        "new_variables",
        "observers",
        "selection",
        "test_time_selection",
        "treename",
        "monitor_variables",
    )
    values = present(
        inputs=[{"name": group["name"]} for group in groups],
        input_groups=groups,
        label_type=plain.copy(labels.get("type")),
        classes=plain.copy(value) if isinstance(value, list) else None,
        label_definitions=plain.copy(value) if isinstance(value, dict) else None,
        weights=plain.copy(content.get("weights")),
        **{key: plain.copy(content.get(key)) for key in kept},
    )
    return Content(
        format="weaver-data-config", values=values, where={"/input_groups": "inputs"}, findings=plain.findings()
    )


def _group(name: str, raw: Mapping[str, Any], plain: Plain, *, automatic: bool) -> dict[str, Any]:
    return present(
        name=name,
        length=plain.copy(raw.get("length")),
        pad_mode=plain.copy(raw.get("pad_mode")),
        vars=[_variable(each, plain, automatic=automatic) for each in raw["vars"]],
    )


def _variable(raw: object, plain: Plain, *, automatic: bool) -> dict[str, Any]:
    """Return a variable; where weaver takes "auto" for a `subtract_by` that is left out, so is it here."""
    parts = raw if isinstance(raw, list) else [raw]
    if automatic and len(parts) == 1:
        parts = [*parts, "auto"]
    if not parts or not isinstance(parts[0], str) or len(parts) > len(_VARIABLE):
        raise CorruptError(f"{str(raw)[:100]!r} is no variable of weaver", code="weaver-bad-input")
    return present(**dict(zip(_VARIABLE, (plain.copy(part) for part in parts), strict=False)))
