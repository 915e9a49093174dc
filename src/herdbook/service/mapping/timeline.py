"""What changed from commit to commit and from tag to tag: every difference is asked for once, never a whole tree."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from herdbook.kernel.errors import HerdbookError
from herdbook.model.drafts import Finding
from herdbook.model.histories import Blob, Change, Commit
from herdbook.ports.importers import History


@dataclass(frozen=True, slots=True)
class Step:
    """A commit that is entered, or with ``back`` left again, with the changes that lead there."""

    index: int
    changes: Sequence[Change]
    back: bool = False


@dataclass(frozen=True, slots=True)
class Rename:
    """A path that a commit removed, and one with the same bytes that it added."""

    commit: str
    old: str
    new: str
    digest: str


@dataclass(frozen=True, slots=True)
class Run:
    """What stood at a path from tag ``first`` on until before tag ``last`` (numbers in the recorded order)."""

    blob: Blob
    first: int
    last: int | None


@dataclass(slots=True)
class Sighting:
    """A distinct blob: where it stood, in which commit first, and in which tags first and last (numbers)."""

    paths: set[str]
    first: int
    link: bool = False
    first_tag: int | None = None
    last_tag: int | None = None


class Timeline:
    """The differences of a history, asked for once.

    ``diffs[i]`` leads from the tree of commit ``base[i]`` (``None``: the empty tree) to that of commit ``i``.
    ``tagged`` lists the tags whose trees are there, as (number, changes since the one before).
    """

    def __init__(self, history: History) -> None:
        self.commits: Sequence[Commit] = history.commits
        self.tags = history.tags
        self.findings: list[Finding] = []
        self.index: dict[str, int] = {commit.id: at for at, commit in enumerate(history.commits)}
        self.base: list[int | None] = []
        self.diffs: list[list[Change]] = []
        self._missing: set[int] = set()
        for at, commit in enumerate(history.commits):
            self._add(history, at, commit)
        self.tagged = list(self._tags(history))

    def _add(self, history: History, at: int, commit: Commit) -> None:
        base = self.index.get(commit.parents[0]) if commit.parents else None
        while base is not None and base in self._missing:
            base = self.base[base]
        self.base.append(base)
        try:
            found = history.changes(None if base is None else self.commits[base].id, commit.id)
        except HerdbookError as error:
            found = []
            self._missing.add(at)
            message = f"the tree of this commit cannot be read: {error.message}"
            self.findings.append(Finding(code="tree-unreadable", message=message, where=f"commit:{commit.id}"))
        self.diffs.append(found)

    def _tags(self, history: History) -> Iterator[tuple[int, list[Change]]]:
        before: str | None = None
        for number, tag in enumerate(history.tags):
            if self.index.get(tag.commit, -1) in self._missing:
                message = f"the tag {tag.name} leads to a commit whose tree cannot be read"
                self.findings.append(Finding(code="tree-unreadable", message=message, where=f"tag:{tag.name}"))
                continue
            yield number, history.changes(before, tag.commit)
            before = tag.commit

    def steps(self) -> Iterator[Step]:
        """Walk the forest of first parents depth first, leaving what was entered before another branch is taken."""
        children: dict[int | None, list[int]] = {}
        for at, base in enumerate(self.base):
            if at not in self._missing:
                children.setdefault(base, []).append(at)
        waiting = children.get(None, [])[::-1]
        entered: list[int] = []
        while waiting:
            at = waiting.pop()
            while entered and entered[-1] != self.base[at]:
                gone = entered.pop()
                yield Step(gone, back(self.diffs[gone]), back=True)
            yield Step(at, self.diffs[at])
            entered.append(at)
            waiting.extend(reversed(children.get(at, [])))

    def sightings(self) -> dict[str, Sighting]:
        """Return every distinct blob of the whole history, in the order in which they came."""
        found: dict[str, Sighting] = {}
        for at, changes in enumerate(self.diffs):
            for change in changes:
                if change.new is not None:
                    seen = found.setdefault(change.new.digest, Sighting(set(), at))
                    seen.paths.add(change.path)
                    seen.link = seen.link or change.new.link
        for runs in self.runs().values():
            for run in runs:
                seen = found[run.blob.digest]
                last = len(self.tags) - 1 if run.last is None else run.last - 1
                seen.first_tag = run.first if seen.first_tag is None else min(seen.first_tag, run.first)
                seen.last_tag = last if seen.last_tag is None else max(seen.last_tag, last)
        return found

    def runs(self) -> dict[str, list[Run]]:
        """Return for every path of a tag the runs of tags in which the same bytes stood there, oldest first."""
        found: dict[str, list[Run]] = {}
        since: dict[str, int] = {}
        for number, changes in self.tagged:
            for change in changes:
                if change.old is not None:
                    found.setdefault(change.path, []).append(Run(change.old, since.pop(change.path), number))
                if change.new is not None:
                    since[change.path] = number
                    found.setdefault(change.path, [])
        standing = {change.path: change.new for _, changes in self.tagged for change in changes}
        for path, first in since.items():
            blob = standing[path]
            if blob is not None:
                found[path].append(Run(blob, first, None))
        return found

    def renames(self, at: int) -> list[Rename]:
        """Return the exact renames of a commit that is no merge: same bytes, other path.

        Where the same bytes left or came at several paths, those of one name are paired first, then in order.
        """
        commit = self.commits[at]
        if len(commit.parents) > 1:
            return []
        gone, come = _by_digest(self.diffs[at])
        return [
            Rename(commit.id, old, new, digest)
            for digest, added in come.items()
            for old, new in _pair(gone.get(digest, []), added)
        ]


def back(changes: Iterable[Change]) -> list[Change]:
    """Return the changes that undo changes."""
    return [Change(change.path, change.new, change.old) for change in changes]


def _by_digest(changes: Iterable[Change]) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    gone: dict[str, list[str]] = {}
    come: dict[str, list[str]] = {}
    for change in changes:
        if change.old is None and change.new is not None:
            come.setdefault(change.new.digest, []).append(change.path)
        elif change.new is None and change.old is not None:
            gone.setdefault(change.old.digest, []).append(change.path)
    return gone, come


def _pair(gone: Sequence[str], come: Sequence[str]) -> list[tuple[str, str]]:
    if not gone:
        return []
    named: dict[str, list[str]] = {}
    for path in sorted(gone, reverse=True):
        named.setdefault(path.rpartition("/")[2], []).append(path)
    pairs: dict[str, str] = {}
    for path in sorted(come):
        if same := named.get(path.rpartition("/")[2]):
            pairs[path] = same.pop()
    left = sorted((path for paths in named.values() for path in paths), reverse=True)
    for path in sorted(come):
        if path not in pairs and left:
            pairs[path] = left.pop()
    return [(old, new) for new, old in sorted(pairs.items())]


def renames(history: History) -> list[Rename]:
    """Return all exact renames of a history, by commit."""
    timeline = Timeline(history)
    return [rename for at in range(len(timeline.commits)) for rename in timeline.renames(at)]
