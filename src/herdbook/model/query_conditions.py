"""What ``field operator value`` means, by the field's type. The parser reads; this decides."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from herdbook.kernel import digests, words
from herdbook.kernel.errors import InvalidError
from herdbook.model.query import (
    FAMILIES,
    FIELDS,
    All,
    And,
    Begins,
    Compare,
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
    fold_value,
)

MIN_HEX = 8
"""So many hex digits at least make a word, or the value of a field of digests, the beginning of a digest."""

_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_TIME = re.compile(
    r"([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2})(?:T([0-9]{2}):([0-9]{2})(?::([0-9]{2})(\.[0-9]{1,6})?)?Z)?)?)?"
)
_HEX = re.compile(rf"[0-9a-f]{{{MIN_HEX},64}}")
_DIGEST = re.compile(rf"({'|'.join(digests.HEX_DIGITS)}):([0-9a-f]{{{MIN_HEX},64}})")
_TRUE, _FALSE = ("yes", "true"), ("no", "false")


@dataclass(frozen=True, slots=True)
class Given:
    """A word or value as it was typed: whether it stood in quotes, and whether ``*`` ended it. Where, for errors."""

    text: str
    quoted: bool = False
    star: bool = False
    start: int = 0
    end: int = 0


def misfit(message: str, hint: str) -> InvalidError:
    """Return the error that something does not fit; the parser adds where."""
    return InvalidError(message, code="bad-query", hint=hint)


def field_named(name: str) -> Field:
    """Return the field of this name.

    Raises:
        InvalidError: when there is none; the hint names those that are spelled nearly so.
    """
    field = find_field(name)
    if field is not None:
        return field
    folded = fold_value(name)
    if (family := folded.partition(".")[0]) in FAMILIES:
        example = FAMILIES[family].example
        raise misfit(f"{name!r} is not a whole field name", f"Write as in {example}.")
    near = difflib.get_close_matches(folded, [*FIELDS, *FAMILIES], n=3, cutoff=0.6)
    known = ", ".join([*FIELDS, *(f"{family}.…" for family in FAMILIES)])
    hint = f"Did you mean {' or '.join(near)}?" if near else f"Fields are: {known}."
    raise misfit(f"there is no field {name!r}", hint)


def bare(given: Given) -> Expression:
    """Return what a word, or several words in quotes, look for: all their words, or also a digest.

    Raises:
        InvalidError: when there is no word in it.
    """
    if given.text == "" and given.star and not given.quoted:
        return All()
    if not given.quoted and given.text.startswith("-"):
        raise misfit("a word does not begin with -", "Write NOT before what must not be there, or quote the word.")
    found = words.whole(given.text)
    if not found:
        raise misfit(f"{given.text!r} holds no word to look for", "Words are letters and digits; leave the rest away.")
    # A star after punctuation, as in v1.*, asks for nothing more than the words before it.
    begun = given.star and (given.text[-1].isalnum())
    parts: list[Expression] = [Word(word) for word in (found[:-1] if begun else found)]
    if begun:
        parts.append(WordPrefix(found[-1]))
    text = parts[0] if len(parts) == 1 else And(tuple(parts))
    folded = given.text.casefold()
    if given.quoted or given.star:
        return text
    if _HEX.fullmatch(folded):
        return Or((text, Hash(folded)))
    if digest := _DIGEST.fullmatch(folded):
        return Or((text, Hash(digest[2], digest[1])))
    return text


def compare(field: Field, operator: str, values: Sequence[Given]) -> Expression:
    """Return the condition that a field has one of these values, or compares so with the only one.

    Args:
        field: the field.
        operator: ``=``, ``!=``, ``<``, ``<=``, ``>``, ``>=``.
        values: one value; several only for ``=``, which ``IN`` means.

    Raises:
        InvalidError: when the field's type does not take the operator or a value.
    """
    if operator == "!=":
        return Not(compare(field, "=", values))
    if operator == "=":
        return _equals(field, values)
    value = values[0]
    if value.star:
        raise misfit(f"{operator} takes a whole value", f"Leave the * away, or write {field.name} = {value.text}*.")
    match field.type:
        case FieldType.NUMBER:
            return Number(field.name, Compare(operator), number(field, value.text))
        case FieldType.TIME:
            return _time(field, operator, value.text)
        case FieldType.TEXT if not field.values:
            return Text(field.name, Compare(operator), fold_value(value.text))
        case FieldType.MIXED:
            if not value.quoted and _NUMBER.fullmatch(value.text):
                return Number(field.name, Compare(operator), number(field, value.text))
            return Text(field.name, Compare(operator), fold_value(value.text))
        case _:
            raise misfit(f"the field {field.name} has no order", f"Use = or !=, as in {field.example}.")


def _equals(field: Field, values: Sequence[Given]) -> Expression:
    exact: list[str] = []
    parts: list[Expression] = []
    for value in values:
        part = _equal(field, value)
        if isinstance(part, Is):
            exact += [text for text in part.values if text not in exact]
        else:
            parts.append(part)
    if exact:
        parts.insert(0, Is(field.name, tuple(exact)))
    return parts[0] if len(parts) == 1 else Or(tuple(parts))


def _equal(field: Field, value: Given) -> Expression:
    if value.star and value.text == "" and not value.quoted:
        return has(field)
    if value.star and field.type not in {FieldType.TEXT, FieldType.MIXED, FieldType.DIGEST}:
        raise misfit(f"{field.name} is a {field.type}, which has no beginnings", f"Write as in {field.example}.")
    match field.type:
        case FieldType.NUMBER:
            return Number(field.name, Compare.EQUAL, number(field, value.text))
        case FieldType.TIME:
            return _time(field, "=", value.text)
        case FieldType.FLAG:
            return _flag(field, value.text)
        case FieldType.DIGEST:
            return _digest(field, value.text)
        case _ if value.star:
            return Begins(field.name, fold_value(value.text))
        case _:
            return _text(field, value)


def has(field: Field) -> Expression:
    """Return the condition that a field has any value; every version has digests."""
    return All() if field.name in {"digest", "file"} else Has(field.name)


def _text(field: Field, value: Given) -> Expression:
    folded = fold_value(value.text)
    if field.values and folded not in field.values:
        raise misfit(f"{field.name} is never {value.text!r}", f"It is one of: {', '.join(field.values)}.")
    exact = Is(field.name, (folded,))
    if field.type is FieldType.MIXED and not value.quoted and _NUMBER.fullmatch(value.text):
        return Or((exact, Number(field.name, Compare.EQUAL, number(field, value.text))))
    return exact


def _flag(field: Field, text: str) -> Expression:
    folded = fold_value(text)
    if folded in _TRUE:
        return Is(field.name, ("yes",))
    if folded in _FALSE:
        return Not(Is(field.name, ("yes",)))
    raise misfit(f"{field.name} is never {text!r}", "It is yes or no.")


def _digest(field: Field, text: str) -> Expression:
    folded = text.casefold()
    named = _DIGEST.fullmatch(folded)
    if named is None and _HEX.fullmatch(folded) is None:
        raise misfit(
            f"{text!r} is not the beginning of a digest",
            f"Give at least {MIN_HEX} hex digits, with or without sha256: before them.",
        )
    algorithm, prefix = (named[1], named[2]) if named else ("", folded)
    if field.name == "code":
        return Begins(field.name, prefix)
    if field.name == "parent":
        return Begins(field.name, f"{algorithm or 'sha256'}:{prefix}")
    return Hash(prefix, algorithm, "record" if field.name == "digest" else "file")


def number(field: Field, text: str) -> float:
    """Return the number that a value says.

    Raises:
        InvalidError: when it says none.
    """
    value = float(text) if _NUMBER.fullmatch(text) else math.nan
    if not math.isfinite(value):
        raise misfit(
            f"{text!r} is not a number", f"Write digits, without unit or thousands mark, as in {field.example}."
        )
    return value


def _time(field: Field, operator: str, text: str) -> Expression:
    """A time that leaves something away is all of the year, month, day, minute or second, its end excluded."""
    begin, end = _span(field, text)
    match operator:
        case "<":
            return Number(field.name, Compare.LESS, begin)
        case "<=":
            return Number(field.name, Compare.LESS, end)
        case ">":
            return Number(field.name, Compare.GREATER_EQUAL, end)
        case ">=":
            return Number(field.name, Compare.GREATER_EQUAL, begin)
        case _:
            return And((Number(field.name, Compare.GREATER_EQUAL, begin), Number(field.name, Compare.LESS, end)))


def _span(field: Field, text: str) -> tuple[float, float]:
    """Return the seconds since 1970 at which a time begins, and at which it has ended."""
    match = _TIME.fullmatch(text.upper())
    try:
        if match is None:
            raise ValueError(text)  # noqa: TRY301  # one way out for bad forms and for days that do not exist
        parts = [int(part) for part in match.groups()[:6] if part is not None]
        begin = datetime(*(parts + [1, 1, 1][len(parts) : 3]), tzinfo=UTC)  # type: ignore[arg-type, misc]  # 3 to 6 ints
        if match[7]:
            begin = begin.replace(microsecond=int(match[7][1:].ljust(6, "0")))
            return begin.timestamp(), (begin + timedelta(microseconds=10 ** (7 - len(match[7])))).timestamp()
        return begin.timestamp(), _after(begin, len(parts)).timestamp()
    except (ValueError, OverflowError) as error:
        hint = f"Write 2026, 2026-11, 2026-11-20 or 2026-11-20T09:01:00Z, in UTC, as in {field.example}."
        raise misfit(f"{text!r} is not a time", hint) from error


def _after(begin: datetime, parts: int) -> datetime:
    match parts:
        case 1:
            return begin.replace(year=begin.year + 1)
        case 2:
            return (begin + timedelta(days=31)).replace(day=1)
        case 3:
            return begin + timedelta(days=1)
        case 5:
            return begin + timedelta(minutes=1)
        case _:
            return begin + timedelta(seconds=1)


def error_at(text: str, start: int, end: int, message: str, hint: str) -> InvalidError:
    """Return the error that shows the place in the query, with a caret under it."""
    line_start = text.rfind("\n", 0, start) + 1
    line = text[line_start:].split("\n", 1)[0]
    left = max(0, start - line_start - 60)
    shown = line[left : left + 120].replace("\t", " ")
    width = max(1, min(end - start, len(shown) - (start - line_start - left)))
    caret = " " * (start - line_start - left) + "^" * width
    return InvalidError(f"in the query\n  {shown}\n  {caret}\n{message}", code="bad-query", hint=hint, position=start)
