"""How files write the preparation of a feature, as fields of ours: y = clip((x + offset) * scale), padded after."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from herdbook.model.statements import Evidence
from herdbook.service.contracts.telling import Fields, Told

WEAVER = "weaver: offset = -median, scale = norm_factor, clip = lower_bound and upper_bound, pad_value = pad"
DATA_CONFIG = "weaver: offset = -subtract_by, scale = multiply_by, clip = clip_min and clip_max, pad_value = pad_value"
STANDARD = "the mean is taken away, then it is divided by the deviation"
RANGE = "the minimum is taken away, then it is divided by the range"
Number = int | float


def plain_feature(told: Mapping[str, Any], evidence: Evidence) -> Fields:
    """Return a feature whose fields are called as ours, and the range of its training."""
    fields: Fields = {"name": Told(told["name"], evidence)} if told.get("name") else {}
    for name in ("offset", "scale", "divisor", "missing_value", "pad_value", "dtype", "definition", "transform"):
        if number(told.get(name)) or (isinstance(told.get(name), str) and told[name]):
            fields[name] = Told(told[name], evidence)
    _bounds(fields, "training_range", told.get("min"), told.get("max"), evidence)
    return fields


def weaver(name: str, told: Mapping[str, Any], evidence: Evidence) -> Fields:
    """Return a feature of weaver's preprocess.json (``var_infos``)."""
    fields = {"name": Told(name, evidence)}
    if number(told.get("median")):
        fields["offset"] = Told(0 - told["median"], evidence)
    for theirs, ours in (("norm_factor", "scale"), ("replace_inf_value", "replace_non_finite"), ("pad", "pad_value")):
        if number(told.get(theirs)):
            fields[ours] = Told(told[theirs], evidence)
    _bounds(fields, "clip", told.get("lower_bound"), told.get("upper_bound"), evidence)
    return fields


def data_config(told: Mapping[str, Any], expressions: Mapping[str, Any], evidence: Evidence) -> Fields:
    """Return a feature of weaver's data configuration; what it leaves to weaver's defaults is left out."""
    name = str(told.get("name") or "")
    fields = {"name": Told(name, evidence)} if name else {}
    if number(told.get("subtract_by")):
        fields["offset"] = Told(0 - told["subtract_by"], evidence)
    for theirs, ours in (("multiply_by", "scale"), ("pad_value", "pad_value")):
        if number(told.get(theirs)):
            fields[ours] = Told(told[theirs], evidence)
    _bounds(fields, "clip", told.get("clip_min"), told.get("clip_max"), evidence)
    if isinstance(expressions.get(name), str) and expressions[name]:
        fields["source_variable"] = Told(expressions[name], evidence)
    return fields


def scaled(told: Mapping[str, Any], evidence: Evidence) -> Fields:
    """Return a feature of a scaler: ``stdscale`` (mean, deviation) or ``minmax`` (minimum, maximum).

    A kind that is not known gives the name alone.
    """
    fields: Fields = {"name": Told(told["name"], evidence)} if told.get("name") else {}
    kind, values = str(told.get("kind") or "").lower(), list(told.get("values") or ())
    if len(values) != 2 or not all(map(number, values)):
        return fields
    rule, divisor = (STANDARD, values[1]) if kind.startswith("std") else (RANGE, values[1] - values[0])
    if not kind.startswith(("std", "minmax")) or not divisor:
        return fields
    evidence = evidence.model_copy(update={"rule": f"{kind}: {rule}"})
    return fields | {"offset": Told(0 - values[0], evidence), "divisor": Told(divisor, evidence)}


def normalised(name: str, told: Mapping[str, Any], evidence: Evidence) -> Fields:
    """Return a feature of a dictionary of ``mean`` and ``std`` (``sigma``), and of bounds of the result."""
    fields = {"name": Told(name, evidence)}
    deviation = told.get("std", told.get("sigma"))
    if number(told.get("mean")) and number(deviation) and deviation:
        fields["offset"] = Told(0 - told["mean"], evidence)
        fields["divisor"] = Told(deviation, evidence)
    _bounds(fields, "clip", told.get("min", told.get("lim_min")), told.get("max", told.get("lim_max")), evidence)
    return fields


def number(value: object) -> bool:
    """Say whether it is a finite number and no truth."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _bounds(fields: Fields, name: str, lower: object, upper: object, evidence: Evidence) -> None:
    ends = {end: value for end, value in (("lower", lower), ("upper", upper)) if number(value)}
    if ends and not (len(ends) == 2 and ends["lower"] > ends["upper"]):  # type: ignore[operator]  # both are numbers
        fields[name] = Told(ends, evidence)
