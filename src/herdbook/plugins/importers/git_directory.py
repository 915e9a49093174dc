"""A git directory on disk: its references, packs and loose objects, and what in it is not followed."""

from __future__ import annotations

import os
import re

from herdbook.kernel.errors import CorruptError
from herdbook.plugins.importers import git_refs
from herdbook.plugins.importers.git_files import Directory
from herdbook.plugins.importers.git_loose import Loose
from herdbook.plugins.importers.git_objects import Objects
from herdbook.plugins.importers.git_packs import FileIndex, Pack
from herdbook.plugins.importers.git_places import Place
from herdbook.plugins.importers.git_refs import References
from herdbook.plugins.importers.git_troubles import Troubles, corrupt

MOST_SHALLOW = 64 << 20
_IDS = re.compile(rb"(?m)^([0-9a-f]{40})$")


def read(place: Place, troubles: Troubles) -> tuple[References, Objects, frozenset[str]]:
    """Return references, objects and the commits at which a shallow clone cuts the history.

    Raises:
        InvalidError: when there is more than any real repository has.
    """
    shared = Directory(place.shared, troubles)
    references = git_refs.read(Directory(place.private, troubles), shared, troubles)
    cut = frozenset(each.decode() for each in _IDS.findall(shared.read("shallow", MOST_SHALLOW) or b""))
    if cut:
        troubles.add("shallow", f"the clone is shallow: what came before {len(cut)} commits is not here", "shallow")
    if (shared.read("info/grafts", MOST_SHALLOW) or b"").strip():
        troubles.add("grafts", "grafts change the history on this machine only; they are not looked at", "info/grafts")
    if (shared.read("objects/info/alternates", MOST_SHALLOW) or b"").strip():
        told = "objects lie in another repository, which is not looked into: run `git repack -ad` to have them here"
        troubles.add("alternates", told, "objects/info/alternates")
    return references, Objects(_packs(shared, troubles), Loose(shared)), cut


def _packs(shared: Directory, troubles: Troubles) -> list[Pack]:
    names = set(shared.names("objects/pack"))
    found: list[Pack] = []
    for name in sorted(each for each in names if each.endswith(".pack")):
        index = name.removesuffix(".pack") + ".idx"
        where = f"objects/pack/{name}"
        if index not in names:
            troubles.add("pack-without-index", "git does not see this pack either: run `git index-pack` on it", where)
            continue
        try:
            found.append(_Pack(shared, where, _index(shared, f"objects/pack/{index}")))
        except CorruptError as error:
            troubles.add("pack-broken", error.message, where)
    return found


def _index(shared: Directory, name: str) -> FileIndex:
    handle = shared.open(name)
    if handle is None:
        raise corrupt("the index of a pack is no file")
    try:
        return FileIndex(handle)
    finally:
        os.close(handle)


class _Pack(Pack):
    """A pack of a git directory, opened when it is first read."""

    def __init__(self, shared: Directory, where: str, index: FileIndex) -> None:
        def opened() -> int:
            handle = shared.open(where)
            if handle is None:
                raise corrupt(f"{where} is gone, or no file")
            return handle

        super().__init__(opened, index)
