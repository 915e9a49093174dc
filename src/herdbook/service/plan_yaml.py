"""A small YAML: scalars are text; no aliases, anchors, tags, nor a key twice. Written so that any reader agrees."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from herdbook.kernel.errors import InvalidError, UnavailableError

MAX_DEPTH = 20
_PLAIN = re.compile(r"[A-Za-z_/][A-Za-z0-9_/.+@-]*(?::[A-Za-z0-9_/.+@-]+)*|[0-9]{4}v[0-9a-z_.]*")
_WORDS = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n"})
_SIMPLE_KEY = 1000

Place = tuple[str | int, ...]


def dump(value: Mapping[str, Any], *, header: str = "") -> str:
    """Return a mapping of texts, numbers, truths, lists and mappings as YAML, below a comment.

    What another reader might take for a number, a date or a truth is quoted; what steers a terminal, or reverses its
    writing, is escaped.
    """
    comment = "".join(f"# {line}".rstrip() + "\n" for line in header.split("\n")) + "\n" if header else ""
    return comment + "\n".join(_mapping(value, 0)) + "\n"


def _mapping(value: Mapping[str, Any], depth: int) -> Iterator[str]:
    indent = "  " * depth
    for key, item in value.items():
        name = f"{indent}{scalar(key)}:"
        if len(name) > _SIMPLE_KEY:  # YAML wants longer ones marked
            name = f"{indent}? {scalar(key)}\n{indent}:"
        if isinstance(item, Mapping) and item:
            yield name
            yield from _mapping(item, depth + 1)
        elif isinstance(item, (list, tuple)) and any(isinstance(part, Mapping) for part in item):
            yield name
            for part in item:
                lines = _mapping(part, depth + 1)
                first = next(lines)
                yield f"{indent}- {first.lstrip()}"
                yield from lines
        else:
            yield f"{name} {_flow(item)}"


def _flow(item: Any) -> str:  # noqa: ANN401 - a JSON value
    if isinstance(item, Mapping):
        return "{" + ", ".join(f"{quoted(key)}: {_flow(value)}" for key, value in item.items()) + "}"
    if isinstance(item, (list, tuple)):
        return "[" + ", ".join(quoted(part) if ":" in str(part) else scalar(part) for part in item) + "]"
    return scalar(item)


def scalar(item: Any) -> str:  # noqa: ANN401 - a JSON value
    """Return a text, an integer or a truth as YAML has it, quoted where a reader might take it for something else."""
    if isinstance(item, bool):
        return "true" if item else "false"
    if isinstance(item, int):
        return str(item)
    text = str(item)
    return text if _PLAIN.fullmatch(text) and text.lower() not in _WORDS else quoted(text)


def quoted(item: Any) -> str:  # noqa: ANN401 - a JSON value
    """Return a text in double quotes, escaped so that any reader has it back."""
    return '"' + "".join(_escaped(char) for char in str(item)) + '"'


def _escaped(char: str) -> str:
    if char in '"\\':
        return "\\" + char
    if char.isprintable():  # neither control nor format characters, so no bidirectional ones
        return char
    if char == "\n":
        return "\\n"
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


class _Open(NamedTuple):
    """A mapping or list that is being read: what it is, where it stands, and for a mapping the key that waits."""

    value: dict[str, Any] | list[Any]
    place: Place
    key: list[str]


def load(data: bytes, lines: dict[Place, int] | None = None, plain: Callable[[str], Any] = str) -> Any:  # noqa: ANN401 - whatever stands there
    """Return what one YAML document holds: texts, lists and mappings.

    Args:
        data: the document, in UTF-8.
        lines: is filled with the line of each value.
        plain: what a value that is not quoted stands for; without it, its text.

    Raises:
        InvalidError: on anything else, naming the line.
        UnavailableError: when PyYAML is not installed.
    """
    try:
        import yaml  # noqa: PLC0415 - only who imports needs it
    except ImportError as error:
        raise UnavailableError(
            "YAML cannot be read without PyYAML", code="no-extra", hint="pip install pyyaml"
        ) from error
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InvalidError(f"line {line}: the text is not UTF-8", code="bad-yaml") from error
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    builder = _Builder(lines if lines is not None else {}, plain)
    try:
        for event in yaml.parse(text, Loader=loader):
            builder.take(type(event).__name__, event)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}: " if mark is not None else ""
        problem = getattr(error, "problem", None) or "it holds what YAML cannot"
        raise InvalidError(f"{where}this is not YAML: {problem}", code="bad-yaml") from error
    if not builder.done:
        raise InvalidError("the file is empty", code="bad-yaml")
    return builder.done[0]


class _Builder:
    def __init__(self, lines: dict[Place, int], plain: Callable[[str], Any]) -> None:
        self.lines = lines
        self.plain = plain
        self.done: list[Any] = []
        self.stack: list[_Open] = []

    def take(self, kind: str, event: Any) -> None:  # noqa: ANN401 - PyYAML's events have no common type
        line = event.start_mark.line + 1
        if kind == "AliasEvent" or getattr(event, "anchor", None) is not None:
            raise _bad(line, "aliases and anchors are not read", "Write the value out.")
        if kind in {"ScalarEvent", "MappingStartEvent", "SequenceStartEvent"} and event.tag is not None:
            raise _bad(line, f"the tag {event.tag[:40]!r} is not read", "Leave tags out.")
        if kind == "DocumentStartEvent" and self.done:
            raise _bad(line, "a second document begins", "Keep one document in a file.")
        if kind == "ScalarEvent":
            self._scalar(event.value, line, plain=not event.style)
        elif kind in {"MappingStartEvent", "SequenceStartEvent"}:
            self._begin({} if kind == "MappingStartEvent" else [], line)
        elif kind in {"MappingEndEvent", "SequenceEndEvent"}:
            self.stack.pop()

    def _scalar(self, text: str, line: int, *, plain: bool) -> None:
        top = self.stack[-1] if self.stack else None
        if top is not None and isinstance(top.value, dict) and not top.key:
            if text in top.value:
                raise _bad(line, f"the key {text[:80]!r} stands twice", "Delete one of the two.")
            top.key.append(text)
            self.lines[(*top.place, text)] = line
            return
        self._put(self.plain(text) if plain else text, line)

    def _begin(self, value: dict[str, Any] | list[Any], line: int) -> None:
        if len(self.stack) >= MAX_DEPTH:
            raise _bad(line, f"nested deeper than {MAX_DEPTH}", "Nest it less.")
        top = self.stack[-1] if self.stack else None
        if top is not None and isinstance(top.value, dict) and not top.key:
            raise _bad(line, "a key is no text", "Write KEY: VALUE.")
        place = self._put(value, line)
        self.stack.append(_Open(value, place, []))

    def _put(self, value: Any, line: int) -> Place:  # noqa: ANN401 - text, list or mapping
        if not self.stack:
            self.done.append(value)
            return ()
        top = self.stack[-1]
        if isinstance(top.value, list):
            place = (*top.place, len(top.value))
            top.value.append(value)
            self.lines[place] = line
            return place
        key = top.key.pop()
        top.value[key] = value
        return (*top.place, key)


def _bad(line: int, problem: str, hint: str) -> InvalidError:
    return InvalidError(f"line {line}: {problem}", code="bad-yaml", hint=hint)
