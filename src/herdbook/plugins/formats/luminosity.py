"""A mask of certified luminosity as JSON: run → ranges of lumi sections. It is recognised, and is no model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from herdbook.plugins.formats.contents import Content
from herdbook.ports.formats import Listing

_MAX_RUN = 10


def fits(content: Any, path: str) -> bool:  # noqa: ANN401, ARG001 - a kind is asked about anything
    """Say whether all keys are runs and all values lists of ranges."""
    return (
        isinstance(content, dict)
        and bool(content)
        and all(run.isascii() and run.isdigit() and len(run) <= _MAX_RUN for run in content)
        and all(isinstance(ranges, list) and all(map(_is_range, ranges)) for ranges in content.values())
    )


def _is_range(value: object) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(type(end) is int and 0 <= end < 2**32 for end in value)


def read(content: Mapping[str, Any], path: str, listing: Listing) -> Content:  # noqa: ARG001 - the signature of a kind
    """Read the first and last run, and how many runs and sections there are; the ends of a range count."""
    runs = sorted(int(run) for run in content)
    values = {
        "json_type": "dict",
        "length": len(content),
        "keys": sorted(content)[:1000],
        "kind": "luminosity-mask",
        "runs": {"first": runs[0], "last": runs[-1], "number": len(runs)},
        "lumi_sections": sum(end - begin + 1 for ranges in content.values() for begin, end in ranges if end >= begin),
    }
    return Content(format="json-other", values=values)
