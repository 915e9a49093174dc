"""Findings are gathered here: so many of a rule are shown, the others counted."""

from __future__ import annotations

from collections import Counter

from herdbook.model.facts import Finding, Severity

SHOWN = 50
"""Findings of one rule that are shown one by one."""


class Findings:
    """What was found so far."""

    def __init__(self) -> None:
        self._shown: list[Finding] = []
        self._counts: Counter[tuple[str, Severity]] = Counter()

    def error(self, rule: str, message: str, where: str = "") -> None:
        """Something is wrong."""
        self._add(rule, Severity.ERROR, message, where)

    def warning(self, rule: str, message: str, where: str = "") -> None:
        """Something should be looked at."""
        self._add(rule, Severity.WARNING, message, where)

    def note(self, rule: str, message: str, where: str = "") -> None:
        """Something is worth knowing."""
        self._add(rule, Severity.NOTE, message, where)

    def _add(self, rule: str, severity: Severity, message: str, where: str) -> None:
        self._counts[rule, severity] += 1
        if self._counts[rule, severity] <= SHOWN:
            self._shown.append(Finding(rule=rule, severity=severity, message=message, where=where))

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong."""
        return not any(severity is Severity.ERROR for _, severity in self._counts)

    def all(self) -> tuple[Finding, ...]:
        """Return findings, errors first, with a last one of each rule that says how many more there are."""
        more = [
            Finding(rule=rule, severity=severity, message=f"and {count - SHOWN} more like these")
            for (rule, severity), count in self._counts.items()
            if count > SHOWN
        ]
        order = list(Severity)
        return tuple(sorted(self._shown + more, key=lambda item: -order.index(item.severity)))
