"""How checks look at a subject: its model files with their facts, and what is said of its inputs and outputs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from herdbook.model.contracts import Contract, Feature, Member, Tensor
from herdbook.model.dossiers import FileView
from herdbook.model.facts import Facts
from herdbook.model.formats import MODELS
from herdbook.ports.checks import Subject


@dataclass(frozen=True)
class Read:
    """A file that a reader took: its path, its facts, and their values."""

    path: str
    facts: Facts
    view: FileView

    @property
    def format(self) -> str:
        """The name of its format."""
        return self.facts.format

    @property
    def values(self) -> Mapping[str, Any]:
        """What the reader says, by the names of docs/reference/facts.md."""
        return self.facts.values


def files(subject: Subject, formats: Iterable[str]) -> Iterator[Read]:
    """Yield files of these formats, in order."""
    wanted = frozenset(formats)
    for view in subject.files:
        if view.facts is not None and view.facts.format in wanted:
            yield Read(view.path, view.facts, view)


def models(subject: Subject) -> Iterator[Read]:
    """Yield files that hold a model."""
    return files(subject, MODELS)


def listed(names: Sequence[str], most: int = 4) -> str:
    """Return names as a person reads them: the first few, and how many more."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(map(repr, names[:most])) + more


def tensors(subject: Subject) -> dict[str, Tensor]:
    """Return inputs and outputs of the set and of its members by name: declared, else as the files tell them.

    What is declared of a tensor is completed with the features and the shape that files tell of it.
    """
    found: dict[str, Tensor] = {}
    for contract in (subject.contract, subject.told):
        if contract is None:
            continue
        groups: list[Contract | Member] = [contract, *(contract.members or ())]
        for group in groups:
            for tensor in (*(group.inputs or ()), *(group.outputs or ())):
                found[tensor.name] = _completed(found.get(tensor.name), tensor)
    return found


def _completed(declared: Tensor | None, told: Tensor) -> Tensor:
    if declared is None:
        return told
    absent = [name for name in type(told).model_fields if getattr(declared, name) is None]
    return declared.model_copy(update={name: getattr(told, name) for name in absent})


def features(tensor: Tensor) -> tuple[Feature, ...]:
    """Return the features of a tensor; none when nobody named them."""
    return tensor.features or ()
