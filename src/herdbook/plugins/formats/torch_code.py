"""The code in a TorchScript archive, as text: classes, their attributes, and what `forward` takes and returns."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from herdbook.kernel.errors import InvalidError
from herdbook.model.facts import Finding, Severity

if TYPE_CHECKING:
    from herdbook.plugins.formats.torch_zip import Torch

MAX_CODE = 16 * 1024 * 1024
MAX_FILES = 5000
MAX_ARGUMENTS = 1000
_CLASS = re.compile(r"^class ([A-Za-z_]\w*)\(([A-Za-z_]\w*)\):\n", re.MULTILINE)
_LISTS = re.compile(r"^  __(parameters|buffers)__ = \[([^\]\n]*)\]", re.MULTILINE)
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
_FORWARD = re.compile(r"^  def forward\(", re.MULTILINE)
_OPERATORS = (re.compile(r"torch(\.)([a-zA-Z_]\w*)\("), re.compile(r"ops\.([a-zA-Z_]\w*)\.([a-zA-Z_]\w*)\("))
"""Each begins with letters, so that it is searched for quickly; that these begin a name is looked at afterwards."""
_IN_A_NAME = re.compile(r"\w|(?<=\bops)\.")
_NOT_OPERATORS = frozenset({"device", "dtype"})


@dataclass(frozen=True, slots=True)
class Class:
    """A class of the archive. ``member``, ``start``, ``end``: where its text stands."""

    parameters: tuple[str, ...]
    buffers: tuple[str, ...]
    member: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Argument:
    """One of forward's; ``type`` as PyTorch writes it; ``default``: its text."""

    name: str
    type: str
    default: str


@dataclass(frozen=True, slots=True)
class Forward:
    """What is given to a module and what it returns."""

    arguments: tuple[Argument, ...]
    returns: str
    member: str


class Code:
    """All code of an archive.

    Args:
        torch: the archive.

    Raises:
        CorruptError: when a member cannot be had.
        InvalidError: when there is more text than this reader goes through.
    """

    def __init__(self, torch: Torch) -> None:
        self.classes: dict[str, Class] = {}
        self.findings: list[Finding] = []
        self._texts: dict[str, str] = {}
        base = f"{torch.folder}/code/" if torch.folder else "code/"
        names = [name for name in torch.archive.names if name.startswith(base) and name.endswith(".py")]
        left = MAX_CODE
        for name in names[:MAX_FILES]:
            left -= torch.archive.size(name)
            if left < 0:
                raise InvalidError(f"{torch.archive.path} has more than {MAX_CODE} bytes of code", code="too-much-code")
            text = torch.archive.read(name, MAX_CODE).decode("utf-8", "replace")
            self._texts[name] = text
            self._take(name, name[len(base) : -3].replace("/", "."), text)
        if len(names) > MAX_FILES:
            message = f"only {MAX_FILES} of {len(names)} files of code were read"
            self.findings.append(Finding(rule="code-cut", severity=Severity.WARNING, message=message))

    def _take(self, member: str, module: str, text: str) -> None:
        begins = list(_CLASS.finditer(text))
        for index, found in enumerate(begins):
            end = begins[index + 1].start() if index + 1 < len(begins) else len(text)
            lists = {
                each[1]: tuple(_QUOTED.findall(each[2]))
                for each in _LISTS.finditer(text, found.end(), min(end, found.end() + 1_000_000))
            }
            self.classes[f"{module}.{found[1]}"] = Class(
                lists.get("parameters", ()), lists.get("buffers", ()), member, found.end(), end
            )

    def forward(self, name: str) -> Forward | None:
        """Return what `forward` of a class takes and returns; None when it has none that is understood."""
        kind = self.classes.get(name)
        if kind is None:
            return None
        text = self._texts[kind.member]
        found = _FORWARD.search(text, kind.start, kind.end)
        if found is None:
            return None
        inner, end = _parenthesis(text, found.end(), kind.end)
        arguments = [_argument(each) for each in _split(inner)]
        returns = re.compile(r"\s*->\s*([^\n]*):\n").match(text, end, kind.end)
        if not arguments or None in arguments or len(arguments) > MAX_ARGUMENTS or returns is None:
            return None
        taken = tuple(each for each in arguments[1:] if each is not None)
        return Forward(taken, returns[1].strip(), kind.member)

    def operators(self) -> dict[str, int]:
        """Return operators that the text of the code calls, with how often: each function once, called or not."""
        found: Counter[str] = Counter()
        for text in self._texts.values():
            for each in (each for pattern in _OPERATORS for each in pattern.finditer(text)):
                if each[2] not in _NOT_OPERATORS and not _IN_A_NAME.match(text, max(0, each.start() - 1), each.start()):
                    found[f"{each[1].replace('.', 'aten')}::{each[2]}"] += 1
        return dict(sorted(found.items())[:2000])


def _parenthesis(text: str, start: int, end: int) -> tuple[str, int]:
    """Return what stands before the bracket that closes, and the place after it; nothing when none does."""
    depth, at = 1, start
    for found in re.compile(r'"(?:[^"\\\n]|\\.)*"|[()\[\]{}]').finditer(text, start, min(end, start + 200_000)):
        depth += {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}.get(found[0], 0)
        at = found.end()
        if depth == 0:
            return text[start : at - 1], at
    return "", start


def _split(text: str) -> list[str]:
    """Return what stands between the commas that are in no bracket and in no string."""
    parts, depth, start = [], 0, 0
    for found in re.finditer(r'"(?:[^"\\\n]|\\.)*"|[()\[\]{},]', text):
        depth += {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}.get(found[0], 0)
        if found[0] == "," and depth == 0:
            parts.append(text[start : found.start()].strip())
            start = found.end()
    return [part for part in (*parts, text[start:].strip()) if part]


def _argument(text: str) -> Argument | None:
    name, colon, rest = text.partition(":")
    if not colon:
        return None
    kind, _, default = rest.partition("=")
    return Argument(name.strip(), kind.strip(), default.strip())
