"""YAML read as data and nothing more: no tag is executed, no alias expanded to a collection, no comment read.

Values stay texts; what a text would mean is said beside it. Depth and size are bounded, and nothing recurses while the
text is read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from herdbook.kernel.errors import InvalidError, UnavailableError

MAX_DEPTH = 64
_CORE = "tag:yaml.org,2002:"
_CORE_TAGS = {_CORE + name for name in ("str", "int", "float", "bool", "null", "map", "seq", "merge", "timestamp")}
_NUMBERS = (
    ("int", re.compile(r"[-+]?[0-9]{1,400}")),
    (
        "float",
        re.compile(
            r"[-+]?(?:[0-9]{1,400}\.?[0-9]{0,400}|\.[0-9]{1,400})(?:[eE][-+]?[0-9]{1,5})?"
            r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
        ),
    ),
    ("bool", re.compile(r"true|True|TRUE|false|False|FALSE")),
)


@dataclass(frozen=True, slots=True)
class Scalar:
    """A text; ``type`` is ``str``, ``int``, ``float``, ``bool`` or ``null``, as YAML 1.2's core schema has it."""

    text: str
    type: str = "str"

    @property
    def unknown(self) -> bool:
        """Whether it says that there is no value: ``null``, or ``???``, which OmegaConf has for a missing one."""
        return self.type == "null" or self.text == "???"


@dataclass(slots=True)
class Sequence:
    """Values in an order."""

    items: list[Node] = field(default_factory=list)


@dataclass(slots=True)
class Mapping:
    """Named values; of a name that stands twice the last counts."""

    items: dict[str, Node] = field(default_factory=dict)


Node = Scalar | Sequence | Mapping


@dataclass(slots=True)
class _Open:
    """A collection that is being read; ``key`` is the name whose value comes next."""

    node: Sequence | Mapping
    key: str | None = None


def read(text: str) -> Node:
    """Return what a YAML text says; of several documents the first. An empty text is ``null``.

    A node with a tag that is not of the core schema is its tag and, for a scalar, its text. An alias of a scalar is
    that scalar; one of a collection is the text ``*name``.

    Raises:
        InvalidError: ``bad-config``, when it is not YAML, or is nested deeper than ``MAX_DEPTH``.
        UnavailableError: ``no-extra``, when PyYAML is not installed.
    """
    try:
        import yaml  # noqa: PLC0415  # heavy, and not everybody imports configurations
    except ImportError as error:
        raise UnavailableError("PyYAML is not installed", code="no-extra", hint="Install herdbook[imports].") from error
    loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
    try:
        return _Reader().run(yaml.parse(_clean(text), Loader=loader))
    except (yaml.YAMLError, ValueError) as error:  # ValueError: an escape beyond Unicode
        where = " ".join(str(error).split())[:300]
        raise InvalidError(
            f"this is no YAML: {where}", code="bad-config", hint="Correct it where it stands."
        ) from error


def _clean(text: str) -> str:
    """Return the text without lone surrogates, which have no canonical bytes."""
    return text.encode("utf-8", "replace").decode()


class _Reader:
    """Builds nodes from the parser's events."""

    def __init__(self) -> None:
        self.top: Node | None = None
        self.open: list[_Open] = []
        self.anchors: dict[str, Scalar] = {}
        self.skipping = 0

    def run(self, events: Iterator[Any]) -> Node:
        for event in events:
            kind = type(event).__name__
            if kind == "DocumentEndEvent":
                break
            if kind in {"SequenceStartEvent", "MappingStartEvent"}:
                self._begin(event, Sequence() if kind == "SequenceStartEvent" else Mapping())
            elif kind in {"SequenceEndEvent", "MappingEndEvent"}:
                self._end()
            elif self.skipping:
                continue
            elif kind == "ScalarEvent":
                scalar = _scalar(event)
                if event.anchor:
                    self.anchors[event.anchor] = scalar
                self._put(scalar)
            elif kind == "AliasEvent":
                self._put(self.anchors.get(event.anchor, Scalar(f"*{event.anchor}")))
        return self.top or Scalar("", "null")

    def _begin(self, event: Any, node: Sequence | Mapping) -> None:  # noqa: ANN401  # PyYAML's events have no types
        if len(self.open) + self.skipping >= MAX_DEPTH:
            raise InvalidError(
                f"it is nested deeper than {MAX_DEPTH}", code="bad-config", hint="Correct it where it stands."
            )
        self.anchors.pop(event.anchor, None)
        inside_mapping = self.open and isinstance(self.open[-1].node, Mapping)
        if self.skipping:
            self.skipping += 1
        elif inside_mapping and self.open[-1].key is None:  # a collection as a key: nothing has a name for it
            self.skipping = 1
            self._put(Scalar("?"))
        elif event.tag and event.tag not in _CORE_TAGS and event.tag != "!":
            self.skipping = 1
            self._put(Scalar(_tag(event.tag)))
        else:
            self._put(node)
            self.open.append(_Open(node))

    def _end(self) -> None:
        if self.skipping:
            self.skipping -= 1
        else:
            self.open.pop()

    def _put(self, node: Node) -> None:
        if not self.open:
            self.top = node
            return
        at = self.open[-1]
        if isinstance(at.node, Sequence):
            at.node.items.append(node)
        elif at.key is None:
            at.key = node.text if isinstance(node, Scalar) else "?"
        else:
            at.node.items[at.key] = node
            at.key = None


def _tag(tag: str) -> str:
    return "!!" + tag.removeprefix(_CORE) if tag.startswith(_CORE) else tag


def _scalar(event: Any) -> Scalar:  # noqa: ANN401  # PyYAML's events have no types
    text = _clean(event.value)
    if event.tag and event.tag != "!" and event.tag not in _CORE_TAGS:
        return Scalar(f"{_tag(event.tag)} {text}".strip())
    if event.style or event.tag:  # quoted, or a block: a text
        return Scalar(text)
    if text in {"", "~", "null", "Null", "NULL"}:
        return Scalar(text, "null")
    return Scalar(text, next((name for name, pattern in _NUMBERS if pattern.fullmatch(text)), "str"))
