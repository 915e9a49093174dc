"""Quarantine: a pickle is a checkpoint and nothing more. Which files of a version may serve, and which never."""

from __future__ import annotations

from collections.abc import Iterable

from herdbook.model.contracts import Contract
from herdbook.model.dossiers import FileView
from herdbook.model.facts import Facts, Safety, Severity
from herdbook.model.formats import MODELS, PARTS, PICKLES

_KIND = "a pickle, or holds one, which can run code when it is loaded"


def is_pickle(facts: Facts | None) -> bool:
    """Say whether loading a file can run code that is in it: a pickle, or a container that may hold one."""
    return facts is not None and (facts.safety is Safety.UNSAFE or facts.format in PICKLES)


def quarantined(files: Iterable[FileView]) -> tuple[str, ...]:
    """Return the paths of pickles, as far as anything is known of the files."""
    return tuple(view.path for view in files if is_pickle(view.facts))


def serving(files: Iterable[FileView]) -> tuple[str, ...]:
    """Return the paths of models that a runtime may load: safe ones and guarded ones, which a reader could read."""
    wanted = MODELS - PARTS
    return tuple(
        view.path
        for view in files
        if view.facts and view.facts.format in wanted and not is_pickle(view.facts) and not _gave_up(view.facts)
    )


def _gave_up(facts: Facts) -> bool:
    """Say whether a reader got nothing out of a file, for damage or a limit, and knows its format only."""
    return not facts.values and any(each.severity is Severity.ERROR for each in facts.findings)


def in_members(contract: Contract, pickles: Iterable[str]) -> list[tuple[str, str]]:
    """Return (member, path) of pickles that a contract names as files of its members."""
    found = set(pickles)
    return [(member.name, path) for member in contract.members or () for path in member.files if path in found]


def refused(files: Iterable[FileView], contracts: Iterable[Contract] = ()) -> str:
    """Return why a version must not serve, in words; empty when it may, or when nothing is known of its files.

    It must not when all the models that it has are pickles, or when a contract of it names a pickle as the file of a
    member. A pickle beside a model that may be loaded is a checkpoint, and in nobody's way.
    """
    files = list(files)
    pickles = quarantined(files)
    if pickles and not serving(files):
        return f"{pickles[0]} is {_KIND}, and no other model is beside it"
    for member, path in (found for each in contracts for found in in_members(each, pickles)):
        return f"{path}, a file of the member {member!r}, is {_KIND}"
    return ""
