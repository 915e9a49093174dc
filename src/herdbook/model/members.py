"""Which member of a set serves: conditions against coordinates. Nothing is converted, nothing is assumed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from herdbook.kernel.errors import ConflictError, InvalidError, MissingError
from herdbook.model.contracts import Condition, Member

Coordinate = int | float | str
Given = Coordinate | tuple[Coordinate, str]
"""A value in the condition's unit, or (value, unit)."""


def holds(condition: Condition, value: Coordinate) -> bool:
    """Say whether a value, in the condition's unit, passes its test. NaN passes none.

    Raises:
        InvalidError: when it is no value of that kind: a text for a bin, a fraction for a fold.
    """
    if condition.among is not None:
        return any(value == each and isinstance(value, str) == isinstance(each, str) for each in condition.among)
    if isinstance(value, (str, bool)):
        raise _bad(condition.of, f"is a number, not {value!r}")
    if condition.modulo is not None:
        if not isinstance(value, int):
            raise _bad(condition.of, f"is an integer, not {value!r}")
        return value % condition.modulo == condition.remainder
    size = abs(value) if condition.absolute else value
    lower, upper = condition.lower, condition.upper
    return not math.isnan(size) and (lower is None or lower <= size) and (upper is None or size < upper)


def select(members: Sequence[Member], given: Mapping[str, Given]) -> Member:
    """Return the one member that serves at these coordinates.

    Raises:
        InvalidError: when a coordinate is missing that decides, is in another unit, or is one that no condition names.
        MissingError: when none serves: a hole of the set.
        ConflictError: when several serve: an overlap of the set.
    """
    named = {condition.of for member in members for condition in member.when}
    if unknown := sorted(given.keys() - named):
        raise InvalidError(
            f"no condition of this set is about {', '.join(unknown)}",
            code="unknown-coordinate",
            hint=f"It has conditions on: {', '.join(sorted(named)) or 'nothing'}.",
        )
    missing: set[str] = set()
    serving = [member for member in members if _serves(member, given, missing)]
    if missing:
        raise InvalidError(
            f"which member serves depends on {', '.join(sorted(missing))}",
            code="coordinate-missing",
            hint="Give a value for each.",
        )
    told = ", ".join(f"{name} = {value!r}" for name, value in sorted(given.items())) or "no coordinates"
    if not serving:
        raise MissingError(f"no member serves {told}", code="no-member", hint=f"There are: {_names(members)}.")
    if len(serving) > 1:
        raise ConflictError(
            f"{len(serving)} members serve {told}: {_names(serving)}",
            code="several-members",
            hint="Mend the conditions of the contract, or give more coordinates.",
        )
    return serving[0]


def _serves(member: Member, given: Mapping[str, Given], missing: set[str]) -> bool:
    """Whether all conditions hold; one that cannot be decided, while no other fails, is put into ``missing``."""
    open_: set[str] = set()
    for condition in member.when:
        if condition.of not in given:
            open_.add(condition.of)
        elif not holds(condition, _in_unit(condition, given[condition.of])):
            return False
    missing |= open_
    return not open_


def _in_unit(condition: Condition, given: Given) -> Coordinate:
    if not isinstance(given, tuple):
        return given
    value, unit = given
    if unit != condition.unit:
        known = f"is in {condition.unit}" if condition.unit else "has no unit that anybody told"
        raise InvalidError(
            f"{condition.of} is given in {unit}, and in this contract it {known}",
            code="other-unit",
            hint="Units are not converted; give the value in the contract's unit.",
        )
    return value


def _names(members: Sequence[Member]) -> str:
    return ", ".join(member.name for member in members[:10]) + (" …" if len(members) > 10 else "")


def _bad(of: str, problem: str) -> InvalidError:
    return InvalidError(f"{of} {problem}", code="bad-coordinate", hint="See the member's conditions in the contract.")
