"""Values of several files for one place: equal ones are one value, different ones are a finding and no value.

What a file says counts before what a rule of ours gives. In a shape a symbol or ``?`` fits every length.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from herdbook.model.contracts import UNKNOWN_AXIS
from herdbook.model.facts import Finding, Severity
from herdbook.model.formats import SIDECARS
from herdbook.service.contracts.telling import Fields, Source, Told

Saying = tuple[Source, Told]
_SHOWN = 200


@dataclass
class Report:
    """What did not agree: findings, places without a value, and sidecars of one kind that differ in something."""

    findings: list[Finding] = field(default_factory=list)
    open: list[str] = field(default_factory=list)
    rivals: dict[tuple[str, ...], list[str]] = field(default_factory=dict)

    def conflict(self, pointer: str, sayings: Sequence[Saying], *, shown: bool = True) -> None:
        """Write down that sources differ; nothing is chosen."""
        self.open.append(pointer)
        sources = list({source.path: source for source, _ in sayings}.values())
        kinds = {source.format for source in sources}
        if len(kinds) == 1 and kinds <= SIDECARS and len(sources) > 1:
            self.rivals.setdefault(tuple(sorted(source.path for source in sources)), []).append(pointer)
            return
        words = [(f"{_text(told.value)} in " if shown else "in ") + str(told.evidence.where) for _, told in sayings]
        message = f"{pointer} differs: {'; '.join(dict.fromkeys(words))}"
        self.warn("contract-conflict", message, pointer, sources[0].path)

    def warn(self, rule: str, message: str, pointer: str = "", path: str = "") -> None:
        """Something should be looked at."""
        self.findings.append(Finding(rule=rule, severity=Severity.WARNING, message=message, where=pointer, path=path))

    def close(self) -> None:
        """Say of rivals once in what they differ, however often that is."""
        for paths, pointers in self.rivals.items():
            some = ", ".join(pointers[:5]) + (f" and {len(pointers) - 5} more" if len(pointers) > 5 else "")
            message = f"which of {', '.join(paths)} belongs to the model, nothing says; they differ in {some}"
            self.warn("sidecar-ambiguous", message, pointers[0], paths[0])
        self.rivals.clear()


def fields(sayings: Sequence[tuple[Source, Fields]], pointer: str, report: Report) -> Fields:
    """Return what several sources say of one thing, field by field."""
    names = dict.fromkeys(name for _, told in sayings for name in told)
    merged: Fields = {}
    for name in names:
        told = [(source, each[name]) for source, each in sayings if name in each]
        value = one(told, f"{pointer}/{name}", report, _SAME.get(name))
        if value is not None:
            merged[name] = value
    if "scale" in merged and "divisor" in merged:
        both = [(source, each[name]) for source, each in sayings for name in ("scale", "divisor") if name in each]
        report.conflict(f"{pointer}/scale", both)
        del merged["scale"], merged["divisor"]
    return merged


def one(
    sayings: Sequence[Saying], pointer: str, report: Report, unite: Callable[[Any, Any], Any] | None = None
) -> Told | None:
    """Return the value that all sources agree on, or ``None``, which the report then explains."""
    read = [saying for saying in sayings if saying[1].evidence.how != "inferred"] or list(sayings[:1])
    value = read[0][1].value
    for _, told in read[1:]:
        value = (unite or _equal)(value, told.value)
        if value is None:
            report.conflict(pointer, read)
            return None
    return Told(value, _evidence([told for _, told in read if _agrees(told.value, value)] or [read[0][1]]))


def _evidence(told: Sequence[Told]) -> Any:  # noqa: ANN401 - Evidence, as it came
    """Return the evidence of a value that several files have: all of their places."""
    first = told[0].evidence
    where = list(dict.fromkeys(str(each.evidence.where) for each in told))
    return first if len(where) == 1 else first.model_copy(update={"where": "; ".join(where[:3])})


def _agrees(one: object, other: object) -> bool:
    return bool(one == other)


def _equal(one: Any, other: Any) -> Any:  # noqa: ANN401 - any value of a contract
    return one if one == other else None


def shapes(one: Sequence[Any], other: Sequence[Any]) -> tuple[Any, ...] | None:
    """Return the shape that both may have: numbers must be equal, and a number or a symbol counts before ``?``."""
    if len(one) != len(other):
        return None
    united = []
    for a, b in zip(one, other, strict=True):
        if isinstance(a, int) and isinstance(b, int) and a != b:
            return None
        united.append(b if a in {None, UNKNOWN_AXIS} else a)
    return tuple(united)


def labels(one: Sequence[str], other: Sequence[str]) -> tuple[str, ...] | None:
    """Return labels that are the same once weaver's prefix ``label_`` is taken off; the shorter ones."""
    plain = [each.removeprefix("label_") for each in one]
    if plain != [each.removeprefix("label_") for each in other]:
        return None
    return tuple(min(one, other, key=lambda each: sum(map(len, each))))


_SAME: dict[str, Callable[[Any, Any], Any]] = {"shape": shapes, "labels": labels}


def _text(value: object) -> str:
    text = repr(list(value) if isinstance(value, tuple) else value)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
