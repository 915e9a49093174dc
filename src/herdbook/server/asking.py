"""What was asked: headers, query parameters and JSON bodies, read strictly. What is none of ours is refused."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, get_origin
from urllib.parse import unquote_to_bytes

from starlette.requests import Request

from herdbook.kernel import canonical
from herdbook.kernel.errors import InvalidError
from herdbook.model.base import Value

V = TypeVar("V", bound=Value)

_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,15})(?:\.[0-9]{1,15})?")
_FLAGS = {"true": True, "false": False}
_CALLED = {int: "an integer", float: "a number"}


@dataclass(frozen=True, slots=True)
class Parameter:
    """What may be given: ``str``, ``int``, ``float``, ``bool``, a ``StrEnum``, or ``list[str]``: several times.

    ``low`` and ``high`` bound numbers.
    """

    kind: Any
    low: float = -math.inf
    high: float = math.inf


def query(raw: bytes, known: Mapping[str, Parameter]) -> dict[str, Any]:
    """Return the parameters of a query string, the part of an address behind the question mark, each as its type.

    Raises:
        InvalidError: naming the parameter that is unknown, stands twice, or does not fit.
    """
    found: dict[str, Any] = {}
    for pair in raw.split(b"&") if raw else ():
        if not pair:
            continue
        left, _, right = pair.partition(b"=")
        name, text = _text(left, "the name of a parameter"), _text(right, "a parameter")
        parameter = known.get(name)
        if parameter is None:
            raise _unknown(name, known)
        if get_origin(parameter.kind) is list:
            found.setdefault(name, []).append(text)
        elif name in found:
            raise _bad(name, "is given twice", "Give it once.")
        else:
            found[name] = text if parameter.kind is str else _typed(name, text, parameter)
    return found


def _text(raw: bytes, what: str) -> str:
    if b"%" not in raw and b"+" not in raw and raw.isascii():
        return raw.decode()
    try:
        return unquote_to_bytes(raw.replace(b"+", b" ")).decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidError(
            f"{what} is not UTF-8", code="bad-parameter", hint="Escape the bytes of UTF-8, each as %XX."
        ) from error


def _typed(name: str, text: str, parameter: Parameter) -> Any:  # noqa: ANN401 - a value of its type
    kind = parameter.kind
    if kind is bool:
        if text in _FLAGS:
            return _FLAGS[text]
        raise _bad(name, f"is {text[:40]!r}", "Write true or false.")
    if kind is int or kind is float:
        if not (_INTEGER if kind is int else _NUMBER).fullmatch(text):
            raise _bad(name, f"is {text[:40]!r}, not {_CALLED[kind]}", "Write it in digits.")
        value = kind(text)
        if not parameter.low <= value <= parameter.high:
            most = "or more" if parameter.high == math.inf else f"to {parameter.high:.0f}"
            raise _bad(name, f"is {text}", f"Write {parameter.low:.0f} {most}.")
        return value
    try:
        return kind(text)
    except ValueError as error:
        raise _bad(name, f"is {text[:40]!r}", f"Write one of {', '.join(kind)}.") from error


def missing(name: str) -> InvalidError:
    """Return the error for a parameter that is needed and was not given."""
    return _bad(name, "is missing", f"Add {name}=… to the address.")


def _bad(name: str, what: str, hint: str) -> InvalidError:
    return InvalidError(f"the parameter {name!r} {what}", code="bad-parameter", hint=hint, parameter=name)


def _unknown(name: str, kinds: Iterable[str]) -> InvalidError:
    there = sorted(kinds)
    near = difflib.get_close_matches(name, there, 3, 0.5)
    hint = f"Did you mean {' or '.join(near)}?" if near else f"It takes {', '.join(there) or 'none'}."
    return InvalidError(
        f"there is no parameter {name[:80]!r} here", code="unknown-parameter", hint=hint, parameter=name[:80]
    )


async def body(request: Request, limit: int) -> bytes:
    """Return the body of a request that carries JSON.

    Raises:
        InvalidError: when it is not said to be JSON (``bad-media-type``), is compressed, or is larger than ``limit``.
    """
    headers = request.headers
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        said = f"is {kind[:40]!r}" if kind else "is not said"
        hint = "Send JSON with Content-Type: application/json."
        raise InvalidError(f"the type of the body {said}", code="bad-media-type", hint=hint)
    if headers.get("content-encoding", "identity").lower() != "identity":
        hint = "Send it without Content-Encoding."
        raise InvalidError("the body is compressed", code="bad-media-type", hint=hint)
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > limit:
            raise InvalidError(
                f"the body is larger than {limit} bytes", code="too-large", hint="Send it in several requests."
            )
        parts.append(part)
    return b"".join(parts)


def asked(data: bytes, shape: type[V]) -> V:
    """Read the body of a request.

    Raises:
        InvalidError: when it is not JSON beyond doubt, is nested deeper than 100, holds null, or a field does not fit.
    """
    value = canonical.loads(data)
    if b"null" in data or data.count(b"[") + data.count(b"{") > canonical.MAX_DEPTH:
        _check(value)
    return shape.read(value)


def _check(value: object) -> None:
    """Refuse what no record can hold, level by level: whatever its depth, it costs no recursion."""
    level, depth = [value], 0
    while level:
        if depth > canonical.MAX_DEPTH:
            raise InvalidError(f"the JSON is nested deeper than {canonical.MAX_DEPTH}", code="too-deep")
        inner: list[object] = []
        for item in level:
            if item is None:
                raise InvalidError("null stands in the body", code="null", hint="Leave an absent field out.")
            if isinstance(item, dict):
                inner.extend(item.values())
            elif isinstance(item, list):
                inner.extend(item)
        level, depth = inner, depth + 1
