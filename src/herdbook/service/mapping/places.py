"""Where a path of a source goes: into a model's version, beside one, into a list, or nowhere, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class Place:
    """What rules, or the fallback, make of one path.

    ``rule`` is the id of the rule; those of the fallback begin with ``fallback:``, those that skip with ``skip:``.
    ``label`` is empty where versions are labelled by tag. ``folder`` (in the source, empty at its top) is where the
    version's paths begin and ``inside`` the path from there. A sidecar belongs to the versions that the rules ``of``
    make in the same folder (``*``: any), and where ``model`` is given only to those of that model and label.
    ``kin`` is the same for a model's files and for what lies beside them under their own name: such a sidecar goes with
    them alone where they are there. ``name`` is a list's. ``groups`` are the named groups that fill templates:
    ``path``, ``source`` and ``namespace``, those of the source's name and those of the path.
    """

    what: Literal["model", "sidecar", "list", "skip"]
    rule: str
    model: str = ""
    label: str = ""
    folder: str = ""
    inside: str = ""
    member: str = ""
    role: str = ""
    of: tuple[str, ...] = ()
    kin: str = ""
    name: str = ""
    reason: str = ""
    groups: Mapping[str, str] = field(default_factory=dict)


def parent(path: str) -> str:
    """Return the folder of a path, empty at the top."""
    return path.rpartition("/")[0]


def within(path: str, folder: str) -> str:
    """Return the path seen from a folder; empty when it does not lie in it."""
    if not folder:
        return path
    return path[len(folder) + 1 :] if path.startswith(folder + "/") else ""
