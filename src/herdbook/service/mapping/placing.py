"""Where each path belongs: the rules' answer, asked once for every path, in the order of the history."""

from __future__ import annotations

from dataclasses import dataclass

from herdbook.model.identifiers import Identifier
from herdbook.service.mapping.matching import Matcher, Place
from herdbook.service.mapping.reading import Contents, Findings


@dataclass(frozen=True, slots=True, order=True)
class Group:
    """Files that stand together: the model and the label that the rules give them, and the folder they begin in."""

    model: str
    label: str
    folder: str


class Placer:
    """Asks the rules once for every path, with the content that was first seen there."""

    def __init__(self, matcher: Matcher, contents: Contents, findings: Findings) -> None:
        self._matcher, self._contents, self._findings = matcher, contents, findings
        self._places: dict[str, Place] = {}
        self._groups: dict[str, Group] = {}
        self._ids: dict[str, Identifier | None] = {}

    def meet(self, path: str, digest: str) -> None:
        """Learn of a file, in the order of commits: what it holds may decide where it belongs."""
        if path in self._places:
            return
        place = self._ask(path, digest)
        self._places[path] = place
        if place.what == "model":
            self._groups[path] = Group(place.model, place.label, place.folder)

    def place(self, path: str) -> Place:
        """Return where a path belongs that was met."""
        return self._places[path]

    def group(self, path: str) -> Group | None:
        """Return the group of a path that is a file of a model."""
        return self._groups.get(path)

    def identity(self, path: str) -> Identifier | None:
        """Return what another system calls what stands at a path."""
        if path not in self._ids:
            self._ids[path] = self._matcher.identity(path)
        return self._ids[path]

    def all(self) -> dict[str, Place]:
        """Return all paths that were met and where they belong."""
        return self._places

    def _ask(self, path: str, digest: str) -> Place:
        here = self._contents.size(digest) is not None
        place = self._matcher.place(path, (lambda: self._contents.beginning(digest, path)) if here else None)
        if place.rule == "skip:bad-path":
            self._findings.add("bad-path", place.reason, path)
        return place
