"""Which checks there are: those that a distribution registers as entry points ``herdbook.checks``."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from functools import cache
from importlib import resources
from importlib.metadata import EntryPoint, entry_points, metadata
from pathlib import Path

from herdbook.kernel.errors import ConflictError, MissingError, UnavailableError
from herdbook.model.checks import Rule
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


def rules() -> list[Rule]:
    """Return the rules of all checks, by id."""
    return sorted((rule for each in checks() for rule in each.rules), key=lambda rule: rule.id)


def rule(name: str) -> Rule:
    """Return a rule by its id.

    Raises:
        MissingError: ``no-rule``, with what is near.
    """
    known = {each.id: each for each in rules()}
    if name not in known:
        near = difflib.get_close_matches(name, known, n=3, cutoff=0.4)
        hint = f"Did you mean {' or '.join(near)}?" if near else "`herdbook check --rules` lists them."
        raise MissingError(f"there is no rule {name!r}", code="no-rule", hint=hint)
    return known[name]


def page(name: str) -> str:
    """Return the page of a rule as Markdown; empty when there is none, as of a plug-in's rule or a reader's."""
    if not re.fullmatch(r"[a-z0-9-]+", name):
        return ""
    inside = resources.files("herdbook") / "plugins" / "checks" / "pages" / f"{name}.md"
    # A wheel carries the pages; a checkout has them where they are written.
    checkout = Path(__file__).parents[3] / "docs" / "reference" / "rules" / f"{name}.md"
    for place in (inside, checkout):
        if place.is_file():
            return place.read_text("utf-8")
    return ""


def published() -> str:
    """Return where the distribution says that its documentation is, with ``/`` at the end; empty when it does not."""
    lines: list[str] = metadata("herdbook").get_all("Project-URL") or []
    for line in lines:
        name, _, url = line.partition(",")
        if name.strip().lower() == "documentation":
            return url.strip().rstrip("/") + "/"
    return ""
