"""What lies beside models, by folder: for all of them, or under the name of one."""

from __future__ import annotations

from collections.abc import Iterator, Set

from herdbook.model.histories import Blob
from herdbook.service.mapping.places import Place
from herdbook.service.mapping.placing import Group, Placer

_NOBODY: frozenset[Group] = frozenset()


class Beside:
    """The sidecars that stand at one moment.

    One that is called like a model of its folder (``kin``) goes with it alone while it is there, else with all. Every
    look costs no more than what it returns, however many models with sidecars of their own share a folder.
    """

    def __init__(self, placer: Placer) -> None:
        self._placer = placer
        self._files: dict[str, dict[str, dict[str, Blob]]] = {}
        """Folder → kin (empty: of all) → path → blob."""
        self._kindred: dict[tuple[str, str], set[Group]] = {}
        self._kin: dict[Group, str] = {}
        self._alone: dict[str, set[str]] = {}
        """Folder → kin of sidecars whose model is not there."""

    def put(self, path: str, blob: Blob | None) -> Set[Group]:
        """Put a sidecar, or take it away; return the groups with which it goes alone."""
        place = self._placer.place(path)
        folder, kin = place.folder, place.kin
        by_kin = self._files.setdefault(folder, {})
        files = by_kin.setdefault(kin, {})
        if blob is None:
            files.pop(path, None)
        else:
            files[path] = blob
        if not files:
            del by_kin[kin]
        if not by_kin:
            del self._files[folder]
        self._settle(folder, kin)
        return self.of(place)

    def kindred(self, group: Group, kin: str, *, there: bool) -> bool:
        """Note that a group is there, or not; return whether sidecars go with others now."""
        kin = self._kin.setdefault(group, kin)
        groups = self._kindred.setdefault((group.folder, kin), set())
        before = bool(groups)
        if there:
            groups.add(group)
        else:
            groups.discard(group)
            del self._kin[group]
        if not groups:
            del self._kindred[group.folder, kin]
        self._settle(group.folder, kin)
        return bool(kin) and before != bool(groups) and kin in self._files.get(group.folder, {})

    def _settle(self, folder: str, kin: str) -> None:
        if kin and kin in self._files.get(folder, {}) and (folder, kin) not in self._kindred:
            self._alone.setdefault(folder, set()).add(kin)
        elif folder in self._alone:
            self._alone[folder].discard(kin)

    def of(self, place: Place) -> Set[Group]:
        """Return the groups with which a sidecar goes alone; none, when it goes with all."""
        return self._kindred.get((place.folder, place.kin), _NOBODY) if place.kin else _NOBODY

    def any(self, folder: str) -> bool:
        """Say whether sidecars lie in a folder."""
        return folder in self._files

    def files(self, folder: str, group: Group) -> Iterator[tuple[str, Blob]]:
        """Yield the sidecars of a folder that may go with a group, by path."""
        by_kin = self._files.get(folder)
        if by_kin is None:
            return
        kins = {"", self._kin.get(group, ""), *self._alone.get(folder, ())}
        yield from sorted((path, blob) for kin in kins for path, blob in by_kin.get(kin, {}).items())
