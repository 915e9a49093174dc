"""One run told twice: what both tellings say, as one record, in whichever order they come."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from herdbook.kernel import canonical
from herdbook.model.activities import Activity
from herdbook.model.base import Json

TRAININGS = frozenset({"training", "fine-tuning", "retraining", "distillation"})
"""Kinds that are all called ``training`` by who knows no better."""

CAPTURED = "herdbook-run"
"""The scheme of the id that each captured run has for itself."""
_TARGET = ("record", "file", "blob", "id", "selector", "role")


def _part(item: Json) -> bytes:
    return canonical.dumps({name: item[name] for name in _TARGET if name in item})


def _name(item: Json) -> bytes:
    return canonical.dumps(item.get("name"))


_LISTS: dict[str, Callable[[Any], bytes]] = {
    "inputs": _part,
    "outputs": _part,
    "parameters": _name,
    "seeds": _name,
    "metrics": canonical.dumps,
    "ids": canonical.dumps,
    "agents": canonical.dumps,
}
"""Lists of an activity, and what makes two of their items one."""


def same_run(one: Activity, other: Activity) -> bool:
    """Say whether two activities are tellings of one run: they share an id, and their kinds agree.

    Two captured runs are two, also when they share the id of a batch job that both ran in.
    """
    if not {str(item) for item in one.ids or ()} & {str(item) for item in other.ids or ()}:
        return False
    runs = [{item.value for item in each.ids or () if item.scheme == CAPTURED} for each in (one, other)]
    if all(runs) and not runs[0] & runs[1]:
        return False
    kinds = {one.kind, other.kind}
    return len(kinds) == 1 or ("training" in kinds and kinds <= TRAININGS)


def unite(one: Activity, other: Activity) -> Activity:
    """Return what two tellings of a run say together.

    Lists are united; what only one says is taken from it. Where both say different, the fuller telling counts: the one
    that knows how the run ended, then the one with more fields, then the longer one. The result does not depend on the
    order of the two, and is one of them when that one says all that the other does.
    """
    poor, full = sorted((one, other), key=_fullness)
    told = full.json_object()
    for field, value in poor.json_object().items():
        told[field] = _both(field, told[field], value) if field in told else value
    if full.kind == "training":
        told["kind"] = poor.kind
    return Activity.read(told)


def _fullness(activity: Activity) -> tuple[bool, int, int, str]:
    return activity.status != "unknown", len(activity.json_object()), len(activity.canonical), activity.digest


def _both(field: str, full: Any, poor: Any) -> Any:  # noqa: ANN401 - JSON
    if field in _LISTS:
        return _united(full, poor, _LISTS[field])
    if field == "ext":
        return {name: _filled(full[name], value) if name in full else value for name, value in (poor | full).items()}
    return _filled(full, poor)


def _united(full: list[Any], poor: list[Any], key: Callable[[Any], bytes]) -> list[Any]:
    """Return the items of both: those of the fuller telling first, in its order."""
    more = {key(item): item for item in reversed(poor)}
    mine = {key(item) for item in full}
    united = [_filled(item, more.get(key(item), item)) for item in full]
    return united + [item for item in poor if key(item) not in mine]


def _filled(full: Any, poor: Any) -> Any:  # noqa: ANN401 - JSON
    """Return an object with what the other one has beside it, unless they contradict each other."""
    both = _merged(full, poor)
    return full if both is None else both


def _merged(full: Any, poor: Any) -> Any:  # noqa: ANN401 - JSON
    if full == poor:
        return full
    if not isinstance(full, dict) or not isinstance(poor, dict):
        return None
    merged = dict(poor) | full
    for name in full.keys() & poor.keys():
        merged[name] = _merged(full[name], poor[name])
        if merged[name] is None:
            return None
    return merged


def moved(pointer: str, told: Activity, kept: Activity) -> str:
    """Return where a JSON pointer into one telling leads in the united record: items of lists move."""
    parts = pointer.split("/")
    if len(parts) < 3 or parts[1] not in _LISTS or not parts[2].isdecimal():
        return pointer
    key = _LISTS[parts[1]]
    items, others = told.json_object().get(parts[1], []), kept.json_object().get(parts[1], [])
    if int(parts[2]) >= len(items):
        return pointer
    wanted = key(items[int(parts[2])])
    place = next((index for index, item in enumerate(others) if key(item) == wanted), int(parts[2]))
    return "/".join([*parts[:2], str(place), *parts[3:]])
