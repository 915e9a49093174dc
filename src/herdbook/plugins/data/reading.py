"""What readers of data share: refusals in the same words, how many entries to give at once, units in files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import prod

from herdbook.kernel import units
from herdbook.kernel.errors import CorruptError, HerdbookError, InvalidError
from herdbook.model.dataset_profiles import ProfiledColumn

AT_ONCE = 16 * 2**20
"""Bytes of values that a chunk should have at most."""
MAX_COLUMNS = 20_000
NUMBER = re.compile(r"bool|u?int(?:8|16|32|64)|float(?:16|32|64)")
"""Types of columns whose values are numbers, as numpy names them."""

_LEAVES = re.compile(r"[^\s/\[\]]+(?:\[[^\]]*\])*/[A-Za-z](?::.*)?")
_BRACKETED = re.compile(r"(?P<text>.*?)(?:^|\s)\[(?P<unit>[^\[\]\s]+)\]\s*", re.DOTALL)
_SAID = re.compile(r"(?P<text>.*?)(?:^|[\s,;(])units?\s*[:=]\s*(?P<unit>[^\s,;)]+)\)?\s*", re.DOTALL | re.IGNORECASE)


@contextmanager
def as_bad_file(what: str) -> Iterator[None]:
    """Turn whatever a library raises about a file into one refusal; ours, and a lack of memory, pass."""
    try:
        yield
    except (HerdbookError, MemoryError):
        raise
    except Exception as error:
        said = " ".join(str(error).split())[:300]
        raise CorruptError(
            f"it cannot be read as {what}: {said or type(error).__name__}",
            code="bad-data-file",
            hint="Get another copy, or leave it out.",
        ) from error


def at_once(entries: int, row_bytes: int) -> int:
    """Return how many entries to give at once: at most so many, and about ``AT_ONCE`` bytes."""
    return max(1, min(entries, AT_ONCE // max(1, row_bytes)))


def row_bytes(columns: Sequence[ProfiledColumn]) -> int:
    """Return the bytes of an entry's numbers; an axis whose length varies counts as four."""
    return sum(8 * prod(axis if isinstance(axis, int) else 4 for axis in column.shape or ()) for column in columns)


def outside(what: str) -> InvalidError:
    """Return the refusal of a file whose content lies in another one."""
    return InvalidError(
        f"{what}, which is not followed",
        code="points-outside",
        hint="Copy the data into one file, and take that.",
    )


def unit_in(text: str) -> tuple[str | None, str]:
    """Return the unit that a title tells and what else it says: ``pt of the muon [GeV]``, ``pt, unit: GeV``.

    A list of leaves, as ROOT makes it where nobody wrote a title, says nothing. Nothing is taken for a unit but what
    stands in brackets at the end, after a space, or behind ``unit``, and is UCUM; else the title stays whole.
    """
    text = " ".join(text.split())
    if _LEAVES.fullmatch(text):
        return None, ""
    for pattern in (_SAID, _BRACKETED):
        if (match := pattern.fullmatch(text)) and is_unit(match["unit"]):
            return match["unit"], match["text"].strip(" ,;(")
    return None, text


def is_unit(text: str) -> bool:
    """Say whether a text is a unit in UCUM."""
    try:
        units.check(text)
    except InvalidError:
        return False
    return True


def column(
    name: str, dtype: str, shape: Sequence[int | str] = (), *, unit: object = None, title: object = None
) -> ProfiledColumn:
    """Return a column as a file tells it. A unit that is not UCUM is kept in the description.

    Args:
        name: of the column.
        dtype: as numpy names it, else as the format does.
        shape: beside the entries.
        unit: what the file calls its unit.
        title: what it says of it.
    """
    said, words = unit_in(as_text(title)[:2000])
    told = " ".join(as_text(unit).split())[:100]
    if told and is_unit(told):
        said = told
    elif told:
        words = f"{words} [{told}]".strip()
    return ProfiledColumn(
        name=name, dtype=dtype, shape=tuple(shape) or None, unit=said or None, description=words or None
    )


def as_text(value: object) -> str:
    """Return a text of a file, which may be bytes; empty for what is none."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value if isinstance(value, str) else ""
