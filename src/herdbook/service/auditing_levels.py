"""Levels, medals, profile: pure rules from scores to a verdict. The source is `metadata.md` §2.3."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, get_args

from herdbook.model.audits import Category, Item, Level, Score, Waived
from herdbook.service.auditing_evidence import Evidence

Medal = Literal["gold", "silver", "bronze"]
DESCRIBED = ("T1", "T2", "T3", "T6")
PINNED = ("T1", "T3", "T6", "T5", "T8")
GOLD = ("R5", "R8")


def value(score: Score) -> int:
    """Return a score as a number; what does not apply cannot hold back."""
    return 3 if isinstance(score, Waived) else score.score


def profile(items: Sequence[Item], scores: Mapping[str, Score]) -> dict[Category, float]:
    """Return, by category, the weighted share of what can be had today, 0 to 1; waived items count neither way."""
    found: dict[Category, float] = {}
    for category in get_args(Category):
        mine = [item for item in items if item.category == category and not isinstance(scores[item.id], Waived)]
        most = sum(item.weight * item.highest for item in mine)
        had = sum(item.weight * min(value(scores[item.id]), item.highest) for item in mine)
        if most:
            found[category] = round(had / most, 4)
    return found


def medal(items: Sequence[Item], scores: Mapping[str, Score], level: Level) -> Medal | None:
    """Return the medal: gates of F and A; then all gates at 2; then R3, and R5 and R8 at 3."""
    gates = [item for item in items if item.gate]
    if any(value(scores[item.id]) < 2 for item in gates if item.category in {"F", "A"}):
        return None
    if any(value(scores[item.id]) < 2 for item in gates):
        return "bronze"
    best = level >= Level.EXECUTABLE and all(value(scores[item]) == 3 for item in GOLD)
    return "gold" if best else "silver"


def level(scores: Mapping[str, Score], evidence: Evidence, titles: Mapping[str, str]) -> tuple[Level, tuple[str, ...]]:
    """Return how far a version can be trained again, and what holds it back from the next level."""
    steps = (
        (Level.DESCRIBED, _least(scores, titles, dict.fromkeys(DESCRIBED, 1))),
        (Level.PINNED, _least(scores, titles, dict.fromkeys(PINNED, 2)) + _parents(evidence)),
        (Level.EXECUTABLE, _least(scores, titles, {"T10": 3})),
        (Level.REPRODUCED, _least(scores, titles, {"T12": 3})),
        (Level.BIT_REPRODUCED, _same(evidence)),
    )
    reached = Level.UNKNOWN
    for step, missing in steps:
        if missing:
            return reached, tuple(missing)
        reached = step
    return reached, ()


def _least(scores: Mapping[str, Score], titles: Mapping[str, str], wanted: Mapping[str, int]) -> list[str]:
    return [
        f"{item} ({titles[item]}) is {value(scores[item])}, not {least}: {why(scores[item])}"
        for item, least in wanted.items()
        if value(scores[item]) < least
    ]


def why(score: Score) -> str:
    """Return in words what a score rests on."""
    match score.score:
        case None:
            return score.reason
        case 0:
            return score.why
        case 3:
            return f"{score.ran.check} of {score.ran.on}"
        case _:
            return score.where


def _parents(evidence: Evidence) -> list[str]:
    found = []
    for parent in evidence.parents:
        if parent.level is None:
            found.append(f"the parent {parent.title} is not known here")
        elif parent.level < Level.PINNED:
            found.append(f"the parent {parent.title} is R{parent.level}, not R2")
    return found


def _same(evidence: Evidence) -> list[str]:
    if any(rerun.same for rerun in evidence.reruns):
        return []
    told = [
        f"the retraining {rerun.entry.digest[7:19]}: "
        + (
            "; ".join(rerun.faults)
            or ("other bytes came out" if not rerun.equal else f"its {', '.join(rerun.unequal)} were not the same")
        )
        for rerun in evidence.reruns
    ]
    return told or ["nobody trained it again"]
