"""Protobuf's text format, parsed without a schema: fields in their order, each with its line.

Source: "Text Format Language Specification" in the Protocol Buffers documentation. Both styles of a repeated field,
`dims: [1, 2]` and `dims: 1 dims: 2`, and `input [ { … }, { … } ]` beside `input { … } input { … }`, give the same
fields. Names of extensions and of `Any` keep their brackets.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn, TypeAlias

from herdbook.kernel.errors import CorruptError, InvalidError

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_DEPTH = 64
MAX_FIELDS = 2_000_000
MAX_SIZE = 32 * 1024 * 1024

_GAP = rb"(?:[ \t\r\n\f\v]++|\#[^\n]*+)*+"
_QUOTED = rb"""(?:"[^"\\\n]*+(?:\\.[^"\\\n]*+)*+"|'[^'\\\n]*+(?:\\.[^'\\\n]*+)*+')"""
_NUMBER = rb"[-+]?[ \t]*+(?:0[xX][0-9a-fA-F]{1,16}|(?:\d{1,400}\.?\d{0,400}|\.\d{1,400})(?:[eE][-+]?\d{1,4})?)[fF]?"
_VALUE = (
    rb"(?:([{<\[])|("
    + _QUOTED
    + rb")(?:"
    + _GAP
    + rb"(?=([\"'])))?|("
    + _NUMBER
    + rb")(?![\w.])|(-?[ \t]*+[A-Za-z_]\w*+))"
)
_NAME = rb"([A-Za-z_]\w*+|\[[\w./\-]{1,400}\])"
_FIELD = re.compile(_GAP + rb"([,;]?)" + _GAP + _NAME + _GAP + rb"(:?)" + _GAP + _VALUE, re.ASCII | re.DOTALL)
_ITEM = re.compile(_GAP + _VALUE, re.ASCII | re.DOTALL)
_MORE = re.compile(_GAP + rb"(" + _QUOTED + rb")", re.ASCII | re.DOTALL)
_BETWEEN = re.compile(_GAP + rb"[,;]?" + _GAP)
_ESCAPE = re.compile(rb"\\([0-7]{1,3}|[xX][0-9a-fA-F]{1,2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.)", re.DOTALL)
_LETTERS = {b"a": b"\a", b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}
_NUMBERS = {"inf": float("inf"), "infinity": float("inf"), "nan": float("nan")}
_CLOSES = {b"{": b"}", b"<": b">"}


class Word(str):
    """An identifier that stands as a value: the name of an enum's value, or `true`."""

    __slots__ = ()


class Quoted:
    """A string literal, or several in a row, which are one; its escapes are resolved when it is asked for."""

    __slots__ = ("_parts", "_source")

    def __init__(self, source: bytes, parts: list[tuple[int, int]]) -> None:
        self._source = source
        self._parts = parts

    @property
    def size(self) -> int:
        """How many bytes it has as it is written."""
        return sum(end - start for start, end in self._parts)

    @property
    def bytes(self) -> bytes:
        """The bytes it stands for."""
        return b"".join(_ESCAPE.sub(_unescape, self._source[start:end]) for start, end in self._parts)

    @property
    def text(self) -> str:
        """The text it stands for; what is not UTF-8 becomes U+FFFD."""
        return self.bytes.decode("utf-8", "replace")

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Message:
    """The fields of a message, in the file's order."""

    fields: tuple[Field, ...]

    def all(self, name: str) -> list[Value]:
        """Return the values of a repeated field."""
        return [field.value for field in self.fields if field.name == name]

    def last(self, name: str) -> Value | None:
        """Return the value of a field that is there once; of several, the last, as protobuf takes it."""
        return next((field.value for field in reversed(self.fields) if field.name == name), None)

    def messages(self, name: str) -> list[Message]:
        """Return those values of a field that are messages."""
        return [value for value in self.all(name) if isinstance(value, Message)]

    def text(self, name: str) -> str | None:
        """Return a field's value where it is a string or a word."""
        value = self.last(name)
        return str(value) if isinstance(value, Quoted | str) else None

    def number(self, name: str) -> int | None:
        """Return a field's value where it is a whole number."""
        value = self.last(name)
        return value if isinstance(value, int) else None

    def numbers(self, name: str) -> list[int]:
        """Return the whole numbers of a repeated field."""
        return [value for value in self.all(name) if isinstance(value, int)]

    def flag(self, name: str) -> bool | None:
        """Return a field's value where it is `true`, `false`, 1 or 0."""
        value = self.last(name)
        return {"true": True, "t": True, "1": True, "false": False, "f": False, "0": False}.get(str(value).lower())


@dataclass(frozen=True, slots=True)
class Field:
    """One value of a field. A list gives one field for each of its items."""

    name: str
    value: Value
    line: int


Value: TypeAlias = "int | float | Word | Quoted | Message"


def parse(text: str | bytes) -> Message:
    """Return the message that the text is.

    Raises:
        CorruptError: when it is not text format; the message names the line.
        InvalidError: when it is too large, nests deeper than 64, or has more than two million fields.
    """
    return Message(tuple(walk(text)))


def walk(text: str | bytes, drop: frozenset[str] = frozenset()) -> Iterator[Field]:
    """Yield the fields of the outermost message one by one, so that only one of them is in memory.

    Args:
        text: what to parse.
        drop: names of fields inside them whose numbers and strings are passed over: the weights of a tensor.

    Raises:
        CorruptError: when it is not text format.
        InvalidError: when limits are exceeded.
    """
    data = text.encode("utf-8", "replace") if isinstance(text, str) else text
    if len(data) > MAX_SIZE:
        raise InvalidError(f"{len(data)} bytes of protobuf text are more than this reader takes", code="too-large")
    parser = _Parser(data, {name.encode() for name in drop})
    fields: list[Field] = []
    while parser.field(fields, b"", 0):
        yield from fields
        fields = []


class _Parser:
    def __init__(self, data: bytes, drop: set[bytes]) -> None:
        self._data = data
        self._at = 3 if data.startswith(b"\xef\xbb\xbf") else 0
        self._begin = self._at  # of the message whose fields are read: no separator stands there
        self._drop = drop
        self._left = MAX_FIELDS
        self._line = 1
        self._counted = 0
        self._names: dict[bytes, str] = {}

    def field(self, into: list[Field], close: bytes, depth: int) -> bool:
        """Append the next field, or say that there is none: the closing bracket, or the end of the text."""
        found = _FIELD.match(self._data, self._at)
        if found is None:
            self._end_of_message(close)
            return False
        separator, key, colon, bracket = found.group(1, 2, 3, 4)
        if separator and self._at == self._begin:
            self._bad("a message begins with a separator")
        self._spend()
        at = found.start(2)
        self._line += self._data.count(b"\n", self._counted, at)
        self._counted = at
        name = self._names.get(key) or self._names.setdefault(key, key.decode("ascii", "replace"))
        line = self._line
        self._at = found.end()
        if bracket == b"[":
            if not colon:
                self._only_messages()
            self._list(into, name, key in self._drop, depth)
        elif bracket:
            into.append(Field(name, self._message(_CLOSES[bracket], depth + 1), line))
        elif not colon:
            self._bad(f"a colon is missing after {name[:100]}")
        elif key not in self._drop:
            into.append(Field(name, self._scalar(found, 5), line))
        elif found[6]:
            self._more()
        return True

    def _message(self, close: bytes, depth: int) -> Message:
        if depth > MAX_DEPTH:
            raise InvalidError(f"messages are nested deeper than {MAX_DEPTH}", code="nested-too-deep")
        fields: list[Field] = []
        self._begin = self._at
        while self.field(fields, close, depth):
            pass
        return Message(tuple(fields))

    def _end_of_message(self, close: bytes) -> None:
        """Step behind the closing bracket.

        Raises:
            CorruptError: when something else stands there.
        """
        pattern = _SPACE if self._at == self._begin else _BETWEEN
        self._at = _end(pattern.match(self._data, self._at))
        if not close and self._at == len(self._data):
            return
        if self._at == len(self._data):
            self._bad(f"the text ends before a closing {close.decode()}")
        if not close or not self._data.startswith(close, self._at):
            self._bad("a field and its value were expected")
        self._at += 1

    def _list(self, into: list[Field], name: str, dropped: bool, depth: int) -> None:
        """Append a field for each item, up to the closing square bracket."""
        self._at = _end(_SPACE.match(self._data, self._at))
        ended = self._data.startswith(b"]", self._at)
        while not ended:
            found = _ITEM.match(self._data, self._at)
            if found is None or found[1] == b"[":
                self._bad("a value was expected")
            self._spend()
            line = self._lines(_end(_SPACE.match(self._data, self._at)))
            self._at = found.end()
            if found[1]:
                into.append(Field(name, self._message(_CLOSES[found[1]], depth + 1), line))
            elif not dropped:
                into.append(Field(name, self._scalar(found, 2), line))
            elif found[3]:
                self._more()
            self._at = _end(_SPACE.match(self._data, self._at))
            ended = self._data.startswith(b"]", self._at)
            if not ended:
                if not self._data.startswith(b",", self._at):
                    self._bad("a comma or ] was expected")
                self._at += 1
        self._at += 1

    def _only_messages(self) -> None:
        """Insist that a list without a colon holds messages."""
        at = _end(_SPACE.match(self._data, self._at))
        if self._data[at : at + 1] not in {b"{", b"<", b"]"}:
            self._bad("a colon is missing before a list")

    def _scalar(self, found: re.Match[bytes], group: int) -> Value:
        """Return a string (``group``, and after it whether another follows), a number, or a word (the next groups)."""
        quoted, more, number, told = found.group(group, group + 1, group + 2, group + 3)
        if quoted is not None:
            parts = [(found.start(group) + 1, found.end(group) - 1)]
            return Quoted(self._data, [*parts, *self._more()] if more else parts)
        if number is not None:
            return self._number(number.replace(b" ", b"").replace(b"\t", b"").decode())
        word = told.decode()
        if word[0] == "-":
            value = _NUMBERS.get(word[1:].strip().lower())
            if value is None:
                self._bad("a word has a minus")
            return -value
        return Word(word)

    def _more(self) -> list[tuple[int, int]]:
        """Step over the string literals that follow, and return where they are."""
        parts = []
        while found := _MORE.match(self._data, self._at):
            self._spend()
            parts.append((found.start(1) + 1, found.end(1) - 1))
            self._at = found.end()
        return parts

    def _number(self, text: str) -> int | float:
        if text.isdecimal() and text[0] != "0":
            return int(text)
        try:
            digits = text.lstrip("+-")
            if digits[:2].lower() == "0x":
                return int(text, 16)
            if digits.isdigit():
                return int(text, 8 if digits.startswith("0") and len(digits) > 1 else 10)
            return float(text.rstrip("fF"))
        except ValueError:
            self._bad(f"{text[:40]!r} is no number")

    def _lines(self, at: int) -> int:
        self._line += self._data.count(b"\n", self._counted, at)
        self._counted = at
        return self._line

    def _spend(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise InvalidError(f"more than {MAX_FIELDS} fields of protobuf text", code="too-many-fields")

    def _bad(self, what: str) -> NoReturn:
        line = self._data.count(b"\n", 0, self._at) + 1
        raise CorruptError(f"line {line} is not protobuf's text format: {what}", code="not-text-format", line=line)


_SPACE = re.compile(_GAP)


def _end(found: re.Match[bytes] | None) -> int:
    """Return where a match ends of a pattern that always matches."""
    return found.end() if found is not None else 0


def _unescape(found: re.Match[bytes]) -> bytes:
    what = found[1]
    if what[:1] in b"01234567":
        return bytes([int(what, 8) & 0xFF])
    if what[:1] in b"xX" and len(what) > 1:
        return bytes([int(what[1:], 16)])
    if what[:1] in b"uU" and len(what) > 1:
        code = int(what[1:], 16)
        return chr(code).encode("utf-8", "replace") if code < 0x110000 else b"\xef\xbf\xbd"
    return _LETTERS.get(what, what)
