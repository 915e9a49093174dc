"""Reads and writes the query language, which docs/reference/query.md documents."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from herdbook.kernel.errors import InvalidError
from herdbook.model.query import (
    All,
    And,
    Begins,
    Expression,
    Field,
    FieldType,
    Has,
    Hash,
    Is,
    Not,
    Number,
    Or,
    Text,
    Word,
    WordPrefix,
    find_field,
)
from herdbook.model.query_conditions import Given, bare, compare, error_at, field_named, has

MAX_QUERY = 10_000
"""Characters that a query may have."""

MAX_DEPTH = 50
"""Parentheses and NOTs that may stand inside each other."""

T = TypeVar("T")

_OPERATORS = frozenset({"=", "!=", "<", "<=", ">", ">="})
_KEYWORDS = frozenset({"AND", "OR", "NOT"})
_TOKEN = re.compile(
    r'(?P<string>"(?:[^"\\]|\\.)*"\*?)|(?P<mark>!=|<=|>=|[=<>(),])|(?P<bare>(?:[^\s"(),=<>!]|!(?!=))+)', re.DOTALL
)


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str  # string, mark, bare, or end
    text: str
    start: int
    end: int


def parse(text: str) -> Expression:
    """Return what a query means; an empty one means every version.

    Raises:
        InvalidError: ``bad-query``, with ``position`` (characters from 0) and a caret under the place.
    """
    if len(text) > MAX_QUERY:
        raise InvalidError(
            f"the query has {len(text)} characters",
            code="bad-query",
            hint=f"Use at most {MAX_QUERY}.",
            position=MAX_QUERY,
        )
    return _Parser(text).query()


def _tokens(text: str) -> list[_Token]:
    found: list[_Token] = []
    place = 0
    while place < len(text):
        if text[place].isspace():
            place += 1
            continue
        match = _TOKEN.match(text, place)
        if match is None:
            raise error_at(text, place, len(text), "this quote is not closed", 'Write " at the end; inside, write \\".')
        found.append(_Token(str(match.lastgroup), match.group(), place, match.end()))
        place = match.end()
    return [*found, _Token("end", "", len(text), len(text))]


class _Parser:
    """Recursive descent over the tokens; one method for each rule."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = _tokens(text)
        self.next = 0
        self.depth = 0

    @property
    def token(self) -> _Token:
        return self.tokens[self.next]

    def peek(self, ahead: int) -> _Token:
        return self.tokens[min(self.next + ahead, len(self.tokens) - 1)]

    def fail(self, token: _Token, message: str, hint: str) -> InvalidError:
        return error_at(self.text, token.start, token.end, message, hint)

    def take(self) -> _Token:
        token = self.token
        self.next += 1
        return token

    def is_bare(self, word: str) -> bool:
        return self.token.kind == "bare" and self.token.text == word

    def query(self) -> Expression:
        if self.token.kind == "end":
            return All()
        found = self.either()
        if self.token.kind != "end":
            raise self.fail(self.token, f"{self.token.text!r} stands alone here", "Is a parenthesis missing before it?")
        return found

    def either(self) -> Expression:
        parts = [self.both()]
        while self.is_bare("OR"):
            self.take()
            parts.append(self.both())
        return parts[0] if len(parts) == 1 else Or(tuple(_flat(parts, Or)))

    def both(self) -> Expression:
        parts = [self.negation()]
        while True:
            if self.is_bare("AND"):
                self.take()
            elif self.token.kind == "end" or self.is_bare("OR") or self.token.text in {")", ","}:
                break
            parts.append(self.negation())
        return parts[0] if len(parts) == 1 else And(tuple(_flat(parts, And)))

    def negation(self) -> Expression:
        if not self.is_bare("NOT"):
            return self.primary()
        return Not(self.deeper(self.take(), self.negation))

    def deeper(self, token: _Token, rule: Callable[[], Expression]) -> Expression:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.fail(token, "this is nested too deep", f"Use at most {MAX_DEPTH} levels.")
        found = rule()
        self.depth -= 1
        return found

    def primary(self) -> Expression:
        token = self.token
        if token.text == "(" and token.kind == "mark":
            found = self.deeper(self.take(), self.either)
            self.expect(")", token)
            return found
        if token.kind in {"mark", "end"} or (token.kind == "bare" and token.text in _KEYWORDS):
            what = repr(token.text) if token.text else "the end"
            raise self.fail(
                token, f"a word or a field is missing before {what}", 'Quote what is meant as a word: "and".'
            )
        if self.peek(1).kind == "mark" and self.peek(1).text in _OPERATORS:
            return self.comparison()
        if self.member_of(1):
            return self.membership()
        if self.peek(1).kind == "bare" and self.peek(1).text == "NOT" and self.member_of(2):
            return Not(self.membership())
        if token.text == "has" and self.peek(1).text == "(" and self.peek(1).start == token.end:
            return self.presence()
        return self.short() or self.fitting(token, lambda: bare(self.given(self.take())))

    def expect(self, mark: str, opened: _Token) -> None:
        if self.token.kind != "mark" or self.token.text != mark:
            raise self.fail(opened, f"{mark!r} is missing for this", f"Write {mark} where it ends.")
        self.take()

    def fitting(self, token: _Token, make: Callable[[], T]) -> T:
        try:
            return make()
        except InvalidError as error:
            if "position" in error.details:
                raise
            raise self.fail(token, error.message, error.hint) from None

    def given(self, token: _Token) -> Given:
        """Return what a word or a value says, without quotes and star."""
        star = token.text.endswith("*")
        text = token.text[:-1] if star else token.text
        if token.kind == "string":
            text = re.sub(r"\\(.)", r"\1", text[1:-1], flags=re.DOTALL)
        elif "*" in text:
            raise self.fail(token, "* stands only at the end of a word or a value", "Quote a * that is meant.")
        return Given(text, quoted=token.kind == "string", star=star, start=token.start, end=token.end)

    def field(self) -> Field:
        token = self.take()
        name = self.given(token)
        return self.fitting(token, lambda: field_named(name.text + "*" * name.star))

    def comparison(self) -> Expression:
        field, operator = self.field(), self.take()
        value = self.value(operator)
        return self.fitting(value, lambda: compare(field, operator.text, [self.given(value)]))

    def value(self, before: _Token) -> _Token:
        token = self.token
        if token.kind not in {"bare", "string"} or (token.kind == "bare" and token.text in _KEYWORDS):
            hint = 'Quote it when it is AND, OR or NOT, or has spaces or one of ( ) , = < > ! " in it.'
            raise self.fail(token if token.text else before, "a value is missing here", hint)
        return self.take()

    def member_of(self, ahead: int) -> bool:
        word, mark = self.peek(ahead), self.peek(ahead + 1)
        return word.kind == "bare" and word.text == "IN" and mark.kind == "mark" and mark.text == "("

    def membership(self) -> Expression:
        field = self.field()
        while self.take().text != "IN":
            continue
        opened = self.take()
        values = [self.member(field, opened)]
        while self.token.kind == "mark" and self.token.text == ",":
            values.append(self.member(field, self.take()))
        self.expect(")", opened)
        return compare(field, "=", values)

    def member(self, field: Field, before: _Token) -> Given:
        token = self.value(before)
        given = self.given(token)
        self.fitting(
            token, lambda: compare(field, "=", [given])
        )  # so that the caret is under the one that does not fit
        return given

    def presence(self) -> Expression:
        self.take()
        opened = self.take()
        if self.token.kind not in {"bare", "string"}:
            raise self.fail(opened, "a field is missing here", "Write has(FIELD).")
        field = self.field()
        self.expect(")", opened)
        return has(field)

    def short(self) -> Expression | None:
        """Read ``field:value``, which is ``field = value`` where that is a field; else a word may have a colon."""
        token = self.token
        head, colon, rest = token.text.partition(":")
        field = find_field(head) if token.kind == "bare" and colon else None
        if field is None:
            return None
        self.take()
        after = self.token
        if not rest and after.kind == "string" and after.start == token.end:
            value = self.take()
        elif rest:
            value = _Token("bare", rest, token.start + len(head) + 1, token.end)
        else:
            hint = f"Write {field.name} = VALUE, or quote it when it is a word."
            raise self.fail(token, "a value is missing here", hint)
        return self.fitting(value, lambda: compare(field, "=", [self.given(value)]))


