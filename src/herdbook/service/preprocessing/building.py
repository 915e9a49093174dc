"""Features made from what facts say, number by number; what is no number is left out and becomes a finding."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from herdbook.kernel.errors import InvalidError
from herdbook.model.contracts import Bounds, Feature, Sequence
from herdbook.model.facts import Finding, Severity
from herdbook.model.preprocessing import Imported, PreparedInput, PreparedOutput, PreprocessingSpec

Number = int | float
UNNAMED = "inputs"
"""The name of the one input of a file that has features and names no input."""


class Builder:
    """Makes features, and keeps what is worth a look. ``where`` is a JSON pointer into the facts' values."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []

    def warn(self, rule: str, message: str, where: str = "") -> None:
        """Keep a finding."""
        self.findings.append(Finding(rule=rule, severity=Severity.WARNING, message=message, where=where))

    def number(self, told: Mapping[str, Any], name: str, where: str) -> Number | None:
        """Return a finite number; ``None`` when there is none."""
        value = told.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            said = str(value)[:40]
            self.warn("preprocessing-no-number", f"{name} is {said!r}, no number; it is left out", f"{where}/{name}")
            return None
        return value

    def taken_away(self, told: Mapping[str, Any], name: str, where: str) -> Number | None:
        """Return the offset of what a file subtracts."""
        value = self.number(told, name, where)
        return None if value is None else 0 - value  # not -value: an offset of -0.0 helps nobody

    def bounds(self, told: Mapping[str, Any], lower: str, upper: str, where: str) -> Bounds | None:
        """Return an interval; infinite ends are open; ``None`` when there is no end."""
        ends = [
            None if told.get(name) in {"-Infinity", "Infinity"} else self.number(told, name, where)
            for name in (lower, upper)
        ]
        if ends == [None, None]:
            return None
        if ends[0] is not None and ends[1] is not None and ends[0] > ends[1]:
            self.warn("preprocessing-bad-bounds", f"{lower} is above {upper}; both are left out", where)
            return None
        return Bounds(lower=ends[0], upper=ends[1])

    def feature(self, where: str, **fields: object) -> Feature | None:
        """Return a feature, or ``None`` when it has no name; a divisor of 0 is left out."""
        if fields.get("divisor") == 0:
            self.warn("preprocessing-bad-divisor", f"{fields.get('name')!r} would be divided by 0", where)
            fields["divisor"] = None
        try:
            return Feature.read(_present(fields))
        except InvalidError as error:
            self.warn("preprocessing-bad-feature", f"{str(fields.get('name'))[:100]!r} is left out: {error}", where)
            return None

    def sequence(self, where: str, **fields: object) -> Sequence:
        """Return a sequence; fields that it cannot have are left out together."""
        try:
            return Sequence.read(_present(fields))
        except InvalidError as error:
            self.warn("preprocessing-bad-lengths", f"lengths are left out: {error}", where)
            return Sequence.read({"axis": fields.get("axis")} if fields.get("axis") is not None else {})

    def input(
        self, name: object, features: Iterable[Feature | None], sequence: Sequence | None, where: str
    ) -> list[PreparedInput]:
        """Return the input; nothing when it has no name or no feature."""
        kept = tuple(feature for feature in features if feature is not None)
        if not kept or not isinstance(name, str) or not name:
            self.warn("preprocessing-empty-input", f"the input {str(name)[:100]!r} has no features", where)
            return []
        return [PreparedInput(name=name, features=kept, sequence=sequence)]

    def labels(self, told: object) -> tuple[PreparedOutput, ...] | None:
        """Return the one output whose labels these are; ``None`` when there are none."""
        labels = tuple(str(each) for each in told if str(each)) if isinstance(told, list) else ()
        return (PreparedOutput(labels=labels),) if labels else None

    def imported(self, inputs: Iterable[PreparedInput], outputs: tuple[PreparedOutput, ...] | None) -> Imported:
        """Return what was read, with the findings.

        Raises:
            InvalidError: when no input is left.
        """
        kept = tuple(inputs)
        if not kept:
            raise InvalidError("there is no input with features", code="preprocessing-none", hint=NONE)
        return Imported(spec=PreprocessingSpec(inputs=kept, outputs=outputs or None), findings=tuple(self.findings))


NONE = "Give a sidecar that prepares inputs; herdbook inspect PATH says what a file is."


def _present(fields: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in fields.items() if value is not None}
