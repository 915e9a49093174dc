"""Overlaps and holes of a model set: where two members serve, and where none does.

Each quantity that conditions test gives a few points at which its tests can differ: the ends of bins, what lies between
and beyond them, the remainders of folds, the values of lists. Between these points nothing changes, so looking at all
of their combinations is looking everywhere.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from herdbook.model.contracts import Condition, Member
from herdbook.model.facts import Finding, Severity
from herdbook.model.members import Coordinate, holds

RULES = ("set-overlap", "set-hole", "set-end", "set-unit", "set-unexamined")
"""Two serve; none serves between bins, folds or listed values; none serves beyond the bins; units; too many to look."""
MAX_LOOKS = 2_000_000
MAX_MODULO = 10_000
SHOWN = 20


@dataclass(frozen=True)
class _Point:
    """A value to look at, how it is told, and whether it lies beyond all ends that are told."""

    value: Coordinate
    text: str
    beyond: bool = False


def findings(members: Sequence[Member]) -> list[Finding]:
    """Return what is wrong with the conditions of a set; ``where`` points into the contract.

    ``set-overlap`` (error): two members serve the same; ``set-hole`` (warning): none serves between the bins, or a fold
    is missing; ``set-end`` (note): none serves below or above all bins; ``set-unit`` (error): one quantity in two
    units, or with and without one; ``set-unexamined`` (note): more combinations than are looked at.
    """
    conditions = [(number, condition) for number, member in enumerate(members) for condition in member.when]
    if wrong := _units(members, conditions):
        return wrong
    axes: dict[str, list[Condition]] = {}
    for _, condition in conditions:
        axes.setdefault(condition.of, []).append(condition)
    points = {of: _points(of, told) for of, told in axes.items()}
    looks = math.prod(len(each) for each in points.values()) * sum(1 + len(member.when) for member in members)
    if len(members) < 2 and not axes:
        return []
    if looks > MAX_LOOKS or any(not each for each in points.values()):
        message = f"the conditions of {len(members)} members make too many combinations to look at all"
        return [Finding(rule="set-unexamined", severity=Severity.NOTE, message=message, where="/members")]
    return _look(members, points)


def _units(members: Sequence[Member], conditions: Sequence[tuple[int, Condition]]) -> list[Finding]:
    first: dict[str, tuple[int, Condition]] = {}
    wrong: dict[str, Finding] = {}
    for number, condition in conditions:
        if condition.lower is None and condition.upper is None:
            continue
        before, told = first.setdefault(condition.of, (number, condition))
        if condition.unit != told.unit:
            one, other = (each.unit or "no unit" for each in (told, condition))
            message = f"{condition.of} has {one} in {members[before].name!r} and {other} in {members[number].name!r}"
            finding = Finding(
                rule="set-unit", severity=Severity.ERROR, message=message, where=f"/members/{number}/when"
            )
            wrong.setdefault(condition.of, finding)
    return list(wrong.values())


def _points(of: str, told: Sequence[Condition]) -> list[_Point]:
    """Return the values of a quantity at which its tests can differ; none when they are too many."""
    if any(each.among is not None for each in told):
        listed = dict.fromkeys(value for each in told for value in each.among or ())
        mixed = any(each.among is None for each in told)
        return [] if mixed else [_Point(value, f"{of} = {value!r}") for value in listed]
    folds = [each.modulo for each in told if each.modulo is not None]
    if folds:
        whole = math.lcm(*folds)
        if whole > MAX_MODULO or len(folds) < len(told):
            return []
        return [_Point(value, f"{of} mod {whole} = {value}") for value in range(whole)]
    return list(_bins(of, told))


def _bins(of: str, told: Sequence[Condition]) -> Iterator[_Point]:
    """Yield a value of each piece of the line between the ends of bins, and one beyond each outer end.

    A bin begins with its lower end, so that end stands for the piece up to the next one. Where bins of the absolute
    value meet others, those end on the negative side with an end that they do not have; there ends and what lies
    between them are looked at apart.
    """
    ends = {end for each in told for end in (each.lower, each.upper) if end is not None}
    absolute, mixed = all(each.absolute for each in told), any(each.absolute for each in told)
    if absolute:
        ends, mixed = {end for end in ends if end > 0} | {0}, False
    elif mixed:
        ends |= {-end for each in told if each.absolute for end in (each.lower, each.upper) if end is not None}
    unit = f" {told[0].unit}" if told[0].unit else ""
    name = f"|{of}|" if absolute else of
    edges = sorted(ends)
    if not absolute:
        yield _Point(edges[0] - max(1, abs(edges[0])), f"{name} below {edges[0]}{unit}", beyond=True)
    for lower, upper in itertools.pairwise(edges):
        if mixed:
            yield _Point(lower, f"{name} = {lower}{unit}")
        yield _Point(lower + (upper - lower) / 2 if mixed else lower, f"{name} from {lower} to {upper}{unit}")
    yield _Point(edges[-1], f"{name} from {edges[-1]}{unit} on", beyond=True)


def _look(members: Sequence[Member], points: dict[str, list[_Point]]) -> list[Finding]:
    holes: dict[tuple[bool, str], None] = {}
    overlaps: dict[tuple[int, int], str] = {}
    for combination in itertools.product(*points.values()):
        at = dict(zip(points, combination, strict=True))
        serving = [number for number, member in enumerate(members) if _serves(member, at)]
        text = ", ".join(point.text for point in combination) or "always"
        if not serving:
            holes[any(point.beyond for point in combination), text] = None
        for pair in itertools.islice(itertools.combinations(serving, 2), SHOWN):
            overlaps.setdefault(pair, text)
    found = [
        Finding(
            rule="set-overlap",
            severity=Severity.ERROR,
            message=f"both {members[one].name!r} and {members[other].name!r} serve {text}",
            where=f"/members/{other}",
        )
        for (one, other), text in overlaps.items()
    ]
    inner = [text for beyond, text in holes if not beyond]
    outer = [text for beyond, text in holes if beyond]
    found = _some(found)
    found += _some([_hole("set-hole", Severity.WARNING, text) for text in inner])
    return found + _some([_hole("set-end", Severity.NOTE, text) for text in outer])


def _serves(member: Member, at: dict[str, _Point]) -> bool:
    return all(holds(condition, at[condition.of].value) for condition in member.when)


def _hole(rule: str, severity: Severity, text: str) -> Finding:
    return Finding(rule=rule, severity=severity, message=f"no member serves {text}", where="/members")


def _some(found: list[Finding]) -> list[Finding]:
    """Return the first findings, the last of which tells how many more there are."""
    if len(found) <= SHOWN:
        return found
    last = found[SHOWN - 1]
    more = f"{last.message}; and {len(found) - SHOWN} more"
    return [*found[: SHOWN - 1], last.model_copy(update={"message": more})]
