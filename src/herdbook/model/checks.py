"""Checks: rules that look for traps in a model's files and contract, and the report of what they found."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from herdbook.model.base import Text, Value
from herdbook.model.facts import Finding, Severity
from herdbook.model.identifiers import NonEmpty

CONSUMERS = ("athena", "cmssw", "hls4ml", "o2", "triton")
"""Frameworks that run models, for which one can ask."""


class Rule(Value):
    """A rule: docs/reference/rules/ID.md says why it is there. ``consumers``: asked only for these; none: always."""

    id: Annotated[Text, Field(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$")]
    title: NonEmpty
    severity: Severity
    consumers: tuple[NonEmpty, ...] = ()


class Report(Value):
    """What the rules say of one version, or of one folder: findings with their files. ``files``: how many there are."""

    of: NonEmpty
    files: int
    rules: tuple[NonEmpty, ...]
    findings: tuple[Finding, ...] = ()

    @property
    def worst(self) -> Severity | None:
        """The gravest severity of all findings, ``None`` when there is none."""
        order = list(Severity)
        return max((each.severity for each in self.findings), key=order.index, default=None)
