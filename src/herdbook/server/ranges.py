"""Conditions and ranges of a download (RFC 9110, sections 13 and 14)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_RANGE = re.compile(r"bytes\s*=\s*(?:(\d{1,18})\s*-\s*(\d{0,18})|-(\d{1,18}))\s*", re.IGNORECASE)
_TAG = re.compile(r'(?:W/)?"[^"]*"')


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to send: 200 with all, 206 with ``size`` bytes from ``start`` on, 304, 412 or 416 with none."""

    status: int
    start: int
    size: int


def wanted(method: str, headers: Mapping[str, str], tag: str, size: int) -> Wanted:
    """Return what a request for a representation with this strong tag and size in bytes is to get.

    A range in a form that is not understood, and several ranges, get the whole.
    """
    if (matches := headers.get("if-match")) is not None and not _lists(matches, tag, weak=False):
        return Wanted(412, 0, 0)
    if (others := headers.get("if-none-match")) is not None and _lists(others, tag, weak=True):
        return Wanted(304, 0, 0)
    whole = Wanted(200, 0, size)
    asked = headers.get("range")
    if asked is None or method != "GET" or headers.get("if-range", tag).strip() != tag:
        return whole
    found = _RANGE.fullmatch(asked)
    if found is None:
        return whole
    first, last, suffix = found.groups()
    if suffix is not None:
        start, end = max(0, size - int(suffix)), size
        if not int(suffix):
            return Wanted(416, 0, 0)
    else:
        start, end = int(first), min(size, int(last) + 1 if last else size)
        if last and int(last) < int(first):
            return whole
    return Wanted(206, start, end - start) if start < end else Wanted(416, 0, 0)


def _lists(header: str, tag: str, *, weak: bool) -> bool:
    if header.strip() == "*":
        return True
    found = _TAG.findall(header)
    return tag in ({item.removeprefix("W/") for item in found} if weak else found)
