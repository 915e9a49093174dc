"""How a plan stands in a file: in which order, what is left out, and which texts of YAML are no texts."""

from __future__ import annotations

from typing import Any

from herdbook.kernel.errors import InvalidError
from herdbook.model.base import Json
from herdbook.model.plans import Plan

HEADER = """\
The plan of an import: what `herdbook import KIND SOURCE --plan FILE --apply` is going to do. You may edit

  models       name: another name; one name for two models merges them. skip: WHY leaves a model out.
  versions     model: NAME moves a version to another model. labels: the first is the one to use. skip: WHY.
  withdrawals  accept: true makes the withdrawal that the source proposes.
  conflicts    what you edited and the source changed as well: decide, then delete the entry.

Everything else is for reading. Keys tell items when the source moved on: plan again into this file, and what you
edited stays. `base` holds what was planned; it tells what is yours, so leave it as it is."""

_NOTHING = ("", "~", "null", "Null", "NULL")
_TRUE = frozenset({"true", "True", "TRUE", "yes", "Yes", "on"})
_FALSE = frozenset({"false", "False", "FALSE", "no", "No", "off"})
_OPTIONAL = {
    "models": ("skip",),
    "versions": ("skip", "model", "date"),
    "withdrawals": ("replacement",),
    "conflicts": (),
}


def shown(plan: Plan) -> Json:
    """Return a plan as a file has it: what is empty is left out, but for what a person may edit."""
    told = plan.json_object()
    for key in ("conflicts", "models", "versions", "withdrawals", "skipped", "base"):
        if not told[key]:
            del told[key]
    for version in told.get("versions", ()):
        for key in ("absent", "tags"):
            if not version[key]:
                del version[key]
    for conflict in told.get("conflicts", ()):
        if not conflict["message"]:
            del conflict["message"]
    return told


def typed(given: Any) -> Any:  # noqa: ANN401 - whatever stands in the file
    """Return what a YAML file holds with numbers and truth where a plan has them; everything in it is text.

    Raises:
        InvalidError: when one of them is neither.
    """
    if not isinstance(given, dict):
        raise InvalidError("a plan is a mapping, from `schema` on", code="bad-plan")
    for section, optional in _OPTIONAL.items():
        if given.get(section) in _NOTHING:
            del given[section]  # `conflicts:` with nothing below, as one leaves it who decided them all
        for item in _mappings(given.get(section)):
            for key in optional:
                if item.get(key) in _NOTHING:
                    del item[key]
    for section in ("skipped", "base"):
        if given.get(section) in _NOTHING:
            del given[section]
    for item in _mappings(given.get("versions")):
        _convert(item, "absent", _number)
    for item in _mappings(given.get("withdrawals")):
        _convert(item, "accept", _truth)
    for item in _mappings(given.get("conflicts")):
        if item.get("field") == "accept":
            for key in ("planned", "yours", "source"):
                _convert(item, key, _truth)
    return given


def _mappings(items: object) -> list[dict[str, Any]]:
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []


def _convert(item: dict[str, Any], key: str, convert: Any) -> None:  # noqa: ANN401 - a function of text
    if isinstance(item.get(key), str):
        item[key] = convert(item[key])


def _number(text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) < 16:
        return int(text)
    raise InvalidError(f"{text[:80]!r} is no number", code="bad-plan")


def _truth(text: str) -> bool:
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    raise InvalidError(f"{text[:80]!r} is neither true nor false", code="bad-plan")
