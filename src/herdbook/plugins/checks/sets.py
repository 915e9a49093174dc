"""Rules of model sets: who serves where, with which files, and whether members can take each other's place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from herdbook.model.checks import Rule
from herdbook.model.contracts import Contract, Member
from herdbook.model.facts import Finding, Severity
from herdbook.plugins.checks.looking import Read, models
from herdbook.ports.checks import Check, Subject
from herdbook.service.contracts import members as conditions

OVERLAP = Rule(id="set-overlap", title="Two members serve the same", severity=Severity.ERROR)
HOLE = Rule(id="set-hole", title="No member serves", severity=Severity.WARNING)
END = Rule(id="set-end", title="No member serves beyond the bins", severity=Severity.NOTE)
UNIT = Rule(id="set-unit", title="Bins of one quantity in two units", severity=Severity.ERROR)
UNEXAMINED = Rule(id="set-unexamined", title="A set too large to look at whole", severity=Severity.NOTE)
ABSENT = Rule(id="member-without-file", title="A member whose file is not there", severity=Severity.ERROR)
DIFFER = Rule(id="members-differ", title="Members of one set with two interfaces", severity=Severity.ERROR)


class Sets:
    """Looks at the members of a contract and at their files."""

    rules = (OVERLAP, HOLE, END, UNIT, UNEXAMINED, ABSENT, DIFFER)

    def look(self, subject: Subject) -> Iterable[Finding]:
        """Yield what is found."""
        contract = _set(subject)
        if contract is None or not contract.members:
            return
        if any(member.when for member in contract.members):  # parts of one model serve together, without conditions
            yield from conditions.findings(contract.members)
        yield from _absent(contract.members, {view.path for view in subject.files})
        yield from _differ(contract.members, {file.path: file for file in models(subject)})


_: type[Check] = Sets


def _set(subject: Subject) -> Contract | None:
    """Return the contract that has members: the declared one, else what files tell."""
    return next((each for each in (subject.contract, subject.told) if each is not None and each.members), None)


def _absent(members: Sequence[Member], there: set[str]) -> Iterator[Finding]:
    for place, member in enumerate(members):
        for inner, path in enumerate(member.files):
            if path not in there:
                message = f"{path!r}, a file of the member {member.name!r}, is not in this version"
                yield ABSENT.found(message, path=path, where=f"/members/{place}/files/{inner}")


def _differ(members: Sequence[Member], files: Mapping[str, Read]) -> Iterator[Finding]:
    """Yield members that serve under a condition, declare no interface, and have another one than the first."""
    first: dict[str, tuple[Member, object]] = {}
    for place, member in enumerate(members):
        if not member.when or member.inputs or member.outputs:
            continue
        found = next((files[path] for path in member.files if path in files), None)
        for what, value in _interface(found.values).items() if found else ():
            other, before = first.setdefault(what, (member, value))
            if before != value:
                message = f"{what} of {member.name!r} are {_short(value)}, those of {other.name!r} {_short(before)}"
                yield DIFFER.found(message, where=f"/members/{place}")


def _interface(values: Mapping[str, Any]) -> dict[str, object]:
    """Return what members must have in common, as far as their files say it."""
    found: dict[str, object] = {}
    for what in ("inputs", "outputs"):
        if values.get(what):
            found[what] = [(each.get("name"), each.get("dtype"), _axes(each.get("shape"))) for each in values[what]]
    if values.get("num_features") is not None:
        found["features in number"] = values["num_features"]
    if values.get("features"):
        found["features"] = [each.get("name") for each in values["features"]]
    return found


def _axes(shape: Sequence[object] | None) -> tuple[object, ...] | None:
    """Return the axes; symbols are only names."""
    return None if shape is None else tuple(axis if isinstance(axis, int) else None for axis in shape)


def _short(value: object) -> str:
    if isinstance(value, list):
        value = ", ".join(str(each[0] if isinstance(each, tuple) else each) for each in value)
    text = str(value)
    return text if len(text) <= 200 else text[:199] + "…"
