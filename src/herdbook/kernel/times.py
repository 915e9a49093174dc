"""Times as records write them: UTC, ``YYYY-MM-DDTHH:MM:SS[.ffffff]Z``, the fraction without trailing zeros."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from herdbook.kernel.errors import InvalidError

# Hours are checked here too: whether fromisoformat takes 24:00 differs between versions of Python.
_TIME = re.compile(r"\d{4}-\d\d-\d\dT(?:[01]\d|2[0-3]):\d\d:\d\d(?:\.\d{0,5}[1-9])?Z", re.ASCII)


def check(text: str) -> str:
    """Return the text when it is a time as records write it.

    Raises:
        InvalidError: when it is not, or no such day exists.
    """
    if _TIME.fullmatch(text) is None:
        raise InvalidError(
            f"{text!r} is not a time",
            code="bad-time",
            hint="Write UTC as 2026-11-20T09:01:00Z, a fraction without trailing zeros.",
        )
    try:
        datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidError(f"{text!r} is not a time: {error}", code="bad-time") from error
    return text


def write(moment: datetime) -> str:
    """Return the text of a moment that knows its time zone.

    Raises:
        InvalidError: when it does not know it, or lies in UTC outside the years 1 to 9999.
    """
    if moment.utcoffset() is None:
        raise InvalidError(f"{moment} has no time zone", code="bad-time", hint="Give datetime a tzinfo.")
    try:
        text = moment.astimezone(UTC).replace(tzinfo=None).isoformat()
    except OverflowError as error:
        raise InvalidError(f"{moment} lies, in UTC, outside the years 1 to 9999", code="bad-time") from error
    return (text.rstrip("0") if "." in text else text) + "Z"


def read(text: str) -> datetime:
    """Return the moment that a checked text names."""
    return datetime.fromisoformat(check(text))


def now() -> str:
    """Return the time of this machine's clock."""
    return write(datetime.now(UTC))
