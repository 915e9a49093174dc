"""Canonical bytes: RFC 8785 (JSON Canonicalization Scheme), and a reader that accepts nothing ambiguous.

Source: RFC 8785; numbers after ECMAScript ``Number::toString`` (ECMA-262 §6.1.6.1.20).
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, NoReturn

from herdbook.kernel.errors import InvalidError

SAFE_INTEGER = 2**53 - 1
MAX_DEPTH = 100
MAX_PLACE = 200
"""Characters after which the place of an error is cut."""

_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")
_ENCODE_STRING = json.encoder.encode_basestring


def dumps(value: object) -> bytes:
    """Return the canonical bytes of a JSON value.

    Raises:
        InvalidError: on ``None``, a number that is not finite or whose text is an integer beyond ±(2^53 - 1), a lone
            surrogate, a key that is not a string, a value that JSON does not have, or nesting deeper than 100.
    """
    try:
        return _text(value, 0).encode("utf-8")
    except UnicodeEncodeError as error:
        raise InvalidError("a text holds a lone surrogate, which is not Unicode", code="lone-surrogate") from error
    except InvalidError as error:
        where = str(error.details.get("at", "")) or "/"
        where = where if len(where) <= MAX_PLACE else f"{where[:MAX_PLACE]}…"
        raise InvalidError(f"{error.message} at {where}", code=error.code, hint=error.hint) from error.__cause__


def loads(data: bytes | str) -> Any:  # noqa: ANN401 - JSON has no static type
    """Parse JSON strictly: UTF-8, no key twice, no NaN, no infinity, no lone surrogate.

    Raises:
        InvalidError: saying where.
    """
    try:
        text = data if isinstance(data, str) else bytes(data).decode("utf-8")
        value = json.loads(text, object_pairs_hook=_object, parse_constant=_constant, parse_float=_float)
        text.encode("utf-8")
        if _SURROGATE_ESCAPE.search(text):
            _check_surrogates(value)
    except UnicodeError as error:
        raise InvalidError("the text is not UTF-8", code="not-utf8") from error
    except RecursionError as error:
        raise InvalidError("the JSON is nested too deeply", code="too-deep") from error
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise InvalidError(f"this is not JSON: {error.msg} at {where}", code="not-json") from error
    except ValueError as error:  # an integer of more digits than Python converts
        raise InvalidError(f"a number cannot be read: {error}", code="bad-number") from error
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]  # add returns None
        raise InvalidError(f"the key {twice!r} stands twice in one object", code="key-twice")
    return result


def _constant(name: str) -> NoReturn:
    raise InvalidError(
        f"{name} is not a JSON number", code="not-finite", hint=f'Write a non-finite metric as the string "{name}".'
    )


def _float(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise InvalidError(f"the number {text[:40]} is beyond what a double holds", code="not-finite")
    return value


def _check_surrogates(value: object) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError as error:
        raise InvalidError("a text holds a lone surrogate, which is not Unicode", code="lone-surrogate") from error


def _text(value: object, depth: int) -> str:
    if isinstance(value, str):
        return _ENCODE_STRING(value)
    if isinstance(value, dict):
        return _object_text(value, depth)
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, (int, float)):
        return number(value)
    if isinstance(value, (list, tuple)):
        _deep(depth)
        items: list[str] = []
        for item in value:
            try:
                items.append(_text(item, depth + 1))
            except InvalidError as error:
                raise _at(error, len(items)) from error.__cause__
        return f"[{','.join(items)}]"
    if value is None:
        raise InvalidError("null", code="null", hint="Leave an absent field out.")
    raise InvalidError(f"a {type(value).__name__}, which JSON does not have,", code="not-json")


def _object_text(value: dict[Any, Any], depth: int) -> str:
    _deep(depth)
    try:
        keys = sorted(value) if all(map(str.isascii, value)) else sorted(value, key=_utf16)
    except TypeError as error:
        raise InvalidError("a key that is not a text", code="bad-key") from error
    except UnicodeEncodeError as error:
        raise InvalidError("a key with a lone surrogate", code="lone-surrogate") from error
    items: list[str] = []
    for key in keys:
        try:
            items.append(f"{_ENCODE_STRING(key)}:{_text(value[key], depth + 1)}")
        except InvalidError as error:
            raise _at(error, key) from error.__cause__
    return f"{{{','.join(items)}}}"


def _at(error: InvalidError, key: object) -> InvalidError:
    """Return the error with one more step of the way to where it is; the way is only walked when there is one."""
    return InvalidError(error.message, code=error.code, hint=error.hint, at=f"/{key}{error.details.get('at', '')}")


def _utf16(key: str) -> bytes:
    return key.encode("utf-16-be")


def _deep(depth: int) -> None:
    if depth >= MAX_DEPTH:
        raise InvalidError(f"nested deeper than {MAX_DEPTH}", code="too-deep")


def number(value: float) -> str:
    """Return the RFC 8785 text of a number.

    Raises:
        InvalidError: when the number is not finite, or its text is an integer beyond ±(2^53 - 1).
    """
    if isinstance(value, int):
        text = int.__repr__(value) if abs(value) <= SAFE_INTEGER else ""
    elif math.isfinite(value):
        text = _ecmascript(value)
        if abs(value) > SAFE_INTEGER and text.lstrip("-").isdigit():
            text = ""
    else:
        raise InvalidError(f"{value}, which is not a JSON number,", code="not-finite", hint="Write it as text.")
    if not text:
        raise InvalidError("an integer beyond 2^53 - 1", code="integer-too-large", hint="Write it as text.")
    return text


def _ecmascript(value: float) -> str:
    if value == 0:
        return "0"
    sign = "-" if value < 0 else ""
    # repr gives the shortest digits, as ECMAScript asks; float's own, since numpy's subclass writes its type too.
    mantissa, _, exponent = float.__repr__(abs(value)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    fraction = "" if fraction == "0" else fraction
    point = len(whole) + int(exponent or 0)
    digits = (whole + fraction).lstrip("0")
    point -= len(whole + fraction) - len(digits)
    digits = digits.rstrip("0")
    count = len(digits)
    if count <= point <= 21:
        return sign + digits + "0" * (point - count)
    if 0 < point <= 21:
        return f"{sign}{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    rest = f".{digits[1:]}" if count > 1 else ""
    return f"{sign}{digits[0]}{rest}e{point - 1:+d}"
