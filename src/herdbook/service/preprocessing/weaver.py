"""weaver: ``preprocess.json``, as its exporter writes it and C++ consumers read it, and the data configuration.

Sources: weaver-core 0.5 (``DataConfig``, ``_finalize_inputs``, the padding kernels), CMSSW's ``center_norm_pad`` and
``ParticleNetConstructor``. y = clip((x - median) * norm_factor), where a non-finite x was replaced first; padded with
``pad``, else 0, from ``min_length`` (or ``var_length``) on, cut at ``max_length``; tensors are (row, variable, object).
Where weaver clips nothing it writes ±1e32. CMSSW stops where ``pad`` lies outside the bounds.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from herdbook.model.base import Json
from herdbook.model.contracts import Bounds, Feature, Sequence
from herdbook.model.preprocessing import Imported, PreparedInput, PreprocessingSpec
from herdbook.service.preprocessing.building import Builder
from herdbook.service.preprocessing.refusing import Target

OBJECTS = 2
"""The axis of the objects in weaver's tensors."""
LENGTHS = ("min_length", "max_length", "var_length")
NO_BOUND = 1e32
WRAP = "wrap"
"""The only mode of padding that weaver knows beside a constant."""
MASK = "_mask"
"""How the names of variables end that weaver never standardises by itself."""
_PARAMS = {
    "center": "subtract_by", "scale": "multiply_by", "min": "clip_min", "max": "clip_max", "pad_value": "pad_value",
}  # fmt: skip


def read(values: Json) -> Imported:
    """Return the preprocessing of a ``preprocess.json`` from its facts."""
    build = Builder()
    inputs: list[PreparedInput] = []
    for index, group in enumerate(values.get("input_groups", ())):
        where = f"/input_groups/{index}"
        infos = group.get("var_infos", {})
        pad = 0 if any(group.get(name) is not None for name in LENGTHS) else None
        features = [_variable(build, name, infos, f"{where}/var_infos", pad) for name in group.get("var_names", ())]
        inputs += build.input(group.get("name"), features, _lengths(build, group, where), where)
    return build.imported(inputs, build.labels(values.get("output_names")))


def _variable(build: Builder, name: str, infos: Mapping[str, Any], where: str, pad: int | None) -> Feature | None:
    """Return a variable; ``pad`` fills up where the file does not say by what."""
    info = infos.get(name)
    if not isinstance(info, dict):
        build.warn("preprocessing-no-constants", f"{name!r} has no constants", where)
        info = {}
    at = f"{where}/{name}"
    return build.feature(
        at,
        name=name,
        offset=build.taken_away(info, "median", at),
        scale=build.number(info, "norm_factor", at),
        replace_non_finite=build.number(info, "replace_inf_value", at),
        clip=build.bounds(info, "lower_bound", "upper_bound", at),
        pad_value=build.number({"pad": pad} | dict(info), "pad", at),
    )


def _lengths(build: Builder, group: Mapping[str, Any], where: str) -> Sequence | None:
    """Return the sequence of an input that has a length; one without is flat."""
    least, most = (build.number(group, name, where) for name in ("min_length", "max_length"))
    fixed = build.number(group, "var_length", where)
    if fixed is not None:
        least = most = fixed
    if least is None and most is None:
        return None
    return build.sequence(where, axis=OBJECTS, min_length=least, max_length=most, pad_mode="constant")


def read_config(values: Json) -> Imported:
    """Return the preprocessing of weaver's data configuration from its facts.

    Defaults are weaver's own: multiply by 1, clip to [-5, 5], pad with 0; without ``subtract_by`` nothing is done but
    padding. Where weaver has written down what it worked out (``preprocess.params``), that holds. weaver turns a NaN
    into 0 after all that: ``missing_value`` is what becomes 0.
    """
    build = Builder()
    settings = values.get("preprocess", {})
    settings = settings if isinstance(settings, dict) else {}
    params = settings.get("params")
    inputs: list[PreparedInput] = []
    for index, group in enumerate(values.get("input_groups", ())):
        where = f"/input_groups/{index}"
        told = [_worked_out(each, params) if params else each for each in group.get("vars", ())]
        length = build.number(group, "length", where)
        wraps = str(group.get("pad_mode", "")).lower() == WRAP
        features = [_configured(build, each, f"{where}/vars/{number}", wraps=wraps) for number, each in enumerate(told)]
        mode = WRAP if wraps else "constant"
        sequence = (
            None
            if length is None
            else build.sequence(where, axis=OBJECTS, min_length=length, max_length=length, pad_mode=mode)
        )
        inputs += build.input(group.get("name"), features, sequence, where)
    return build.imported(inputs, build.labels(values.get("classes")))


def _worked_out(told: Mapping[str, Any], params: object) -> Mapping[str, Any]:
    """Return a variable with the constants of ``preprocess.params``, which weaver uses in place of the variable's."""
    known = params.get(told.get("name")) if isinstance(params, dict) else None
    if not isinstance(known, dict):
        return {"name": told.get("name"), "subtract_by": "auto"}  # weaver would stop there
    named = {ours: known[theirs] for theirs, ours in _PARAMS.items() if known.get(theirs) is not None}
    return {"name": told.get("name")} | named


