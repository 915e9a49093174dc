"""Trees and how two of them differ: only what differs is read, without recursion, each tree once."""

from __future__ import annotations

import stat
from collections import OrderedDict
from collections.abc import Iterator

from dulwich.errors import ObjectFormatException
from dulwich.objects import parse_tree

from herdbook.kernel import paths
from herdbook.kernel.errors import CorruptError
from herdbook.model.histories import Blob, Change
from herdbook.plugins.importers.git_objects import Objects
from herdbook.plugins.importers.git_troubles import Troubles, too_large

Entries = dict[bytes, tuple[int, bytes]]
"""Name → mode and id."""

KEPT = 200_000
"""Entries of trees that are kept parsed."""
MAX_CHANGES = 1_000_000
MAX_PATH = 1 << 15
"""Bytes of a path; no system opens a file under a longer one."""
_NONE: Entries = {}


class Trees:
    """The trees of a repository. One that is absent or broken is a trouble, and holds nothing."""

    def __init__(self, objects: Objects, troubles: Troubles) -> None:
        self._objects = objects
        self._troubles = troubles
        self._kept: OrderedDict[bytes, Entries] = OrderedDict()
        self._held = 0

    def entries(self, digest: bytes, path: bytes) -> Entries:
        """Return what a tree holds."""
        if (found := self._kept.get(digest)) is not None:
            self._kept.move_to_end(digest)
            return found
        found = self._parse(digest, path)
        self._kept[digest] = found
        self._held += len(found) + 1
        while self._held > KEPT and len(self._kept) > 1:
            self._held -= len(self._kept.popitem(last=False)[1]) + 1
        return found

    def _parse(self, digest: bytes, path: bytes) -> Entries:
        name = digest.decode()
        try:
            read = self._objects.read(name)
        except CorruptError as error:
            return self._tell("tree-broken", path, f"cannot be read: {error.message}", name)
        if read is None:
            return self._tell("tree-absent", path, "is not in the source, nor what stood in it", name)
        try:
            listed = list(parse_tree(read[1], 20)) if read[0] == "tree" else None
        except (ObjectFormatException, ValueError):
            listed = None
        if listed is None:
            return self._tell("tree-broken", path, "is not written as git does", name)
        found = {name: (mode, target) for name, mode, target in reversed(listed)}
        if len(found) < len(listed):
            self._tell("tree-duplicate", path, "has several entries of one name: the first is taken", name)
        return found

    def _tell(self, code: str, path: bytes, what: str, where: str) -> Entries:
        self._troubles.add(code, f"the folder {paths.escape(path) or '/'!r} {what}", where)
        return _NONE

    def changes(self, old: str | None, new: str | None) -> Iterator[Change]:
        """Yield how two trees differ, in no order.

        Raises:
            InvalidError: when they differ in more paths than any real ones.
        """
        waiting = [(b"", old and old.encode(), new and new.encode())]
        count = 0
        while waiting:
            folder, before, after = waiting.pop()
            left = self.entries(before, folder) if before else _NONE
            right = self.entries(after, folder) if after else _NONE
            for name, was, now in _unlike(left, right):
                path = folder + name
                old_tree, new_tree = _tree(was), _tree(now)
                if old_tree or new_tree:
                    if len(path) > MAX_PATH:
                        self._troubles.add("path-too-long", f"folders lie deeper than {MAX_PATH} bytes of path", "")
                    elif old_tree != new_tree:
                        waiting.append((path + b"/", old_tree, new_tree))
                first, second = self._blob(path, was), self._blob(path, now)
                if first != second:
                    count += 1
                    if count > MAX_CHANGES:
                        raise too_large(f"one commit changes more than {MAX_CHANGES} paths")
                    yield Change(path=paths.escape(path), old=first, new=second)

    def _blob(self, path: bytes, entry: tuple[int, bytes] | None) -> Blob | None:
        if entry is None or _is(entry, stat.S_IFDIR):
            return None
        if _is(entry, stat.S_IFREG) or _is(entry, stat.S_IFLNK):
            return Blob(digest=f"git-sha1:{entry[1].decode()}", link=_is(entry, stat.S_IFLNK))
        shown = paths.escape(path)
        if _is(entry, 0o160000):
            self._troubles.add("submodule", f"{shown!r} is a submodule: what it holds is not in this source", shown)
        else:
            self._troubles.add("tree-mode", f"{shown!r} is neither file nor folder nor link (mode {entry[0]:o})", shown)
        return None


def _is(entry: tuple[int, bytes], kind: int) -> bool:
    return stat.S_IFMT(entry[0] & 0xFFFF) == kind and entry[0] <= 0xFFFF


def _tree(entry: tuple[int, bytes] | None) -> bytes | None:
    return entry[1] if entry is not None and _is(entry, stat.S_IFDIR) else None


def _unlike(
    left: Entries, right: Entries
) -> Iterator[tuple[bytes, tuple[int, bytes] | None, tuple[int, bytes] | None]]:
    for name, was in left.items():
        now = right.get(name)
        if was != now:
            yield name, was, now
    for name, now in right.items():
        if name not in left:
            yield name, None, now
