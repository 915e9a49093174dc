"""Corrections as text: jet energy corrections and resolutions, effective areas. They are recognised, and are no model.

Source: the headers of CMS text files: `{1 JetEta 1 JetPt formula Correction L2Relative}` of JEC and JER, and the
commented table of effective areas (`|eta| min`, `|eta| max`, `effective area`).
"""

from __future__ import annotations

import re
from typing import Any

from herdbook.plugins.formats.contents import Content
from herdbook.plugins.formats.plain_values import present
from herdbook.plugins.formats.text_file import TextFile
from herdbook.ports.formats import Listing

_JEC = re.compile(r"\{\s*(?P<bins>\d{1,2})\s+(?P<words>[^{}]{1,4000})\}")
_KINDS = {
    "correction": "jet-energy-correction",
    "resolution": "jet-resolution",
    "scalefactor": "jet-resolution-scale-factor",
}
_AREA = re.compile(r"#.{0,400}effective\s+area", re.IGNORECASE)
_HEAD = 2000


def fits(content: Any, path: str) -> bool:  # noqa: ANN401, ARG001 - a kind is asked about anything
    """Say whether it begins with a header of jet corrections, or a comment on effective areas over numbers."""
    if not isinstance(content, TextFile):
        return False
    found = _JEC.match(content.text.lstrip()[: 2 * _HEAD])
    return (found is not None and _jec(found) is not None) or _is_areas(content)


def _jec(found: re.Match[str]) -> dict[str, Any] | None:
    """Return what a header says: the variables of the bins, those of the formula, and the formula."""
    words = found["words"].split()
    bins = int(found["bins"])
    if len(words) < bins + 2 or not words[bins].isdigit():
        return None
    variables = int(words[bins])
    rest = words[bins + 1 + variables :]
    kind = next((kind for word in rest if (kind := _KINDS.get(word.lower()))), None)
    if kind is None:
        return None
    return present(
        kind=kind,
        bin_variables=words[:bins],
        formula_variables=words[bins + 1 : bins + 1 + variables],
        formula=rest[0][:1000] if rest and rest[0].lower() not in _KINDS else None,
        level=rest[-1][:1000] if len(rest) > 1 else None,
    )


def _is_areas(content: TextFile) -> bool:
    if not any(_AREA.match(line) for line in content.text[:_HEAD].splitlines()):
        return False
    rows = [line.split() for line in content.said()]
    return bool(rows) and all(len(row) == 3 and all(map(_is_float, row)) for row in rows)


def _is_float(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def read(content: TextFile, path: str, listing: Listing) -> Content:  # noqa: ARG001 - the signature of a kind
    """Read the header and how many lines there are."""
    found = _JEC.match(content.text.lstrip()[: 2 * _HEAD])
    head = _jec(found) if found else None
    rows = sum(1 for _ in content.said())
    values = {**head, "rows": rows - 1} if head else {"kind": "effective-areas", "rows": rows}
    return Content(format="other", values=values)
