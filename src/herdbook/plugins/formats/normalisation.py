"""A dictionary of normalisation: for each variable its mean and standard deviation, its bounds.

Source: `NormalizationDict.json` of the L2 tau trigger in CMSSW (variable → `mean`, `std`, `min`, `max`) and the scaling
parameters of TauMLTools (group → variable → cell → `mean`, `std`, `lim_min`, `lim_max`). The file says the
constants; that x becomes (x - mean) / std and is then clipped to the bounds is said by the code that uses it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from herdbook.plugins.formats.contents import Content
from herdbook.plugins.formats.plain_values import Plain, is_number, present
from herdbook.ports.formats import Listing

MAX_FEATURES = 20_000
_DEPTH = 4
_TOLD = tuple(map(frozenset, (("mean", "std"), ("mean", "sigma"), ("mean", "scale"), ("shift", "scale"))))
_ALSO = (frozenset({"min", "max"}), frozenset({"lim_min", "lim_max"}))
"""What a variable has; one that is only clipped has bounds alone, but a file of bounds is no normalisation."""

Named = tuple[tuple[str, ...], Mapping[str, Any]]


def fits(content: Any, path: str) -> bool:  # noqa: ANN401, ARG001 - a kind is asked about anything
    """Say whether all that it holds, however grouped, are variables with constants of normalisation."""
    if not isinstance(content, dict) or not content:
        return False
    found = list(_leaves(content))
    return (
        0 < len(found) <= MAX_FEATURES
        and all(_is_variable(leaf, _TOLD + _ALSO) for _, leaf in found)
        and any(_is_variable(leaf, _TOLD) for _, leaf in found)
    )


def read(content: Mapping[str, Any], path: str, listing: Listing) -> Content:  # noqa: ARG001 - the signature of a kind
    """Read all constants of all variables, in the file's order."""
    found = list(_leaves(content))
    plain = Plain(values=10 * MAX_FEATURES)
    features = [_feature(names, leaf, plain) for names, leaf in found]
    values = present(
        json_type="dict",
        length=len(content),
        keys=sorted(content)[:1000],
        features=features,
        num_features=len(features),
    )
    where = {f"/features/{number}": "/".join(names)[:1000] for number, (names, _) in enumerate(found)}
    return Content(format="normalisation-dict", values=values, where=where, findings=plain.findings())


def _leaves(value: Mapping[str, Any], names: tuple[str, ...] = ()) -> Iterator[Named]:
    """Yield the innermost objects; of what is no object, an empty one, which no variable is."""
    for key, item in value.items():
        if not isinstance(item, dict):
            yield (*names, key), {}
        elif len(names) < _DEPTH and any(isinstance(inner, dict) for inner in item.values()):
            yield from _leaves(item, (*names, key))
        else:
            yield (*names, key), item


def _is_variable(leaf: Mapping[str, Any], kinds: tuple[frozenset[str], ...]) -> bool:
    return any(kind <= set(leaf) for kind in kinds) and all(_is_constant(item) for item in leaf.values())


def _is_constant(value: object) -> bool:
    return value is None or is_number(value) or (isinstance(value, list) and all(is_number(item) for item in value))


def _feature(names: tuple[str, ...], leaf: Mapping[str, Any], plain: Plain) -> dict[str, Any]:
    """Return a variable: its name is the key that holds it; a cell of TauMLTools' grid stands in `cell`."""
    group, name, cell = _parts(names)
    constants = {f"name_{key}" if key in {"name", "group", "cell"} else key: item for key, item in leaf.items()}
    return present(name=plain.copy(name), group=group, cell=cell, **plain.copy(constants))


def _parts(names: tuple[str, ...]) -> tuple[str | None, str, str | None]:
    if len(names) == 1:
        return None, names[0], None
    if names[-1] in {"global", "inner", "outer"}:
        return "/".join(names[:-2]) or None, names[-2], names[-1]
    return "/".join(names[:-1]), names[-1], None
