"""The contract that an author declares: one YAML, ``contract.yaml``; ``unknown`` says that nobody knows a value.

Its fields are those of the statement (docs/reference/statements.md). ``evidence`` lists, by JSON pointer, what was
inferred and waits for the author, who deletes the line once it is checked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from herdbook.kernel import units
from herdbook.kernel.errors import InvalidError
from herdbook.model.base import Json
from herdbook.model.contracts import Contract
from herdbook.model.statements import Evidence
from herdbook.service import plan_yaml
from herdbook.service.contracts.telling import escape

FILE = "contract.yaml"
MAX_BYTES = 4 * 1024 * 1024
UNKNOWN = "unknown"
_INTEGER = re.compile(r"[-+]?[0-9]{1,18}")
_FLOAT = re.compile(r"[-+]?(?:[0-9]{1,400}\.?[0-9]{0,400}|\.[0-9]{1,400})(?:[eE][-+]?[0-9]{1,3})?")
_WORDS: Mapping[str, Any] = {"": None, "~": None, "null": None, "true": True, "false": False}


class _Unknown:
    """Stands where a value is said to be unknown."""


_NOBODY_KNOWS = _Unknown()


@dataclass(frozen=True)
class Declared:
    """What an author says: the contract, pointers to what nobody knows, and what was inferred and not confirmed."""

    contract: Contract
    unknown: tuple[str, ...] = ()
    inferred: Mapping[str, Evidence] = field(default_factory=dict)
    name: str = FILE


def is_contract(data: bytes) -> bool:
    """Say whether a YAML file of that name is one of ours: inputs, outputs or members stand at its left edge."""
    return len(data) <= MAX_BYTES and re.search(rb"^(?:inputs|outputs|members)[ \t]*:", data, re.MULTILINE) is not None


def read(data: bytes, name: str = FILE) -> Declared:
    """Read a contract.

    Args:
        data: the YAML, in UTF-8.
        name: what to call the file.

    Raises:
        InvalidError: naming the line, when it is no YAML, has a field that there is not, or a unit that is not UCUM.
        UnavailableError: when PyYAML is not installed.
    """
    if len(data) > MAX_BYTES:
        raise InvalidError(f"{name} has {len(data)} bytes", code="too-large", hint="4 MiB are read.")
    lines: dict[plan_yaml.Place, int] = {}
    try:
        told = plan_yaml.load(data, lines, _value)
    except InvalidError as error:
        raise InvalidError(f"{name}, {error.message}", code=error.code, hint=error.hint) from error
    if not isinstance(told, dict):
        raise InvalidError(f"{name} is no mapping", code="bad-contract", hint="Write inputs:, outputs: …")
    evidence = told.pop("evidence", None) or {}
    unknown: list[str] = []
    body = _known(told, (), unknown, name, lines)
    try:
        contract = Contract.read(body)
        inferred = {pointer: Evidence.read(each) for pointer, each in _entries(evidence)}
    except InvalidError as error:
        where = str(error.details.get("where", "")) or _bad_unit(body, "")
        line = _line(where, lines)
        raise InvalidError(
            f"{name}{f', line {line}' if line else ''}: {error.message}",
            code="bad-contract",
            hint=error.hint or "docs/reference/statements.md lists the fields; quote what is a text.",
            where=where,
        ) from error
    waiting = {pointer: each for pointer, each in inferred.items() if each.how == "inferred"}
    return Declared(contract, tuple(sorted(unknown)), waiting, name)


def _value(text: str) -> Any:  # noqa: ANN401 - what YAML 1.2's core schema has
    if text == UNKNOWN:
        return _NOBODY_KNOWS
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _FLOAT.fullmatch(text) else text


def _known(
    told: Any,  # noqa: ANN401 - JSON
    place: plan_yaml.Place,
    unknown: list[str],
    name: str,
    lines: Mapping[plan_yaml.Place, int],
) -> Any:  # noqa: ANN401 - JSON
    """Return values without those that are unknown, whose pointers are noted, and without empty ones."""
    if isinstance(told, dict):
        unknown += [_pointer((*place, key)) for key, each in told.items() if each is _NOBODY_KNOWS]
        return {
            key: _known(each, (*place, key), unknown, name, lines)
            for key, each in told.items()
            if each is not _NOBODY_KNOWS and each is not None
        }
    if isinstance(told, list):
        if _NOBODY_KNOWS in told and place[-1:] != ("shape",):
            line = f", line {lines[place]}" if place in lines else ""
            hint = "Write it for the whole list, or for an axis of a shape."
            raise InvalidError(f"{name}{line}: unknown stands in a list", code="bad-contract", hint=hint)
        return [
            None if each is _NOBODY_KNOWS else _known(each, (*place, number), unknown, name, lines)
            for number, each in enumerate(told)
        ]
    return told


def _bad_unit(value: Any, pointer: str) -> str:  # noqa: ANN401 - JSON
    """Return where the first unit stands that is none."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in items:
        at = f"{pointer}/{key}"
        if key == "unit" and isinstance(each, str):
            try:
                units.check(each)
            except InvalidError:
                return at
        elif found := _bad_unit(each, at):
            return found
    return ""


def _entries(evidence: Any) -> Iterator[tuple[str, Json]]:  # noqa: ANN401 - whatever stands there
    if not isinstance(evidence, dict):
        raise InvalidError("evidence is no mapping", code="bad-contract", hint="Write POINTER: {how: inferred}.")
    yield from evidence.items()


def _pointer(place: plan_yaml.Place) -> str:
    return "".join(f"/{escape(str(part))}" for part in place)


def _line(pointer: str, lines: Mapping[plan_yaml.Place, int]) -> int:
    """Return the line of the nearest place to a pointer; 0 when there is none."""
    place = tuple(int(part) if part.isdigit() else part for part in pointer.split("/")[1:])
    while place and place not in lines:
        place = place[:-1]
    return lines.get(place, 0)
