"""Quarantine: a pickle is a checkpoint and nothing more. Which files of a version may serve, and which never."""

from __future__ import annotations

from collections.abc import Iterable

from herdbook.model.contracts import Contract
from herdbook.model.dossiers import FileView
from herdbook.model.facts import Safety
from herdbook.model.formats import MODELS, PARTS


def quarantined(files: Iterable[FileView]) -> tuple[str, ...]:
    """Return the paths of files that can run code when they are loaded: pickles, and containers that may hold one."""
    return tuple(view.path for view in files if view.facts is not None and view.facts.safety is Safety.UNSAFE)


def serving(files: Iterable[FileView]) -> tuple[str, ...]:
    """Return the paths of models that a runtime may load: safe ones and guarded ones."""
    return tuple(
        view.path
        for view in files
        if view.facts is not None and view.facts.format in MODELS - PARTS and view.facts.safety is not Safety.UNSAFE
    )


def refused(files: Iterable[FileView], contract: Contract | None = None) -> str:
    """Return why a version must not serve, in words; empty when it may, or when nothing is known of its files.

    It must not when all the models that it has are pickles, or when its contract names a pickle as the file of a
    member. A pickle beside a model that may be loaded is a checkpoint, and in nobody's way.
    """
    files = list(files)
    pickles = quarantined(files)
    if pickles and not serving(files):
        return f"{pickles[0]} is a pickle, which can run code when it is loaded, and there is no other model beside it"
    for member in (contract.members if contract else None) or ():
        if named := sorted(set(member.files) & set(pickles)):
            return (
                f"{named[0]}, a file of the member {member.name!r}, is a pickle, which can run code when it is loaded"
            )
    return ""
