"""Rules that look back: what changed since the version before and breaks who passes by position or reads outputs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from herdbook.model.checks import Rule
from herdbook.model.contracts import Contract
from herdbook.model.facts import Finding, Severity
from herdbook.model.meanings import MEANINGS, of_maker
from herdbook.plugins.checks import beside
from herdbook.plugins.checks.looking import Read, listed, models
from herdbook.ports.checks import Check, Subject

ORDER = Rule(id="order-changed", title="Another order than in the version before", severity=Severity.ERROR)
MEANING = Rule(
    id="meaning-changed", title="An output means something else than in the version before", severity=Severity.ERROR
)


class Before:
    """Compares with the version before, file by file, and in what is told of features."""

    rules = (ORDER, MEANING)

    def look(self, subject: Subject) -> Iterator[Finding]:
        """Yield what is found."""
        if subject.before is None:
            return
        for file, old in _pairs([*models(subject)], [*models(subject.before)]):
            for side in ("inputs", "outputs", "features"):
                yield from _order(file, old, side)
            yield from _activation(file, old)
        ours, theirs = (each.contract or each.told for each in (subject, subject.before))
        if ours is not None and theirs is not None:
            yield from _features(ours, theirs)
            yield from _meanings(ours, theirs)


_: type[Check] = Before


def _pairs(new: Sequence[Read], old: Sequence[Read]) -> Iterator[tuple[Read, Read]]:
    """Yield files of one path, or the only two models that there are."""
    before = {file.path: file for file in old}
    if len(new) == len(old) == 1:
        yield new[0], old[0]
        return
    for file in new:
        if file.path in before:
            yield file, before[file.path]


def _order(file: Read, old: Read, side: str) -> Iterator[Finding]:
    ours, theirs = _named(file.values, side), _named(old.values, side)
    if _moved(ours, theirs):
        message = f"{side} stand as {listed(ours)}; in the version before as {listed(theirs)}"
        yield ORDER.found(message, path=file.path, where=f"/{side}")


def _named(values: Mapping[str, Any], side: str) -> list[str]:
    found = values.get(side)
    return beside.names(found) if isinstance(found, list) else []


def _moved(new: Sequence[str], old: Sequence[str]) -> bool:
    """Say whether names that are in both stand in another order."""
    kept = [name for name in new if name in set(old)]
    return kept != [name for name in old if name in set(new)]


def _activation(file: Read, old: Read) -> Iterator[Finding]:
    """Yield outputs that have an activation now and had none, or the reverse."""
    now, then = (beside.made(each) for each in (file, old))
    before = {each.get("name"): maker for each, maker in then}
    for number, (output, ours) in enumerate(now):
        theirs = then[0][1] if len(now) == len(then) == 1 else before.get(output.get("name"), "")
        if ours and theirs and bool(of_maker(ours)) != bool(of_maker(theirs)):
            message = f"{output.get('name')!r} comes from {ours}, and came from {theirs} in the version before"
            yield MEANING.found(message, path=file.path, where=f"/outputs/{number}")


def _meanings(ours: Contract, theirs: Contract) -> Iterator[Finding]:
    before = {tensor.name: tensor.meaning for tensor in theirs.outputs or ()}
    for number, tensor in enumerate(ours.outputs or ()):
        old = before.get(tensor.name)
        if old != tensor.meaning and {old, tensor.meaning} <= MEANINGS:
            message = f"{tensor.name} is {tensor.meaning}, and was {old} in the version before"
            yield MEANING.found(message, where=f"/outputs/{number}/meaning")


def _features(ours: Contract, theirs: Contract) -> Iterator[Finding]:
    before = {tensor.name: tensor for tensor in theirs.inputs or ()}
    for number, tensor in enumerate(ours.inputs or ()):
        old = before.get(tensor.name)
        if old is None or tensor.features is None or old.features is None:
            continue
        new_names, old_names = [each.name for each in tensor.features], [each.name for each in old.features]
        if _moved(new_names, old_names):
            place = next(n for n, (a, b) in enumerate(zip(new_names, old_names, strict=False)) if a != b)
            message = (
                f"the features of {tensor.name} stand in another order than in the version before, from "
                f"{new_names[place]!r} on, where {old_names[place]!r} was"
            )
            yield ORDER.found(message, where=f"/inputs/{number}/features/{place}")
