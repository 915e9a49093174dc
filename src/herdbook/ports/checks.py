"""Checks: plug-ins that hold facts, contract and files of a model against rules. They read no byte, write nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from herdbook.model.checks import Rule
from herdbook.model.contracts import Contract
from herdbook.model.dossiers import FileView
from herdbook.model.facts import Finding


@dataclass(frozen=True)
class Subject:
    """What is checked: a version, or a folder that is not registered.

    Args:
        files: with their facts; a file without facts has ``None`` there.
        contract: what is declared, by the current contract statement or a contract file in the folder.
        told: what the files themselves say, assembled, whatever is declared.
        before: the same of the version before, where there is one.
        licence: SPDX expression of the description, empty when nobody said.
        elsewhere: sha256 → references of other models that have these bytes.
        consumers: frameworks for which one asks; none: no rule of one framework speaks.
    """

    files: tuple[FileView, ...]
    contract: Contract | None = None
    told: Contract | None = None
    before: Subject | None = None
    licence: str = ""
    elsewhere: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    consumers: frozenset[str] = frozenset()


class Check(Protocol):
    """A plug-in with one rule, or a few that look at the same things."""

    rules: tuple[Rule, ...]

    def look(self, subject: Subject) -> Iterable[Finding]:
        """Yield findings of its rules; ``path`` names the file, ``where`` the place in its facts or in the contract.

        The severity of a finding is the rule's; who asks may have another policy.
        """
        ...
