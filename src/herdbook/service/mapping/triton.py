"""MD5s that a Triton model configuration declares: parameters ``MD5:FILE`` of its repository agents.

The configuration is protobuf text (``model_config.proto``, ``ModelRepositoryAgents``). It is not parsed in full: pairs
of a key and a value are looked for, block by block, and what is broken elsewhere does not matter.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

# A text that is not closed ends with its line: so no character is looked at twice.
_WORD = re.compile(
    r"""(?P<comment>\#[^\n]*)|"(?P<double>(?:[^"\\\n]|\\.)*)"?|'(?P<single>(?:[^'\\\n]|\\.)*)'?"""
    r"""|(?P<open>[{<\[])|(?P<close>[}>\]])|(?P<name>[A-Za-z_][A-Za-z0-9_]*)|(?P<end>[,;])"""
)
_PREFIX = "MD5:"


@dataclass
class _Block:
    """What stands between two brackets: its own name, and the texts of its fields."""

    name: str = ""
    told: dict[str, str] = field(default_factory=dict)
    field: str = ""
    closed: bool = True

    def add(self, text: str) -> None:
        """Take a text for the field named last; adjacent texts are one, as protobuf has them."""
        before = "" if self.closed else self.told.get(self.field, "")
        self.told[self.field] = before + text
        self.closed = False


def declared(text: str) -> list[tuple[str, str]]:
    """Return (file, MD5) in the order in which they stand; the file's path begins in the configuration's folder.

    The MD5 is as written but for case: it is not checked to be one.
    """
    found: list[tuple[int, str, str]] = []
    stack = [_Block()]
    for match in _WORD.finditer(text):
        block, kind = stack[-1], match.lastgroup
        if kind in {"double", "single"}:
            block.add(_unescaped(match[kind]))
        elif kind == "name":
            block.field, block.closed = match["name"], True
        elif kind == "end":
            block.closed = True
        elif kind == "open":
            stack.append(_Block(name=block.field))
        elif kind == "close" and len(stack) > 1:
            _close(stack, found, match.start())
    while len(stack) > 1:
        _close(stack, found, len(text))
    return [(file, md5) for _, file, md5 in found]


def _close(stack: list[_Block], found: list[tuple[int, str, str]], at: int) -> None:
    block = stack.pop()
    key, value = block.told.get("key", ""), block.told.get("value", "")
    if key.startswith(_PREFIX) and key != _PREFIX and value:
        found.append((at, key.removeprefix(_PREFIX), value.strip().lower()))
    if block.name == "value" and "string_value" in block.told:
        stack[-1].told["value"] = block.told["string_value"]


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text) if "\\" in text else text
