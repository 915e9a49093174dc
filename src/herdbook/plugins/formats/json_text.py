"""Bytes to JSON values, by a parser that is fast, and bounds its depth."""

from __future__ import annotations

from typing import Any

from pydantic_core import from_json

from herdbook.kernel.errors import CorruptError


def parse(data: bytes, path: str) -> Any:  # noqa: ANN401 - any JSON
    """Return the value; the non-standard NaN and Infinity, which trainers write, are taken.

    Raises:
        CorruptError: when the bytes are not JSON, or nest deeper than the parser goes.
    """
    try:
        return from_json(data.removeprefix(b"\xef\xbb\xbf"))
    except ValueError as error:
        raise CorruptError(f"{path} is not JSON: {error}", code="not-json") from error
