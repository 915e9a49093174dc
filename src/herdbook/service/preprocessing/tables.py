"""Files that hold one row of constants for each variable: ``scaler.txt``, dictionaries of normalisation, TMVA's XML.

Sources: scaler (CMSSW's ``EgammaDNNHelper``): ``stdscale`` is mean and standard deviation, y = (x - mean) / std;
``minmax`` the ends of the range, y = (x - min) / (max - min); ``custom1`` likewise, y = 2 (x - min) / (max - min) - 1;
``none`` is nothing.
Dictionaries (CMSSW's ``L2TauTagNNProducer``): y = clip((x - mean) / std). TMVA (``VariableNormalizeTransform``):
y = 2 (x - min) / (max - min) - 1; ``Min`` and ``Max`` of a variable are the range of its training and prepare nothing.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from herdbook.kernel import units
from herdbook.kernel.errors import InvalidError
from herdbook.model.base import Json
from herdbook.model.contracts import Feature
from herdbook.model.preprocessing import Imported
from herdbook.service.preprocessing.building import UNNAMED, Builder

_ALL_EVENTS = re.compile(r"(N|Norm|Normali[sz]e)(\([^()]*\))?(_AllClasses)?", re.IGNORECASE)
"""``VarTransform`` of normalisation over all events, of all variables or of those in parentheses."""
_FLT_MAX = 3.4e38
_BY_CLASS = "Likelihood"
"""The method that transforms an event twice, with the ranges of signal and with those of background."""


def read_scaler(values: Json) -> Imported:
    """Return the preprocessing of a ``scaler.txt`` from its facts."""
    build = Builder()
    told = values.get("features", ())
    features = [_scaled(build, each, f"/features/{index}") for index, each in enumerate(told)]
    unknown = Counter(each.transform for each in features if each and each.transform)
    for transform, count in unknown.items():
        names = [each.name for each in features if each and each.transform == transform]
        said = ", ".join(names[:5]) + (f" and {count - 5} more" if count > 5 else "")
        build.warn("preprocessing-unknown-kind", f"{transform} is not known: {said}", "/features")
    return build.imported(build.input(UNNAMED, features, None, "/features"), None)


def _scaled(build: Builder, told: Mapping[str, Any], where: str) -> Feature | None:
    name, kind, values = told.get("name"), str(told.get("kind", "")).lower(), told.get("values", ())
    first, second = (
        (build.number({"values": each}, "values", where) for each in values) if len(values) == 2 else (None, None)
    )
    if kind == "none":
        return build.feature(where, name=name)
    if first is None or second is None or kind not in {"stdscale", "minmax", "custom1"}:
        return build.feature(where, name=name, transform=f"scaler: {kind or 'unknown'}")
    if kind == "custom1":
        return build.feature(where, name=name, offset=0 - (first + second) / 2, divisor=(second - first) / 2)
    divisor = second if kind == "stdscale" else second - first
    return build.feature(where, name=name, offset=0 - first, divisor=divisor)


def read_normalisation(values: Json) -> Imported:
    """Return the preprocessing of a dictionary of normalisation; each group (and cell) is an input."""
    build = Builder()
    groups: dict[str, list[Feature | None]] = {}
    for index, each in enumerate(values.get("features", ())):
        name = "/".join(str(each[key]) for key in ("group", "cell") if each.get(key)) or UNNAMED
        groups.setdefault(name, []).append(_normalised(build, each, f"/features/{index}"))
    inputs = [each for name, features in groups.items() for each in build.input(name, features, None, "/features")]
    return build.imported(inputs, None)


def _normalised(build: Builder, told: Mapping[str, Any], where: str) -> Feature | None:
    name = told.get("name")
    lower, upper = ("lim_min", "lim_max") if "lim_min" in told or "lim_max" in told else ("min", "max")
    fields: dict[str, Any] = {"name": name, "clip": build.bounds(told, lower, upper, where)}
    width = next((key for key in ("std", "sigma") if key in told), None)
    if "mean" in told and width:
        fields["offset"] = build.taken_away(told, "mean", where)
        fields["divisor"] = build.number(told, width, where)
    elif told.keys() & {"mean", "shift", "scale"}:
        said = ", ".join(sorted(told.keys() - {"name", "group", "cell"}))
        message = f"{name!r} has {said}: the file does not say whether that multiplies or divides"
        build.warn("preprocessing-unknown-kind", message, where)
        fields = {"name": name, "transform": f"normalisation by {said}"}
    return build.feature(where, **fields)


def read_tmva(values: Json) -> Imported:
    """Return the variables of a TMVA method, with what its transformations say that can be said in one formula.

    Of normalisation by ranges for each class the last is taken, which is all events together: what TMVA applies where
    the option ``VarTransform`` names no class.
    """
    build = Builder()
    told = values.get("features", ())
    prepared = _transformed(build, values, told)
    features = [_variable(build, each, prepared[index], f"/features/{index}") for index, each in enumerate(told)]
    return build.imported(build.input(UNNAMED, features, None, "/features"), build.labels(values.get("classes")))


def _variable(build: Builder, told: Mapping[str, Any], prepared: Mapping[str, Any], where: str) -> Feature | None:
    unit = told.get("unit")
    try:
        unit = units.check(unit) if unit else None
    except InvalidError:
        build.warn(
            "preprocessing-unit", f"{told.get('name')!r} is in {unit!r}, which is no unit of UCUM", f"{where}/unit"
        )
        unit = None
    seen = None if _never_filled(told) else build.bounds(told, "min", "max", where)
    return build.feature(where, name=told.get("name"), unit=unit, training_range=seen, **prepared)


def _never_filled(told: Mapping[str, Any]) -> bool:
    """Say whether a range is TMVA's beginning of one: from the largest float down to the smallest."""
    least, most = told.get("min"), told.get("max")
    return isinstance(least, float) and isinstance(most, float) and least > _FLT_MAX and most < -_FLT_MAX


