"""Templates of rules: ``{group}`` and ``{group|filter}``, nothing else; and texts made into names and labels."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Callable, Mapping
from functools import lru_cache

from herdbook.kernel.errors import InvalidError

MAX_LABEL = 128
_FIELD = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)((?:\|[a-z]+)*)\}")
_SEGMENT = re.compile(r"[A-Za-z0-9_]+(?:-[A-Za-z0-9_]+)*")
_Part = tuple[str, tuple[str, ...]]


def slug(text: str) -> str:
    """Return the text as a segment of a model's name: letters, digits, ``_`` and single ``-`` inside; may be empty."""
    if _SEGMENT.fullmatch(text):
        return text  # as most are
    plain = "".join(char for char in unicodedata.normalize("NFKD", text) if not unicodedata.combining(char))
    return re.sub(r"-{2,}", "-", re.sub(r"[^A-Za-z0-9_-]+", "-", plain)).strip("-")


def label(text: str) -> str:
    """Return the text as a label: digits alone get a ``v`` in front, what a label cannot hold becomes ``_``."""
    plain = "".join(char for char in unicodedata.normalize("NFKD", text) if not unicodedata.combining(char))
    made = re.sub(r"[^A-Za-z0-9._+-]+", "_", plain).lstrip("._+-")
    if made.isdigit():
        made = "v" + made
    return shortened(made, MAX_LABEL)


def shortened(text: str, most: int) -> str:
    """Return the text, or when it is longer its begin and six hex digits of its sha256."""
    if len(text) <= most:
        return text
    return f"{text[: most - 7].rstrip('-_.+')}-{digest6(text)}"


def digest6(text: str) -> str:
    """Return six hex digits that tell a text from others."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:6]


FILTERS: dict[str, Callable[[str], str]] = {"lower": str.lower, "upper": str.upper, "slug": slug, "label": label}


@lru_cache(maxsize=4096)
def _parts(template: str) -> tuple[str | _Part, ...]:
    parts: list[str | _Part] = []
    end = 0
    for match in _FIELD.finditer(template):
        parts += [template[end : match.start()], (match[1], tuple(match[2].split("|")[1:]))]
        end = match.end()
    parts.append(template[end:])
    for part in parts:
        if isinstance(part, str) and ("{" in part or "}" in part):
            raise InvalidError(
                f"the template {template!r} has a brace that begins or ends no {{group}}",
                code="bad-rules",
                hint="Write {group} or {group|lower}; a group is a named one of the pattern, as in (?P<group>…).",
            )
        if not isinstance(part, str) and (unknown := set(part[1]) - FILTERS.keys()):
            raise InvalidError(
                f"the template {template!r} has an unknown filter {min(unknown)!r}",
                code="bad-rules",
                hint=f"There are {', '.join(FILTERS)}.",
            )
    return tuple(part for part in parts if part)


def check(template: str, known: set[str]) -> None:
    """Check that a template can be filled from these groups.

    Raises:
        InvalidError: ``bad-rules``.
    """
    for part in _parts(template):
        if not isinstance(part, str) and part[0] not in known:
            raise InvalidError(
                f"the template {template!r} names the group {part[0]!r}, which there is not",
                code="bad-rules",
                hint=f"There are {', '.join(sorted(known))}.",
            )


def fill(template: str, groups: Mapping[str, str]) -> str:
    """Return the template with its groups filled in.

    Raises:
        InvalidError: ``bad-rules``, when it is no template or names a group that is not there.
    """
    filled = []
    for part in _parts(template):
        if isinstance(part, str):
            filled.append(part)
            continue
        name, filters = part
        if name not in groups:
            check(template, set(groups))
        value = groups[name]
        for each in filters:
            value = FILTERS[each](value)
        filled.append(value)
    return "".join(filled)


def fill_json(value: object, groups: Mapping[str, str]) -> object:
    """Return a JSON value with every text in it (not keys) filled in."""
    if isinstance(value, str):
        return fill(value, groups)
    if isinstance(value, Mapping):
        return {key: fill_json(item, groups) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [fill_json(item, groups) for item in value]
    return value
