"""What stands at one moment: the groups of files of a tree that changes, with the sidecars that go with them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from herdbook.model.histories import Blob, Change
from herdbook.service.mapping.beside import Beside
from herdbook.service.mapping.links import Links, Problem, at_or_below
from herdbook.service.mapping.matching import Place
from herdbook.service.mapping.placing import Group, Placer
from herdbook.service.mapping.reading import Contents

FEW = 8
"""Where more sidecars of a folder change at once, all its groups are looked at."""


@dataclass(frozen=True, slots=True)
class Held:
    """A file of a set: its path in the version, its path in the source, its bytes, what the rules say of it."""

    inside: str
    path: str
    digest: str
    place: Place

    @property
    def sidecar(self) -> bool:
        """Whether it lies beside the model rather than being of it."""
        return self.place.what == "sidecar"


class Standing:
    """A tree, changed step by step, as sets of files.

    With ``named`` also every name that symbolic links give to files is known (``aliases``).
    """

    def __init__(self, placer: Placer, contents: Contents, problem: Problem, *, named: bool = False) -> None:
        self._placer = placer
        self.links = Links(contents.link, problem, named=named)
        self._linked = False
        self._members: dict[Group, dict[str, Blob]] = {}
        self._by_folder: dict[str, set[Group]] = {}
        self._beside = Beside(placer)
        self._links_in: dict[str, set[str]] = {}
        self._joined: dict[str, set[Group]] = {}
        self._joining: dict[Group, set[str]] = {}

    def apply(self, changes: Sequence[Change]) -> list[Group]:
        """Make the changes; return the groups whose set, or whose files' names, may be others now."""
        dirty: set[Group] = set()
        folders: set[str] = set()
        stirred: dict[str, list[Place]] = {}
        for change in changes:
            self._linked = self._linked or bool(change.new and change.new.link)
            if (change.old and not change.old.link) or (change.new and not change.new.link):
                self._file(change, dirty, folders, stirred)
        self._stir(stirred, dirty)
        concerned, renamed = self.links.apply(list(changes))
        if self._linked:
            for change in changes:
                self._link(change)
            folders |= {link.rpartition("/")[0] for link in concerned} | {group.folder for group in dirty}
            for folder in sorted(folders & (self._links_in.keys() | self._joined.keys())):
                self._join(folder, dirty)
            for path in renamed:
                dirty |= self._holding(path)
        return sorted(dirty)

    def _file(self, change: Change, dirty: set[Group], folders: set[str], stirred: dict[str, list[Place]]) -> None:
        path, new = change.path, change.new if change.new and not change.new.link else None
        if (group := self._placer.group(path)) is not None:
            members = self._members.setdefault(group, {})
            _set(members, path, new)
            groups = self._by_folder.setdefault(group.folder, set())
            groups.add(group)
            if not members:
                del self._members[group]
                groups.discard(group)
            dirty.add(group)
            if self._beside.kindred(group, self._placer.place(path).kin, there=bool(members)):
                stirred.setdefault(group.folder, []).extend([self._placer.place(path)] * (FEW + 1))
        elif (place := self._placer.place(path)).what == "sidecar":
            if kindred := self._beside.put(path, new):
                dirty |= kindred
            else:
                stirred.setdefault(place.folder, []).append(place)
            folders.add(place.folder)
            dirty |= self._joined.get(place.folder, set())

    def _stir(self, stirred: dict[str, list[Place]], dirty: set[Group]) -> None:
        """Note the groups whose sidecars changed; where many did, or go with others now, all of the folder."""
        for folder, places in stirred.items():
            groups = self._by_folder.get(folder, set())
            every = len(places) > FEW
            dirty |= {group for group in groups if every or any(self._may(group, place) for place in places)}

    def _link(self, change: Change) -> None:
        folder = change.path.rpartition("/")[0]
        if change.new is not None and change.new.link:
            self._links_in.setdefault(folder, set()).add(change.path)
        elif change.old is not None and change.old.link:
            links = self._links_in.get(folder, set())
            links.discard(change.path)
            if not links:
                self._links_in.pop(folder, None)

    def _join(self, folder: str, dirty: set[Group]) -> None:
        """Decide anew to which groups the sidecars of a folder go through the links that lie in it."""
        before = self._joined.pop(folder, set())
        for group in before:
            self._joining[group].discard(folder)
        found: set[Group] = set()
        if self._beside.any(folder):
            for link in self._links_in.get(folder, ()):
                led = self.links.leads.get(link)
                if led is not None and led.kind in {"file", "folder"}:
                    found |= self._groups_at(led.path)
        if found:
            self._joined[folder] = found
            for group in found:
                self._joining.setdefault(group, set()).add(folder)
        dirty |= before | found

    def _groups_at(self, path: str) -> set[Group]:
        """Return the groups that have a file at a path, or below it."""
        if (group := self._placer.group(path) if path in self._placer.all() else None) is not None:
            return {group} if path in self._members.get(group, {}) else set()
        found: set[Group] = set()
        folder = path
        while True:  # a set begins in the folder that the link leads to, or in one above
            groups = self._by_folder.get(folder, ())
            found |= {group for group in groups if any(at_or_below(member, path) for member in self._members[group])}
            if not folder:
                return found
            folder = folder.rpartition("/")[0]

    def _holding(self, path: str) -> set[Group]:
        if path not in self._placer.all():
            return set()
        if (group := self._placer.group(path)) is not None:
            return {group} if group in self._members else set()
        folder = self._placer.place(path).folder
        if self._placer.place(path).what != "sidecar":
            return set()
        return self._by_folder.get(folder, set()) | self._joined.get(folder, set())

    def _takes(self, group: Group, place: Place) -> bool:
        if place.folder == group.folder and (kindred := self._beside.of(place)):
            return group in kindred
        return self._may(group, place)

    def _may(self, group: Group, place: Place) -> bool:
        """Say whether a sidecar goes with a group, but for one of its own name that may be there."""
        if (place.model and place.model != group.model) or (place.label and place.label != group.label):
            return False
        if "*" in place.of:
            return True
        return any(self._placer.place(path).rule in place.of for path in self._members.get(group, ()))

    def held(self, group: Group) -> list[Held]:
        """Return the set of a group: its files and the sidecars that go with it, by path; nothing without a model."""
        members = self._members.get(group)
        if not members:
            return []
        found = {
            place.inside: Held(place.inside, path, blob.digest, place)
            for path, blob in sorted(members.items())
            for place in [self._placer.place(path)]
        }
        for path, blob in self._taken(group, group.folder):
            place = self._placer.place(path)
            found.setdefault(place.inside, Held(place.inside, path, blob.digest, place))
        for folder in sorted(self._joining.get(group, ())):
            for path, blob in self._taken(group, folder):
                place = self._placer.place(path)
                if any(self._takes(other, place) for other in self._by_folder.get(folder, ())):
                    continue  # it has a group in its own folder
                inside = path if place.inside in found else place.inside
                found.setdefault(inside, Held(inside, path, blob.digest, place))
        return list(found.values())

    def _taken(self, group: Group, folder: str) -> Iterable[tuple[str, Blob]]:
        for path, blob in self._beside.files(folder, group):
            if self._takes(group, self._placer.place(path)):
                yield path, blob

    def aliases(self, path: str) -> Iterable[str]:
        """Return the further names that links give to what stands at a path."""
        return self.links.aliases.get(path, ())

    def file(self, path: str) -> tuple[str, str] | None:
        """Return path and digest of the file that a path leads to, over links; ``None`` when there is none."""
        return self.links.file(path)


def _set(blobs: dict[str, Blob], path: str, blob: Blob | None) -> None:
    if blob is None:
        blobs.pop(path, None)
    else:
        blobs[path] = blob
