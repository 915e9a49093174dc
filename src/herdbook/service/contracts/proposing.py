"""Members of a set as their files' names suggest them.

A proposal: a name does not say whether ``even`` serves the even events or was trained on them. So the evidence says
``inferred``, and nothing is chosen by it until a person confirms.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from herdbook.model.contracts import Condition
from herdbook.service.contracts.pairing import stem

_END = r"(?![A-Za-z0-9])"
_BEGIN = r"(?<![A-Za-z0-9])"
_EDGE = r"(-?[0-9]+(?:[p.][0-9]+)?)"


@dataclass(frozen=True)
class Proposal:
    """A member: one model file, its name in the set, and when its name suggests that it serves."""

    path: str
    name: str
    when: tuple[Condition, ...]
    rule: str


@dataclass(frozen=True)
class _Kind:
    """A way in which names tell members apart: what is found in a name, and the conditions of all that was found."""

    of: str
    find: Callable[[str], str]
    conditions: Callable[[Sequence[str]], list[Condition] | None]


def propose(models: Sequence[tuple[str, str]], *, alike: bool) -> list[Proposal]:
    """Return a proposal for each (path, format), in order; names that tell nothing give no condition.

    Args:
        models: the files of a set.
        alike: they have one interface, so that a difference in format may be all that there is.
    """
    found: list[tuple[_Kind, list[str], list[Condition]]] = []
    for kind in _KINDS:
        words = [kind.find(posixpath.basename(stem(path))) for path, _ in models]
        conditions = kind.conditions(words) if all(words) and len(set(words)) > 1 else None
        if conditions:
            found.append((kind, words, conditions))
    keys = [tuple(words[number] for _, words, _ in found) for number in range(len(models))]
    if alike and len(set(keys)) < len(keys) and len({form for _, form in models}) > 1:
        formats = [form for _, form in models]
        found.append((_FORMAT, formats, [Condition(of="format", among=(form,)) for form in formats]))
    rule = (
        f"names of files: {', '.join(kind.of for kind, _, _ in found)}" if found else "one member for each model file"
    )
    names = ["-".join(words[number] for _, words, _ in found) for number in range(len(models))]
    if len(set(names)) < len(names) or not found:
        names = [path for path, _ in models]
    whens = [tuple(conditions[number] for _, _, conditions in found) for number in range(len(models))]
    if len(set(whens)) < len(whens):  # names leave some apart by nothing: then they tell nothing
        whens = [() for _ in models]
    return [Proposal(path, name, when, rule) for (path, _), name, when in zip(models, names, whens, strict=True)]


def _word(pattern: str) -> Callable[[str], str]:
    compiled = re.compile(pattern, re.IGNORECASE)

    def find(name: str) -> str:
        match = compiled.search(name)
        return match[match.lastindex or 0].lower() if match else ""

    return find


def _folds(words: Sequence[str]) -> list[Condition] | None:
    """Return folds of the event number, where they are counted from 0 and none is missing."""
    numbers = [{"even": 0, "odd": 1}.get(word, int(word) if word.isdigit() else -1) for word in words]
    count = max(numbers) + 1
    if count < 2 or set(numbers) != set(range(count)):
        return None
    return [Condition(of="event_number", modulo=count, remainder=number) for number in numbers]


def _among(of: str) -> Callable[[Sequence[str]], list[Condition]]:
    return lambda words: [Condition(of=of, among=(word,)) for word in words]


def _bins(of: str) -> Callable[[Sequence[str]], list[Condition] | None]:
    def conditions(words: Sequence[str]) -> list[Condition] | None:
        edges = [[_number(end) for end in word.split("to")] for word in words]
        if any(len(pair) != 2 or (None not in pair and pair[0] >= pair[1]) for pair in edges):  # type: ignore[operator]  # numbers
            return None
        absolute = True if of == "eta" and all(low is not None and low >= 0 for low, _ in edges) else None
        return [Condition(of=of, lower=low, upper=high, absolute=absolute) for low, high in edges]

    return conditions


def _number(text: str) -> int | float | None:
    if text == "inf":
        return None
    value = float(text.replace("p", "."))
    return int(value) if value.is_integer() else value


_FORMAT = _Kind("format", lambda _: "", lambda _: None)
_KINDS = (
    _Kind("event_number", _word(rf"{_BEGIN}(even|odd){_END}|(?:k?fold|event)[_-]?([0-9]+){_END}"), _folds),
    _Kind("eta", _word(rf"eta_?({_EDGE[1:-1]}to(?:{_EDGE[1:-1]}|inf))"), _bins("eta")),
    _Kind("pt", _word(rf"pt_?({_EDGE[1:-1]}to(?:{_EDGE[1:-1]}|inf))"), _bins("pt")),
    _Kind("part", _word(r"(?<![A-Za-z])(core|inner|outer)(?![A-Za-z])"), _among("part")),
    _Kind(
        "region", _word(r"(?<![A-Za-z])(barrel|endcap|EB|EE|forward|backward|central)(?![A-Za-z])"), _among("region")
    ),
    _Kind(
        "era",
        _word(rf"{_BEGIN}(?:run)?((?:20[0-9]{{2}}|UL1[678])(?:pre|post)?(?:VFP|EE|BPix)?[A-H]?){_END}"),
        _among("era"),
    ),
)
