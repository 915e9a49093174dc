"""Names of models that a registry takes together: unique without case, and none the beginning of another."""

from __future__ import annotations

from collections.abc import Iterable

from herdbook.kernel.names import MAX_NAME
from herdbook.service.mapping.reading import Findings


def apart(wanted: Iterable[str], findings: Findings) -> dict[str, str]:
    """Return a name for each name that the rules give, the same where it can be; who comes first keeps it."""
    taken: set[str] = set()
    beginnings: set[str] = set()
    given: dict[str, str] = {}
    for name in wanted:
        if name in given:
            continue
        free, number = name, 1
        while (at := _clash(free, taken, beginnings)) is not None:
            number += 1
            parts = name.split("/")
            ending = f"_{number}"
            room = MAX_NAME - len(name) + len(parts[at]) - len(ending)
            parts[at] = parts[at][: max(room, 1)] + ending
            free = "/".join(parts)
        if free != name:
            message = f"the name {name} cannot stand beside another model's; it is proposed as {free}"
            findings.add("name-clash", message, name)
        given[name] = free
        folded = free.lower().split("/")
        taken.add(free.lower())
        beginnings.update("/".join(folded[:count]) for count in range(1, len(folded)))
    return given


def _clash(name: str, taken: set[str], beginnings: set[str]) -> int | None:
    """Return the number of the segment by which a name is to be told from others, ``None`` when it is free."""
    parts = name.lower().split("/")
    for count in range(1, len(parts)):
        if "/".join(parts[:count]) in taken:
            return count - 1
    return len(parts) - 1 if name.lower() in taken or name.lower() in beginnings else None
