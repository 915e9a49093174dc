"""Rules of units: energies without one, and GeV here that is MeV there. Nothing is converted, nothing guessed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from herdbook.model.checks import Rule
from herdbook.model.contracts import Contract, Tensor
from herdbook.model.facts import Finding, Severity
from herdbook.plugins.checks.looking import listed, tensors
from herdbook.ports.checks import Check, Subject

MISSING = Rule(id="unit-missing", title="An energy without a unit", severity=Severity.WARNING)
DIFFER = Rule(id="units-differ", title="One quantity in two units", severity=Severity.ERROR)
CHANGED = Rule(id="unit-changed", title="Another unit than in the version before", severity=Severity.ERROR)

_TOKEN = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+?(?=v\d)|[A-Z]?[a-z]+|\d+")
"""Words of a name in camelCase or with lines between; ``jetPtRelv2`` is jet, Pt, Rel, v, 2."""
_WORD = re.compile(r"\S+")
_ENERGY = frozenset(_WORD.findall("e et energy en mass m mt msd sdmass mvis pt px py pz ht met mtot ptsum sumpt sumet"))
_RATIO = frozenset(
    _WORD.findall("rel ratio ratios frac fraction over div per norm normed reso resolution significance sig n num d")
)
_LONE = frozenset({"e", "m"})
"""Letters that are an energy or a mass only where they end a name: ``jet_e``, not ``e_index``."""


class Units:
    """Looks at what a contract says, and at names of features that files tell."""

    rules = (MISSING, DIFFER, CHANGED)

    def look(self, subject: Subject) -> Iterable[Finding]:
        """Yield what is found."""
        yield from _missing(subject)
        now = list(_told(subject.contract))
        yield from _differ(now)
        if subject.before is not None:
            yield from _changed(list(_told(subject.before.contract)), now)


_: type[Check] = Units


@dataclass(frozen=True)
class _Told:
    """A quantity, its unit, and where in the contract that stands."""

    name: str
    unit: str
    where: str


def is_energy(name: str) -> bool:
    """Say whether a quantity is an energy, momentum or mass by its name; when in doubt, not.

    ``jet_pt``, ``scRawEnergy`` and ``part_pt_log`` are (a logarithm hides its unit); ``ptRatio`` and ``ptRel`` are not.
    """
    tokens = [token.lower() for token in _TOKEN.findall(name)]
    if not _ENERGY.intersection(tokens) or _RATIO.intersection(tokens):
        return False
    words = [token for token in tokens if not token.isdigit()]
    return bool(_ENERGY.intersection(tokens) - _LONE) or (len(words) > 1 and words[-1] in _LONE)


def _missing(subject: Subject) -> Iterator[Finding]:
    for tensor in tensors(subject).values():
        unsaid = [each.name for each in tensor.features or () if each.unit is None and is_energy(each.name)]
        if not tensor.features and tensor.unit is None and is_energy(tensor.name):
            unsaid = [tensor.name]
        if unsaid:
            message = f"no unit for {listed(unsaid)}: say GeV or MeV in the contract"
            yield MISSING.found(message, where=_where(subject.contract, tensor.name))


def _where(contract: Contract | None, name: str) -> str:
    """Return where the contract declares a tensor; empty where it does not."""
    for what in ("inputs", "outputs"):
        for place, tensor in enumerate(getattr(contract, what, None) or ()):
            if tensor.name == name:
                return f"/{what}/{place}"
    return ""


def _told(contract: Contract | None) -> Iterator[_Told]:
    """Yield each quantity that a contract gives a unit, of the set and of its members."""
    if contract is None:
        return
    yield from _of("/inputs", contract.inputs)
    yield from _of("/outputs", contract.outputs)
    for place, member in enumerate(contract.members or ()):
        yield from _of(f"/members/{place}/inputs", member.inputs)
        yield from _of(f"/members/{place}/outputs", member.outputs)


def _of(where: str, group: tuple[Tensor, ...] | None) -> Iterator[_Told]:
    for place, tensor in enumerate(group or ()):
        if tensor.unit is not None:
            yield _Told(tensor.name, tensor.unit, f"{where}/{place}/unit")
        for inner, feature in enumerate(tensor.features or ()):
            if feature.unit is not None:
                yield _Told(feature.name, feature.unit, f"{where}/{place}/features/{inner}/unit")


def _differ(now: list[_Told]) -> Iterator[Finding]:
    first: dict[str, _Told] = {}
    for told in now:
        other = first.setdefault(told.name, told)
        if other.unit != told.unit:
            message = f"{told.name!r} is in {told.unit} here and in {other.unit} at {other.where}"
            yield DIFFER.found(message, where=told.where)


def _changed(before: list[_Told], now: list[_Told]) -> Iterator[Finding]:
    old = {told.name: told.unit for told in before}
    for name, told in {told.name: told for told in now}.items():
        if name in old and old[name] != told.unit:
            message = f"{name!r} is in {told.unit}, and was in {old[name]} in the version before"
            yield CHANGED.found(message, where=told.where)
