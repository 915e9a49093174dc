"""What an author declares beside what the files tell: what agrees is extracted, what differs is a finding."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from herdbook.model.base import Json
from herdbook.model.contracts import Contract
from herdbook.model.facts import Finding, Severity
from herdbook.model.meanings import MEANINGS
from herdbook.model.statements import Evidence
from herdbook.service.contracts import merging
from herdbook.service.contracts.assembling import Assembled, asked
from herdbook.service.contracts.declared import Declared
from herdbook.service.contracts.telling import escape

_WHOLE = {"shape", "labels", "clip", "training_range", "when", "files", "among"}
"""Fields whose value is looked at as a whole."""
_SETTLED = ("contract-conflict", "sidecar-ambiguous")
"""Findings about one value on which files differ: the author's value settles it."""


def agree(declared: Declared, told: Assembled, *, fill: bool) -> Assembled:
    """Return the declared contract with where each value came from.

    A value that the files tell as well is extracted; where they tell another one, the declared one stands, with a
    finding that names both.

    Args:
        declared: what the author says.
        told: what the files tell.
        fill: take over what the files tell and the author does not say, and ask for what is still lacking.
    """
    made = _Agreeing(declared, told, fill=fill)
    mine, theirs = declared.contract.json_object(), told.contract.json_object()
    body = made.both(mine, theirs, "")
    contract = Contract.read(body)
    made.spread(contract.json_object(), "", None)
    unknown = set(declared.unknown) | (set(asked(contract.json_object())) if fill else set())
    known = {pointer for pointer in unknown if _has(body, pointer)}
    findings = [each for each in told.findings if not (each.rule in _SETTLED and each.where and _has(body, each.where))]
    return Assembled(contract, made.evidence, (*made.findings, *findings), tuple(sorted(unknown - known)))


@dataclass
class _Agreeing:
    declared: Declared
    told: Assembled
    fill: bool
    by: dict[str, Evidence] = field(default_factory=dict)
    evidence: dict[str, Evidence] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    def both(self, mine: Any, theirs: Any, pointer: str) -> Any:  # noqa: ANN401 - JSON
        """Return the author's value, with the files' where the author says nothing."""
        if isinstance(mine, dict) and isinstance(theirs, dict) and pointer.rpartition("/")[2] not in _WHOLE:
            return self._objects(mine, theirs, pointer)
        if _named(mine) and _named(theirs):
            if [each["name"] for each in mine] == [each["name"] for each in theirs]:
                pairs = enumerate(zip(mine, theirs, strict=True))
                return [self.both(a, b, f"{pointer}/{number}") for number, (a, b) in pairs]
        elif _same(mine, theirs, pointer):
            self._extracted(pointer)
            return mine
        self._differ(mine, theirs, pointer)
        return mine

    def _objects(self, mine: Json, theirs: Json, pointer: str) -> Json:
        made = {}
        for key in [*mine, *(key for key in theirs if key not in mine)]:
            at = f"{pointer}/{escape(key)}"
            if key in mine and key in theirs:
                made[key] = self.both(mine[key], theirs[key], at)
            elif key in mine:
                made[key] = mine[key]
            elif (
                self.fill and not (key == "scale" and "divisor" in mine) and not (key == "divisor" and "scale" in mine)
            ):
                made[key] = theirs[key]
                self._below(theirs[key], at)
        return made

    def _below(self, value: Any, pointer: str) -> None:  # noqa: ANN401 - JSON
        """Note that all of a value is the files'."""
        if isinstance(value, dict) and pointer.rpartition("/")[2] not in _WHOLE:
            for key, each in value.items():
                self._below(each, f"{pointer}/{escape(key)}")
        elif _named(value):
            for number, each in enumerate(value):
                self._below(each, f"{pointer}/{number}")
        else:
            self._extracted(pointer)

    def _extracted(self, pointer: str) -> None:
        evidence = self.told.evidence_of(pointer)
        if evidence is not None:
            self.by[pointer] = evidence

    def _differ(self, mine: Any, theirs: Any, pointer: str) -> None:  # noqa: ANN401 - JSON
        evidence = self.told.evidence_of(pointer)
        if pointer.endswith("/meaning") and mine not in MEANINGS and evidence and evidence.how == "inferred":
            return  # words of the author's own do not contradict what an operator lets suppose
        where = evidence.where if evidence else "the files"
        message = f"{pointer} is {_text(mine)} in {self.declared.name}, and {_text(theirs)} in {where}"
        self.findings.append(
            Finding(
                rule="contract-conflict",
                severity=Severity.WARNING,
                message=message,
                where=pointer,
                path=self.declared.name,
            )
        )

    def _of(self, pointer: str) -> Evidence:
        """Return the evidence of a value: extracted, else inferred and not confirmed, else declared."""
        found = self.by.get(pointer)
        if found is not None and found.how != "inferred":
            return found
        return self.declared.inferred.get(pointer) or (found if self.fill else None) or self._mine

    def _whole(self, value: Json, pointer: str) -> Evidence | None:
        """Return the evidence that an object has as a whole: that of its name, or of its first value."""
        first = "name" if "name" in value else next((key for key, each in value.items() if _simple(each)), "")
        return self._of(f"{pointer}/{escape(first)}") if first and pointer else None

    @property
    def _mine(self) -> Evidence:
        return Evidence(how="declared", where=self.declared.name)

    def spread(self, value: Any, pointer: str, above: Evidence | None) -> None:  # noqa: ANN401 - JSON
        """Write evidence down, each only where it is not that of the nearest place above."""
        if isinstance(value, dict) and pointer.rpartition("/")[2] not in _WHOLE:
            whole = self._whole(value, pointer) or above or self._mine
            if whole != above:
                self.evidence[pointer] = whole
            for key, each in value.items():
                self.spread(each, f"{pointer}/{escape(key)}", whole)
        elif _named(value):
            if pointer in self.declared.inferred:
                above = self.evidence[pointer] = self.declared.inferred[pointer]
            for number, each in enumerate(value):
                self.spread(each, f"{pointer}/{number}", above)
        elif (mine := self._of(pointer)) != above:
            self.evidence[pointer] = mine


def _named(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(each, dict) and "name" in each for each in value)


def _simple(value: object) -> bool:
    return not isinstance(value, dict) and not _named(value)


def _same(mine: Any, theirs: Any, pointer: str) -> bool:  # noqa: ANN401 - JSON
    if pointer.endswith("/shape") and isinstance(mine, Sequence) and isinstance(theirs, Sequence):
        return merging.shapes(mine, theirs) is not None
    if pointer.endswith("/labels") and isinstance(mine, list) and isinstance(theirs, list):
        return merging.labels(mine, theirs) is not None
    return bool(mine == theirs)


def _has(body: Any, pointer: str) -> bool:  # noqa: ANN401 - JSON
    """Say whether a value stands at a pointer."""
    for part in pointer.split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        if isinstance(body, list) and name.isdigit() and int(name) < len(body):
            body = body[int(name)]
        elif isinstance(body, Mapping) and name in body:
            body = body[name]
        else:
            return False
    return bool(pointer) and not (body == [] and pointer.endswith("/when"))


def _text(value: object) -> str:
    if _named(value):
        value = [each["name"] for each in value]  # type: ignore[attr-defined]  # _named says that it is a list
    text = repr(value)
    return text if len(text) <= 200 else text[:200] + "…"
