"""Checks: plug-ins that hold facts, contract and files of a model against rules. They read no byte, write nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from herdbook.model.checks import Rule, Runtime
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
        conflicts: what the files, and what is declared, say differently about the same thing.
        before: the same of the version before, where there is one.
        licence: SPDX expression of the description, empty when nobody said.
        elsewhere: digest of a file, as in ``FileView.digest`` → references of versions of other models that have it.
        consumers: frameworks for which one asks; none: no rule of one framework speaks.
        runtimes: consumer → the library that it runs models with, where somebody said it.
    """

    files: tuple[FileView, ...]
    contract: Contract | None = None
    told: Contract | None = None
    conflicts: tuple[Finding, ...] = ()
    before: Subject | None = None
    licence: str = ""
    elsewhere: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    consumers: frozenset[str] = frozenset()
    runtimes: Mapping[str, Runtime] = field(default_factory=dict)


class Check(Protocol):
    """A plug-in with one rule, or a few that look at the same things. It takes no arguments and keeps nothing."""

    @property
    def rules(self) -> tuple[Rule, ...]:
        """Its rules: an attribute of the class will do."""
        ...

    def look(self, subject: Subject) -> Iterable[Finding]:
        """Yield findings of its rules, made by ``Rule.found``.

        Of a rule that was not asked for (another framework's, switched off) they are dropped. The severity of a finding
        is the rule's; who asks may have another policy. What is raised becomes a finding, ``check-failed``.
        """
        ...
