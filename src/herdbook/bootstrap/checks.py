"""Which checks there are: those that a distribution registers as entry points ``herdbook.checks``."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.metadata import EntryPoint, entry_points

from herdbook.kernel.errors import ConflictError, UnavailableError
from herdbook.ports.checks import Check

GROUP = "herdbook.checks"
BUILT_IN: dict[str, str] = {}
"""What is there even where the entry points of the installation are older than the code: name → ``module:Class``."""


def _points() -> list[EntryPoint]:
    found = {name: EntryPoint(name, target, GROUP) for name, target in BUILT_IN.items()}
    for point in sorted(entry_points(group=GROUP), key=lambda each: (each.name, each.value)):
        found.setdefault(point.name, point)
    return [found[name] for name in sorted(found)]


@cache
def checks() -> Sequence[Check]:
    """Return all checks, loaded now; one for the whole process.

    Raises:
        UnavailableError: ``no-extra``, when one cannot be loaded: to leave it out would look like a clean model.
        ConflictError: ``rule-twice``, when two have a rule of the same id.
    """
    loaded: list[Check] = []
    owners: dict[str, str] = {}
    for point in _points():
        try:
            made: Check = point.load()()
        except Exception as error:
            raise UnavailableError(
                f"the checks {point.name!r} cannot be loaded: {type(error).__name__}: {error}",
                code="no-extra",
                hint="Ask who made the plug-in, or remove it.",
            ) from error
        for rule in made.rules:
            if rule.id in owners:
                raise ConflictError(
                    f"the rule {rule.id} is in {owners[rule.id]!r} and in {point.name!r}",
                    code="rule-twice",
                    hint="Remove one of the plug-ins, or ask who made it for another id.",
                )
            owners[rule.id] = point.name
        loaded.append(made)
    return tuple(loaded)
