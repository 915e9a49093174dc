"""What one file tells of an interface: values, each with the place that it was read from. Nothing is merged here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from herdbook.model.base import Json
from herdbook.model.dossiers import FileView
from herdbook.model.facts import Finding, Severity
from herdbook.model.statements import Evidence


class Told(NamedTuple):
    """A value, and where it came from."""

    value: Any
    evidence: Evidence


Fields = dict[str, Told]
"""The fields of a feature, a sequence or a tensor, by name."""


@dataclass(slots=True)
class Tensor:
    """An input or output. Its name may be missing; ``features`` has a set of fields for each feature, in order."""

    fields: Fields = field(default_factory=dict)
    features: list[Fields] | None = None
    sequence: Fields = field(default_factory=dict)
    ordered: bool = True
    """Whether the file says in which order the features stand."""
    batched: bool = True
    """Whether the shape has the batch axis."""

    @property
    def name(self) -> str:
        """The name, empty when the file gives none."""
        return str(self.fields["name"].value) if "name" in self.fields else ""


@dataclass(slots=True)
class Source:
    """What one file tells. A sidecar that names no tensor tells of the only one there is.

    ``labels_of`` is output → name of the file that holds its labels.
    """

    view: FileView
    inputs: list[Tensor] | None = None
    outputs: list[Tensor] | None = None
    only_input: Tensor | None = None
    only_output: Tensor | None = None
    whole: Fields = field(default_factory=dict)
    ext: dict[str, Told] = field(default_factory=dict)
    labels_of: dict[str, str] = field(default_factory=dict)
    by_position: bool = False
    """Whether its tensors are known by their position, not by their names."""
    findings: list[Finding] = field(default_factory=list)

    @property
    def path(self) -> str:
        """The path of the file."""
        return self.view.path

    @property
    def format(self) -> str:
        """What the reader says that it is."""
        return self.view.facts.format if self.view.facts else ""

    @property
    def values(self) -> Json:
        """What the reader found."""
        return self.view.facts.values if self.view.facts else {}

    def warn(self, rule: str, message: str, where: str = "") -> None:
        """Something should be looked at."""
        self.findings.append(
            Finding(rule=rule, severity=Severity.WARNING, message=message, where=where, path=self.path)
        )


def by(view: FileView, pointer: str, rule: str = "") -> Evidence:
    """Return the evidence of a value that a reader found: file, pointer into its facts, place in the file."""
    where = view.facts.where if view.facts else {}
    near = pointer
    while near and near not in where:
        near = near.rpartition("/")[0]
    place = where.get(near, "")
    if near == pointer and place:
        text = f"{view.path}, {place}"
    else:
        line = f", {place}" if place.startswith(("line ", "byte ")) else ""
        text = f"{view.path} {pointer}{line}"
    return Evidence(how="extracted", where=text, rule=rule or None)


def inferred(view: FileView, rule: str) -> Evidence:
    """Return the evidence of a value that no file tells, and that a rule of ours gives."""
    return Evidence(how="inferred", where=view.path, rule=rule)


def take(values: Mapping[str, Any], names: Mapping[str, str], evidence: Evidence) -> Fields:
    """Return fields: ours by the file's names, those that it has."""
    return {ours: Told(values[theirs], evidence) for theirs, ours in names.items() if values.get(theirs) is not None}


def escape(name: str) -> str:
    """Return a name as a JSON pointer writes it."""
    return name.replace("~", "~0").replace("/", "~1")
