"""The text of a rules file as plain values, each with its line: YAML without surprises, or JSON.

Of YAML only what has one meaning is read: no anchors, aliases or tags, no key twice, and every scalar is text. Where
JSON is meant (``ext``, ``activity``, ``pointers``, ``fallback``) unquoted true, false and numbers are what they are in
JSON.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from herdbook.kernel import canonical
from herdbook.kernel.errors import InvalidError, UnavailableError

MAX_DEPTH = 24
TYPED = frozenset({"ext", "activity", "pointers", "fallback"})
_JSON_SCALAR = re.compile(r"true|false|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?")


@dataclass
class Parsed:
    """A value and, for YAML, the line of each JSON pointer in it."""

    value: Any
    lines: dict[str, int] = field(default_factory=dict)

    def line(self, pointer: str) -> int:
        """Return the line where a pointer, or the nearest thing around it, stands; 0 when it is not known."""
        while pointer and pointer not in self.lines:
            pointer = pointer.rpartition("/")[0]
        return self.lines.get(pointer, 0)


def parse(text: str, where: str) -> Parsed:
    """Read a text: JSON when it begins with a brace, else YAML.

    Raises:
        InvalidError: ``bad-rules``, naming the line.
        UnavailableError: ``no-extra``, when YAML cannot be read here.
    """
    if text.lstrip("\ufeff \t\r\n").startswith("{"):
        try:
            value = canonical.loads(text.lstrip("\ufeff"))
            _check_depth(value)
            return Parsed(value)
        except InvalidError as error:
            raise InvalidError(
                f"{where}: {error.message}", code="bad-rules", hint="Rules are YAML or JSON, without a key twice."
            ) from error
    return _Yaml(text, where).parsed()


def _check_depth(value: Any) -> None:  # noqa: ANN401 - parsed JSON
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        level = [
            item
            for each in level
            if isinstance(each, dict | list)
            for item in (each.values() if isinstance(each, dict) else each)
        ]
    if level:
        raise InvalidError(f"it is nested deeper than {MAX_DEPTH}", code="bad-rules")


class _Yaml:
    """Builds plain values out of the events of a YAML parser, so that nothing is resolved or copied on the way."""

    def __init__(self, text: str, where: str) -> None:
        try:
            import yaml  # noqa: PLC0415 - of an extra; needed only when rules are read
        except ImportError as error:
            raise UnavailableError(
                "PyYAML is not installed, which reads rules", code="no-extra", hint="Install herdbook[imports]."
            ) from error
        self._yaml: Any = yaml
        self._where = where
        self._lines: dict[str, int] = {}
        loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
        self._events: Iterator[Any] = iter(yaml.parse(text, Loader=loader))

    def parsed(self) -> Parsed:
        """Return the one document there is."""
        yaml = self._yaml
        try:
            value: Any = None
            documents = 0
            for event in self._events:
                if isinstance(event, yaml.DocumentStartEvent):
                    documents += 1
                    if documents > 1:
                        raise self._wrong(event, "a second document begins", "Write one document.")
                    value = self._value(next(self._events), "", 0, typed=False)
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            line = f", line {mark.line + 1}" if mark is not None else ""
            problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "it cannot be read"
            raise InvalidError(
                f"{self._where}{line}: this is not YAML: {problem}", code="bad-rules", hint="Correct the line."
            ) from error
        return Parsed(value, self._lines)

    def _value(self, event: Any, pointer: str, depth: int, *, typed: bool) -> Any:  # noqa: ANN401 - YAML's events, JSON's values
        yaml = self._yaml
        if depth > MAX_DEPTH:
            raise self._wrong(event, f"it is nested deeper than {MAX_DEPTH}", "Flatten it.")
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise self._wrong(event, "anchors and aliases are not read", "Write the value out.")
        if getattr(event, "tag", None):
            raise self._wrong(event, f"the tag {event.tag!r} is not read", "Leave it out.")
        self._lines.setdefault(pointer, event.start_mark.line + 1)
        if isinstance(event, yaml.ScalarEvent):
            plain = typed and event.implicit[0]
            return json.loads(event.value) if plain and _JSON_SCALAR.fullmatch(event.value) else event.value
        if isinstance(event, yaml.SequenceStartEvent):
            items: list[Any] = []
            while not isinstance(item := next(self._events), yaml.SequenceEndEvent):
                items.append(self._value(item, f"{pointer}/{len(items)}", depth + 1, typed=typed))
            return items
        return self._mapping(pointer, depth, typed=typed)

    def _mapping(self, pointer: str, depth: int, *, typed: bool) -> dict[str, Any]:
        yaml = self._yaml
        found: dict[str, Any] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent):
                raise self._wrong(event, "a key is no text", "Write plain keys.")
            key = self._value(event, f"{pointer}/", depth + 1, typed=False)
            if key in found:
                raise self._wrong(event, f"the key {key!r} stands twice", "Keep one of them.")
            at = f"{pointer}/{key}"
            self._lines[at] = event.start_mark.line + 1
            found[key] = self._value(next(self._events), at, depth + 1, typed=typed or key in TYPED)
        return found

    def _wrong(self, event: Any, what: str, hint: str) -> InvalidError:  # noqa: ANN401 - YAML's events
        return InvalidError(f"{self._where}, line {event.start_mark.line + 1}: {what}", code="bad-rules", hint=hint)