def _flat(parts: list[Expression], kind: type[And | Or]) -> list[Expression]:
    """Take apart what is of the same kind, which changes nothing and reads better."""
    flat: list[Expression] = []
    for part in parts:
        flat += part.of if isinstance(part, kind) else (part,)
    return flat


def unparse(expression: Expression) -> str:
    """Return a query that means this expression, though it may parse to another tree."""
    match expression:
        case All():
            return "*"
        case Word(word):
            return f'"{word}"'
        case WordPrefix(prefix):
            return f'"{prefix}"*'
        case Is(field, (value,)):
            return f"{_name(field)} = {_quote(value)}"
        case Is(field, values):
            return f"{_name(field)} IN ({', '.join(_quote(value) for value in values)})"
        case Begins(field, prefix):
            return f"{_name(field)} = {_quote(prefix)}*"
        case Has(field):
            return f"has({_name(field)})"
        case Number(field, operator, value):
            return f"{_name(field)} {operator} {_number(field, value)}"
        case Text(field, operator, value):
            return f"{_name(field)} {operator} {_quote(value)}"
        case Hash():
            return _unparse_hash(expression)
        case Not(of):
            return f"NOT ({unparse(of)})"
        case And(of) if of:
            return " AND ".join(f"({unparse(part)})" for part in of)
        case Or(of) if of:
            return " OR ".join(f"({unparse(part)})" for part in of)
        case And():
            return "*"
        case Or():
            return "NOT (*)"
    raise AssertionError(expression)


def _name(field: str) -> str:
    return field if re.fullmatch(r"[a-z0-9_./-]+", field) else _quote(field)


def _quote(value: str) -> str:
    return '"' + re.sub(r'(["\\])', r"\\\1", value) + '"'


def _number(field: str, value: float) -> str:
    known = find_field(field)
    if known is None or known.type is not FieldType.TIME:
        return repr(value)
    return (datetime(1970, 1, 1) + timedelta(seconds=value)).isoformat(timespec="microseconds") + "Z"  # noqa: DTZ001  # UTC is written as Z


def _unparse_hash(of: Hash) -> str:
    value = f"{of.algorithm}:{of.prefix}" if of.algorithm else of.prefix
    fields = {"record": ("digest",), "file": ("file",)}.get(of.scope, ("digest", "file"))
    return " OR ".join(f"{field} = {value}" for field in fields)