def _transformed(build: Builder, values: Json, features: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return, for each variable, its offset and divisor, or what is done in words where no formula of ours says it."""
    told = values.get("transformations", ())
    if not told:
        return [{} for _ in features]
    names = ", ".join(str(each.get("name", "?")) for each in told)
    ranges = _ranges(values, told, features) if names == "Normalize" else None
    if ranges is None:
        message = f"TMVA transforms the variables ({names}) in a way that is no offset and scale of each"
        build.warn("preprocessing-transformation", message, "/transformations")
        return [{"transform": f"TMVA: {names}"} for _ in features]
    return [_normalised_range(build, ranges.get(index)) for index in range(len(features))]


def _ranges(
    values: Json, told: Sequence[Mapping[str, Any]], features: Sequence[Mapping[str, Any]]
) -> dict[int, Mapping[str, Any]] | None:
    """Return the range of each variable that is normalised; ``None`` when the file leaves open which."""
    option = str(values.get("options", {}).get("VarTransform", ""))
    if not _ALL_EVENTS.fullmatch(option) or values.get("method") == _BY_CLASS:
        return None
    inputs, outputs = told[0].get("inputs", ()), told[0].get("outputs", ())
    if outputs and _selected(outputs) != _selected(inputs):
        return None  # values change their places
    names = {str(each.get("name")): index for index, each in enumerate(features)}
    places = [names.get(name) for _, name in _selected(inputs)] if inputs else list(range(len(features)))
    last = max((each.get("class", 0) for each in told[0].get("ranges", ())), default=0)
    found: dict[int, Mapping[str, Any]] = {}
    for each in told[0].get("ranges", ()):
        if each.get("class", 0) != last:
            continue
        index = each.get("index", -1)
        if not 0 <= index < len(places):
            return None
        if inputs and inputs[index].get("type", _VARIABLE) != _VARIABLE:
            continue  # a target of a regression, or a spectator: no input of the model
        place = places[index]
        if place is None:
            return None
        found[place] = each
    return found or None


_VARIABLE = "Variable"


def _selected(told: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Return type and name of what a transformation takes, or gives."""
    return [(str(each.get("type", _VARIABLE)), str(each.get("name"))) for each in told]


def _normalised_range(build: Builder, told: Mapping[str, Any] | None) -> dict[str, Any]:
    if told is None:
        return {}
    where = "/transformations/0/ranges"
    least, most = build.number(told, "min", where), build.number(told, "max", where)
    if least is None or most is None or not least < most:
        build.warn("preprocessing-bad-bounds", "a range of TMVA's normalisation is empty", where)
        return {"transform": "TMVA: Normalize"}
    return {"offset": 0 - (least + most) / 2, "divisor": (most - least) / 2}
