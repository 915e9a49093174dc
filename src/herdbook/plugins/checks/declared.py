"""What is declared against what the files say."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest

from herdbook.model.checks import Rule
from herdbook.model.contracts import Contract, Tensor
from herdbook.model.facts import Finding, Severity
from herdbook.ports.checks import Check, Subject

CONFLICT = Rule(
    id="contract-conflict",
    title="Two sources of the contract say different things",
    severity=Severity.ERROR,
)
DECLARED = Rule(
    id="declared-differs",
    title="The declared contract is not what the files say",
    severity=Severity.ERROR,
)


class Declared:
    """The contract, against the graph and whatever lies beside it."""

    rules = (CONFLICT, DECLARED)

    def look(self, subject: Subject) -> Iterator[Finding]:
        """Yield the conflicts of assembling, and differences between declaration and files."""
        for conflict in subject.conflicts:
            yield CONFLICT.found(conflict.message, path=conflict.path, where=conflict.where)
        if subject.contract is not None and subject.told is not None:
            yield from _differences(subject.contract, subject.told)


_: type[Check] = Declared


def _differences(declared: Contract, told: Contract) -> Iterator[Finding]:
    for side in ("inputs", "outputs"):
        ours: tuple[Tensor, ...] | None = getattr(declared, side)
        theirs: tuple[Tensor, ...] | None = getattr(told, side)
        if ours is None or theirs is None:
            continue
        if [each.name for each in ours] != [each.name for each in theirs]:
            yield DECLARED.found(
                f"{side} are declared as {_names(ours)}; the files have {_names(theirs)}", where=f"/{side}"
            )
            continue
        for index, (mine, other) in enumerate(zip(ours, theirs, strict=True)):
            yield from _tensor(mine, other, f"/{side}/{index}")


def _names(tensors: tuple[Tensor, ...]) -> str:
    return ", ".join(each.name for each in tensors) or "none"


def _tensor(declared: Tensor, told: Tensor, where: str) -> Iterator[Finding]:
    if declared.dtype and told.dtype and declared.dtype != told.dtype:
        yield DECLARED.found(
            f"{declared.name} is declared {declared.dtype}, and is {told.dtype}", where=f"{where}/dtype"
        )
    if declared.shape is not None and told.shape is not None and not fits(declared.shape, told.shape):
        said, found = (" × ".join(str(axis) for axis in shape) or "scalar" for shape in (declared.shape, told.shape))
        yield DECLARED.found(f"{declared.name} is declared {said}, and is {found}", where=f"{where}/shape")


def fits(one: tuple[int | str | None, ...], other: tuple[int | str | None, ...]) -> bool:
    """Say whether two shapes can be the same: as many axes, and no two different numbers on one."""
    return len(one) == len(other) and not any(
        isinstance(a, int) and isinstance(b, int) and a != b for a, b in zip_longest(one, other)
    )
