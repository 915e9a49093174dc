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
_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")
_ENCODE_STRING = json.encoder.encode_basestring


def dumps(value: object) -> bytes:
    """Return the canonical bytes of a JSON value.

    Raises:
        InvalidError: on ``None``, a number that is not finite or whose text is an integer beyond ±(2^53 - 1), a lone
            surrogate, a key that is not a string, a value that JSON does not have, or nesting deeper than 100.
    """
    parts: list[str] = []
    _write(value, parts.append, "", 0)
    try:
        return "".join(parts).encode("utf-8")
    except UnicodeEncodeError as error:
        raise InvalidError("a text holds a lone surrogate, which is not Unicode", code="lone-surrogate") from error


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


def _write(value: object, out: Any, where: str, depth: int) -> None:  # noqa: ANN401 - list.append
    if isinstance(value, str):
        out(_ENCODE_STRING(value))
    elif value is True:
        out("true")
    elif value is False:
        out("false")
    elif isinstance(value, (int, float)):
        out(number(value, where))
    elif isinstance(value, dict):
        _write_object(value, out, where, depth)
    elif isinstance(value, (list, tuple)):
        _deep(depth, where)
        out("[")
        for index, item in enumerate(value):
            if index:
                out(",")
            _write(item, out, f"{where}/{index}", depth + 1)
        out("]")
    elif value is None:
        raise InvalidError(f"null at {where or '/'}", code="null", hint="Leave an absent field out.")
    else:
        raise InvalidError(f"a {type(value).__name__} at {where or '/'} is not a JSON value", code="not-json")


def _write_object(value: dict[Any, Any], out: Any, where: str, depth: int) -> None:  # noqa: ANN401 - list.append
    _deep(depth, where)
    try:
        keys = sorted(value) if all(map(str.isascii, value)) else sorted(value, key=_utf16)
    except TypeError as error:
        raise InvalidError(f"a key at {where or '/'} is not a text", code="bad-key") from error
    except UnicodeEncodeError as error:
        raise InvalidError(f"a key at {where or '/'} holds a lone surrogate", code="lone-surrogate") from error
    out("{")
    for index, key in enumerate(keys):
        if index:
            out(",")
        out(_ENCODE_STRING(key))
        out(":")
        _write(value[key], out, f"{where}/{key}", depth + 1)
    out("}")


def _utf16(key: str) -> bytes:
    return key.encode("utf-16-be")


def _deep(depth: int, where: str) -> None:
    if depth >= MAX_DEPTH:
        raise InvalidError(f"nested deeper than {MAX_DEPTH} at {where[:80]}…", code="too-deep")


def number(value: float, where: str = "") -> str:
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
        raise InvalidError(
            f"{value} at {where or '/'} is not a JSON number", code="not-finite", hint="Write it as text."
        )
    if not text:
        raise InvalidError(
            f"an integer at {where or '/'} is beyond 2^53 - 1",
            code="integer-too-large",
            hint="Write it as text.",
        )
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