def _configured(build: Builder, told: Mapping[str, Any], where: str, *, wraps: bool) -> Feature | None:
    name = told.get("name")
    pad = build.number(told, "pad_value", where)
    # weaver leaves zeros where it would repeat objects of a row that has none
    fields: dict[str, Any] = {"name": name, "pad_value": 0 if pad is None or wraps else pad}
    subtracted = told.get("subtract_by")
    unknown = subtracted == "auto"
    if unknown and not str(name).endswith(MASK):
        message = f"{name!r} is standardised with constants that weaver works out from data; the file has none"
        build.warn("preprocessing-automatic", message, where)
        fields["transform"] = "weaver: automatic standardisation"
    elif unknown or subtracted is None:
        fields["missing_value"] = 0
    else:
        told = {"multiply_by": 1, "clip_min": -5, "clip_max": 5} | dict(told)
        fields["offset"] = build.taken_away(told, "subtract_by", where)
        fields["scale"] = build.number(told, "multiply_by", where)
        fields["clip"] = build.bounds(told, "clip_min", "clip_max", where)
        if _may_be_zero(fields["clip"]):
            fields["missing_value"] = build.number(told, "subtract_by", where)
        else:
            build.warn("preprocessing-nan", f"weaver makes a NaN of {name!r} a 0, outside the variable's bounds", where)
    return build.feature(where, **fields)


def _may_be_zero(clip: Bounds | None) -> bool:
    """Say whether a 0 stays a 0; where it does not, no value of the variable becomes the 0 that weaver writes."""
    return clip is None or ((clip.lower is None or clip.lower <= 0) and (clip.upper is None or clip.upper >= 0))


WEAVER = Target(
    name="weaver",
    feature=frozenset({"name", "offset", "scale", "replace_non_finite", "clip", "pad_value"}),
    sequence=frozenset({"axis", "min_length", "max_length", "pad_mode"}),
)


def write(spec: PreprocessingSpec) -> str:
    """Return a ``preprocess.json`` of a spec that ``WEAVER`` took.

    Raises:
        InvalidError: naming the field that the file cannot say.
    """
    document: dict[str, Any] = {}
    labels = [label for output in spec.outputs or () for label in output.labels]
    if labels:
        document["output_names"] = labels
    document["input_names"] = [each.name for each in spec.inputs]
    for index, each in enumerate(spec.inputs):
        if each.name in document:
            WEAVER.refuse(f"/inputs/{index}/name", "an input of this name stands there already")
        document[each.name] = _group(each, f"/inputs/{index}")
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _group(given: PreparedInput, where: str) -> dict[str, Any]:
    infos: dict[str, Any] = {}
    for index, feature in enumerate(given.features):
        info = _info(feature, f"{where}/features/{index}", padded=given.sequence is not None)
        if infos.setdefault(feature.name, info) != info:
            WEAVER.refuse(f"{where}/features/{index}/name", "it has other constants further up, and one set serves all")
    return {"var_names": [feature.name for feature in given.features], "var_infos": infos} | _length(given, where)


def _info(feature: Feature, where: str, *, padded: bool) -> dict[str, Any]:
    if feature.replace_non_finite is None:
        WEAVER.refuse(f"{where}/replace_non_finite", "weaver replaces what is not finite: say by what")
    clip = feature.clip
    lower = -NO_BOUND if clip is None or clip.lower is None else clip.lower
    upper = NO_BOUND if clip is None or clip.upper is None else clip.upper
    if padded and feature.pad_value is None:
        WEAVER.refuse(f"{where}/pad_value", "what reads the file fills up with 0 where it says nothing: say by what")
    if feature.pad_value is not None and not lower <= feature.pad_value <= upper:
        WEAVER.refuse(f"{where}/pad_value", "CMSSW stops where it lies outside the bounds of clip")
    return {
        "median": 0 if feature.offset is None else 0 - feature.offset,
        "norm_factor": 1 if feature.scale is None else feature.scale,
        "replace_inf_value": feature.replace_non_finite,
        "lower_bound": lower,
        "upper_bound": upper,
    } | ({} if feature.pad_value is None else {"pad": feature.pad_value})


def _length(given: PreparedInput, where: str) -> dict[str, Any]:
    sequence = given.sequence
    if sequence is None:
        return {"var_length": None}
    if sequence.axis not in {None, OBJECTS, -1}:
        WEAVER.refuse(f"{where}/sequence/axis", "objects stand on axis 2 of weaver's tensors")
    if sequence.pad_mode == "wrap":
        WEAVER.refuse(f"{where}/sequence/pad_mode", "the file has no word for it; its readers pad with a constant")
    if sequence.min_length is None or sequence.max_length is None:
        missing = "min_length" if sequence.min_length is None else "max_length"
        WEAVER.refuse(f"{where}/sequence/{missing}", "weaver needs both lengths")
    if sequence.min_length > sequence.max_length:
        WEAVER.refuse(f"{where}/sequence/min_length", "it is above max_length, where CMSSW stops")
    if sequence.min_length == sequence.max_length:
        return {"var_length": sequence.max_length}
    return {"min_length": sequence.min_length, "max_length": sequence.max_length}
