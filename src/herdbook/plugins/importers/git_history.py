"""The history of a git repository: commits, tags and changes, as ``ports.importers.History`` has them."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from typing import BinaryIO

from herdbook.kernel.errors import CorruptError
from herdbook.model.histories import Change, Commit, Tag, Trouble
from herdbook.plugins.importers import git_parse
from herdbook.plugins.importers.git_objects import Objects
from herdbook.plugins.importers.git_parse import Parsed
from herdbook.plugins.importers.git_refs import References
from herdbook.plugins.importers.git_trees import Trees
from herdbook.plugins.importers.git_troubles import Troubles

MAX_PEELS = 10
TAGS = "refs/tags/"


class GitHistory:
    """All commits that any reference leads to.

    ``troubles`` grow while changes are asked for: a submodule is met where a tree is read.

    Args:
        objects: the objects that are there.
        references: where names lead.
        cut: commits whose parents are not in the source though they name some (a shallow clone's).
        troubles: what was found before, and takes what is found here.
    """

    def __init__(self, objects: Objects, references: References, cut: Iterable[str], troubles: Troubles) -> None:
        self._objects = objects
        self.troubles: Sequence[Trouble] = troubles.items
        self._troubles = troubles
        self._trees = Trees(objects, troubles)
        self._parsed: dict[str, Parsed | None] = {}
        self._cut = frozenset(cut)
        leads = {
            name: found for name, target in references.ids.items() if (found := self._peel(name, target, references))
        }
        self._walk(commit for commit, _ in leads.values())
        self.commits: Sequence[Commit] = [self._commit(each) for each in self._ordered()]
        self.tags: Sequence[Tag] = sorted(
            (Tag(name.removeprefix(TAGS), *found) for name, found in leads.items() if name.startswith(TAGS)),
            key=lambda tag: (self._time(tag.commit), tag.name),
        )
        heads = ((name, found[0]) for name, found in leads.items() if not name.startswith(TAGS))
        self.heads: Sequence[tuple[str, str]] = sorted(heads, key=lambda head: (head[0] != references.head, head[0]))

    def _peel(self, name: str, target: str, references: References) -> tuple[str, bool] | None:
        """Return the commit that a reference leads to, and whether over tags that are objects."""
        hint = references.peeled.get(name)
        if hint is not None and self._read(hint) is not None:
            return hint, True
        for hops in range(MAX_PEELS):
            if self._read(target) is not None:
                return target, hops > 0
            above = self._tagged(name, target)
            if above is None:
                return None
            target = above
        self._troubles.add("ref-no-commit", "the tag leads to tags without end", name)
        return None

    def _tagged(self, name: str, target: str) -> str | None:
        try:
            head = self._objects.head(target)
            found = self._objects.read(target) if head is not None and head[0] == "tag" else None
        except CorruptError as error:
            self._troubles.add("ref-absent", f"what the reference leads to cannot be read: {error.message}", name)
            return None
        if head is None:
            self._troubles.add("ref-absent", f"the source lacks {target}, to which the reference leads", name)
            return None
        above = git_parse.tag(found[1]) if found is not None else None
        if above is None:
            self._troubles.add("ref-no-commit", f"the reference leads to a {head[0]} and not to a commit", name)
        return above

    def _read(self, digest: str) -> Parsed | None:
        """Return a commit, each parsed once; ``None`` for what is none."""
        if digest not in self._parsed:
            self._parsed[digest] = self._parse(digest)
        return self._parsed[digest]

    def _parse(self, digest: str) -> Parsed | None:
        try:
            head = self._objects.head(digest)
            found = self._objects.read(digest) if head is not None and head[0] == "commit" else None
        except CorruptError as error:
            self._troubles.add("commit-broken", error.message, digest)
            return None
        parsed = git_parse.commit(found[1]) if found is not None else None
        if found is not None and parsed is None:
            self._troubles.add("commit-broken", "the commit names no tree", digest)
        return parsed

    def _walk(self, tips: Iterable[str]) -> None:
        """Read all that the tips lead to; what is cut or absent is no parent."""
        self._parents: dict[str, tuple[str, ...]] = {}
        waiting = list(tips)
        while waiting:
            digest = waiting.pop()
            parsed = self._read(digest)
            if parsed is None or digest in self._parents:
                continue
            above = () if digest in self._cut else parsed.parents
            self._parents[digest] = tuple(parent for parent in above if self._read(parent) is not None)
            for parent in above:
                if self._parsed[parent] is None:
                    self._troubles.add("commit-absent", "the source lacks this commit: the history is cut here", parent)
            waiting.extend(self._parents[digest])

    def _time(self, digest: str) -> int:
        parsed = self._parsed[digest]
        return 0 if parsed is None or parsed.committed is None else parsed.committed

    def _ordered(self) -> list[str]:
        """Return all commits, parents first; as ``git log --all --date-order --reverse`` has them."""
        children = dict.fromkeys(self._parents, 0)
        for parents in self._parents.values():
            for parent in parents:
                children[parent] += 1
        ready = [_newest_first(self._time(digest), digest) for digest, count in children.items() if not count]
        heapq.heapify(ready)
        found = []
        while ready:
            digest = heapq.heappop(ready)[2]
            found.append(digest)
            for parent in self._parents[digest]:
                children[parent] -= 1
                if not children[parent]:
                    heapq.heappush(ready, _newest_first(self._time(parent), parent))
        return found[::-1]

    def _commit(self, digest: str) -> Commit:
        parsed = self._parsed[digest]
        assert parsed is not None, "only what was read is ordered"
        authored, committed = git_parse.time(parsed.authored), git_parse.time(parsed.committed)
        if authored is None or committed is None:
            self._troubles.add("bad-time", "the commit has no date that can be right", digest)
        if parsed.cut:
            self._troubles.add("message-cut", f"the message is cut after {git_parse.MAX_MESSAGE} bytes", digest)
        return Commit(
            id=digest,
            parents=self._parents[digest],
            author=parsed.author,
            authored=authored,
            committed=committed,
            message=parsed.message,
        )

    def changes(self, old: str | None, new: str | None) -> list[Change]:
        """Return how the trees of two commits differ; what an absent tree held counts as not there.

        Raises:
            InvalidError: when they differ in more paths than any real ones.
        """
        found = self._trees.changes(self._tree(old), self._tree(new))
        return sorted(found, key=lambda change: change.path)

    def _tree(self, commit: str | None) -> str | None:
        parsed = self._read(commit) if commit else None
        return parsed.tree if parsed is not None else None

    def size(self, digest: str) -> int | None:
        """Return the size of a blob in bytes, ``None`` when its content is absent or its start is damaged."""
        raw = digest.removeprefix("git-sha1:")
        try:
            head = self._objects.head(raw)
        except CorruptError as error:
            self._troubles.add("blob-broken", error.message, digest)
            return None
        return head[1] if head is not None and head[0] == "blob" else None

    def open(self, digest: str) -> BinaryIO:
        """Open a blob as a stream; see ``ports.importers.History``."""
        return self._objects.open(digest.removeprefix("git-sha1:"))


def _newest_first(time: int, digest: str) -> tuple[int, int, str]:
    return -time, -int(digest, 16), digest
