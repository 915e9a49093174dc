"""A contract as YAML for its author: what is known with where from, what is not known as ``unknown``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from herdbook.model.base import Json
from herdbook.model.contracts import Condition, Contract, Feature, Member, Sequence, Tensor
from herdbook.model.statements import Evidence
from herdbook.service import plan_yaml
from herdbook.service.contracts.assembling import Assembled
from herdbook.service.contracts.declared import UNKNOWN
from herdbook.service.contracts.telling import escape

HEADER = """The interface contract of a model. Say it with herdbook contract add, or let it lie beside the model.
Values were read where the comments say. Replace each unknown that you know; leave the others.
Units are UCUM: GeV, MeV, mm, rad, ns, 1 for a number. What stands under evidence was inferred from
names and operators: check it, then delete its line."""
_ORDER = {
    name: place
    for place, name in enumerate(
        dict.fromkeys(
            name
            for value in (Member, Feature, Sequence, Tensor, Condition, Contract)
            for name in value.model_fields
            if name not in {"inputs", "outputs", "features", "sequence", "ext"}
        )
    )
}
_LAST = {"features": 1, "sequence": 2, "inputs": 3, "outputs": 4, "selection": 5, "members": 6, "ext": 7}
MAX_FINDINGS = 50
_FLOW = {"clip", "training_range", "when"}


class _Unsaid:
    """Stands where ``unknown`` is to be written."""


_UNSAID = _Unsaid()


def write(contract: Assembled) -> str:
    """Return the YAML of a contract; reading it again gives the same contract and the same unknowns."""
    body = contract.contract.json_object()
    for pointer in contract.unknown:
        _put(body, pointer)
    lines = [f"# {line}" for line in HEADER.splitlines()]
    lines += [f"# {each.severity}: {_comment(each.message)}" for each in contract.findings[:MAX_FINDINGS]]
    lines += ["", *_Writer(contract).mapping(body, "", "")]
    waiting = dict(_waiting(contract, body))
    if waiting:
        lines += ["", "evidence:"]
        lines += [f"  {plan_yaml.scalar(pointer)}: {_flow(each.json_object())}" for pointer, each in waiting.items()]
    return "\n".join(lines) + "\n"


def _put(body: Any, pointer: str) -> None:  # noqa: ANN401 - JSON
    *above, last = [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]
    for part in above:
        body = body[int(part)] if isinstance(body, list) else body.setdefault(part, {})
    if isinstance(body, dict) and (last not in body or (last == "when" and not body[last])):
        body[last] = _UNSAID


def _waiting(contract: Assembled, body: Json) -> Iterator[tuple[str, Evidence]]:
    """Yield what was inferred: of a thing with a name, its name; of all else, itself."""
    for pointer, evidence in contract.evidence.items():
        if evidence.how == "inferred":
            value: Any = body
            for part in pointer.split("/")[1:]:
                value = value[int(part)] if isinstance(value, list) else value.get(part.replace("~1", "/"))
            yield (f"{pointer}/name" if isinstance(value, dict) and "name" in value else pointer), evidence


class _Writer:
    def __init__(self, contract: Assembled) -> None:
        self.evidence = contract.evidence

    def mapping(self, value: Json, pointer: str, indent: str) -> Iterator[str]:
        for key in sorted(value, key=lambda name: (_LAST.get(name, 0), _ORDER.get(name, 0))):
            each, at = value[key], f"{pointer}/{escape(key)}"
            note = self._note(pointer, key) or self._note(at)
            head = f"{indent}{plan_yaml.scalar(key)}:"
            if isinstance(each, dict) and each and key not in _FLOW:
                yield f"{head}{note}"
                yield from self.mapping(each, at, indent + "  ")
            elif isinstance(each, list) and each and isinstance(each[0], dict) and key not in _FLOW:
                yield f"{head}{note}"
                for number, item in enumerate(each):
                    lines = self.mapping(item, f"{at}/{number}", indent + "  ")
                    yield f"{indent}- {next(lines).lstrip()}"
                    yield from lines
            else:
                yield f"{head} {_flow(each)}{note}"

    def _note(self, pointer: str, key: str = "name") -> str:
        """Return where a value came from, as a comment; that of a thing with a name stands behind the name."""
        evidence = self.evidence.get(pointer)
        if evidence is None or key != "name":
            return ""
        words = [evidence.how if evidence.how == "inferred" else "", evidence.where or "", evidence.rule or ""]
        return f"  # {_comment('; '.join(word for word in words if word))}"


def _comment(text: str) -> str:
    """Return a text that stays in its line and steers no terminal."""
    return "".join(char if char.isprintable() else "?" for char in " ".join(text.split()))


def _flow(value: Any) -> str:  # noqa: ANN401 - JSON
    if value is _UNSAID:
        return UNKNOWN
    if value is None:
        return "null"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{plan_yaml.scalar(key)}: {_flow(each)}" for key, each in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_flow, value)) + "]"
    if isinstance(value, float):
        text = repr(value)
        mantissa, e, exponent = text.partition("e")
        return f"{mantissa if '.' in mantissa else mantissa + '.0'}{e}{exponent}"
    if isinstance(value, str) and (value == UNKNOWN or ":" in value):
        return plan_yaml.quoted(value)
    return plan_yaml.scalar(value)
