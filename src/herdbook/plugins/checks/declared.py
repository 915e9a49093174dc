"""What is declared against what the files say."""

from __future__ import annotations

from collections.abc import Iterator

from herdbook.model.checks import Rule
from herdbook.model.contracts import Bounds, Contract, Feature, Tensor
from herdbook.model.facts import Finding, Severity
from herdbook.plugins.checks.looking import listed
from herdbook.ports.checks import Check, Subject

CONFLICT = Rule(id="contract-conflict", title="Two sources of the contract differ", severity=Severity.ERROR)
DECLARED = Rule(id="declared-differs", title="The declared contract is not what the files say", severity=Severity.ERROR)
BAD = Rule(id="bad-contract", title="The contract file cannot be read", severity=Severity.ERROR)
VALUE = Rule(id="contract-bad-value", title="A file tells a value that no contract takes", severity=Severity.WARNING)
UNPAIRED = Rule(id="sidecar-unpaired", title="A file beside the models fits none of them", severity=Severity.WARNING)
UNIT = Rule(id="unit-not-ucum", title="A unit that is not written in UCUM", severity=Severity.WARNING)
_ASSEMBLED = {rule.id: rule for rule in (CONFLICT, BAD, VALUE, UNPAIRED, UNIT)}

_NO_YAML = frozenset({"not-yaml"})


class Declared:
    """The contract, against the graph and whatever lies beside it."""

    rules = (CONFLICT, DECLARED, BAD, VALUE, UNPAIRED, UNIT)

    def look(self, subject: Subject) -> Iterator[Finding]:
        """Yield what assembling the contract found, and differences between declaration and files."""
        no_yaml = {
            view.path for view in subject.files if view.facts and _NO_YAML & {f.rule for f in view.facts.findings}
        }
        for each in subject.conflicts:
            if each.rule == BAD.id and each.path in no_yaml:
                continue  # its reader says so, and where
            if (rule := _ASSEMBLED.get(each.rule)) is not None:
                yield rule.found(each.message, path=each.path, where=each.where)
        if subject.contract is not None and subject.told is not None:
            yield from _differences(subject.contract, subject.told)


_: type[Check] = Declared


def _differences(declared: Contract, told: Contract) -> Iterator[Finding]:
    """Compare what is declared of all, and of each member with the member that the files tell of the same file."""
    yield from _interface(declared, told, "", "")
    members = list(enumerate(declared.members or ()))
    for found in told.members or ():
        mine = next(((n, each) for n, each in members if set(each.files) & set(found.files)), None)
        number, member = mine or (None, None)
        own = member is not None and (member.inputs is not None or member.outputs is not None)
        if own or found.inputs is not None or found.outputs is not None:
            ours = Contract(
                inputs=(member and member.inputs) or declared.inputs,
                outputs=(member and member.outputs) or declared.outputs,
            )
            theirs = Contract(inputs=found.inputs or told.inputs, outputs=found.outputs or told.outputs)
            yield from _interface(ours, theirs, f"/members/{number}" if own else "", found.files[0])


def _interface(declared: Contract, told: Contract, at: str, path: str) -> Iterator[Finding]:
    for side in ("inputs", "outputs"):
        ours: tuple[Tensor, ...] | None = getattr(declared, side)
        theirs: tuple[Tensor, ...] | None = getattr(told, side)
        if ours is None or theirs is None:
            continue
        where = f"{at}/{side}"
        if [each.name for each in ours] != [each.name for each in theirs]:
            message = f"{side} are declared as {_names(ours)}; the files have {_names(theirs)}"
            yield DECLARED.found(message, path=path, where=where)
            continue
        for index, (mine, other) in enumerate(zip(ours, theirs, strict=True)):
            for what, message in _tensor(mine, other):
                yield DECLARED.found(message, path=path, where=f"{where}/{index}/{what}")


def _names(tensors: tuple[Tensor, ...]) -> str:
    return ", ".join(each.name for each in tensors) or "none"


def _tensor(declared: Tensor, told: Tensor) -> Iterator[tuple[str, str]]:
    """Yield the field, and what is said, for each difference; what one side does not say is none."""
    if declared.dtype and told.dtype and declared.dtype != told.dtype:
        yield "dtype", f"{declared.name} is declared {declared.dtype}, and is {told.dtype}"
    if declared.shape is not None and told.shape is not None and not fits(declared.shape, told.shape):
        said, found = (_shape(shape) for shape in (declared.shape, told.shape))
        yield "shape", f"{declared.name} is declared {said}, and is {found}"
    if declared.labels and told.labels and declared.labels != told.labels:
        yield (
            "labels",
            f"{declared.name} is declared with the labels {listed(declared.labels)}, and has {listed(told.labels)}",
        )
    if declared.features is not None and told.features is not None:
        yield from _features(declared, declared.features, told.features)


def _features(tensor: Tensor, ours: tuple[Feature, ...], theirs: tuple[Feature, ...]) -> Iterator[tuple[str, str]]:
    """Compare features by position: their names, then every constant of preparation that both sides say."""
    names, others = [each.name for each in ours], [each.name for each in theirs]
    if names != others:
        what = "in another order" if sorted(names) == sorted(others) else "others"
        yield (
            "features",
            f"the features of {tensor.name} are declared as {listed(names)}; the files have {what}: {listed(others)}",
        )
        return
    for number, (mine, other) in enumerate(zip(ours, theirs, strict=True)):
        for name in _PREPARED:
            a, b = getattr(mine, name), getattr(other, name)
            if a is not None and b is not None and a != b:
                message = f"{name} of {mine.name} in {tensor.name} is declared {_value(a)}; the files have {_value(b)}"
                yield f"features/{number}/{name}", message


_PREPARED = ("unit", "offset", "scale", "divisor", "clip", "pad_value", "missing_value", "replace_non_finite")


def _value(value: object) -> str:
    return f"{value.lower} to {value.upper}" if isinstance(value, Bounds) else str(value)


def _shape(axes: tuple[int | str | None, ...]) -> str:
    return " × ".join("?" if axis is None else str(axis) for axis in axes) or "scalar"


def fits(one: tuple[int | str | None, ...], other: tuple[int | str | None, ...]) -> bool:
    """Say whether two shapes can be the same: as many axes, and no two different numbers on one."""
    return len(one) == len(other) and not any(
        isinstance(a, int) and isinstance(b, int) and a != b for a, b in zip(one, other, strict=True)
    )
