"""Power loss: what would be on disk if the current went away at the moment at which a program says that it is done.

A program says so by writing ``ACK <id>`` and a line feed anywhere outside the watched folder, its standard output for
one. Its system calls are replayed against a disk that keeps only what it must: the bytes of a file that was synced
after they were written, and the names in a folder that was synced after they were made (POSIX, fsync(2); real file
systems keep more). Before a name is durable, all folders above it must be. A sync that failed has lost the bytes.

    trace = power.watch([sys.executable, "-c", script], folder)
    for ack in trace.acks:
        assert not ack.problems and f"9c/{blob}" in ack.durable

Not modelled: shared writable mappings of files (reported as ``mapped``; SQLite's ``-shm``, which is rebuilt, is ignored
by default), ``O_SYNC`` and ``O_TMPFILE`` (bytes and names are then taken as not durable), names changed through a
symlink. Paths that the program uses should be absolute.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

from herdbook.testing import calls
from herdbook.testing.calls import Call

why_not = calls.why_not

IGNORED: Final = ("*-shm",)
"""Files, as patterns of paths relative to the folder, of which nothing needs to survive."""
_ACK: Final = "ACK "
_WRITES: Final = {
    **dict.fromkeys(("write", "pwrite64", "writev", "pwritev", "pwritev2", "sendfile", "ftruncate", "fallocate"), 0),
    **dict.fromkeys(("copy_file_range", "splice"), 2),
}
"""Calls that change a file's bytes → which argument is the file."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that would be lost: ``bytes`` of a file, a ``name`` of a file or folder, or ``mapped`` bytes."""

    kind: str
    path: str

    def __str__(self) -> str:
        return {"bytes": "bytes not synced: ", "name": "name not synced: ", "mapped": "written by mmap: "}[
            self.kind
        ] + self.path


@dataclass(frozen=True, slots=True)
class Ack:
    """One moment at which the program said that something is done. Paths are relative to the folder.

    Attributes:
        id: what it wrote after ``ACK``.
        problems: what was there and would be lost.
        durable: the files of which bytes, name and all folders above would survive, ignored ones too.
        lingering: names that were removed and might come back.
    """

    id: str
    problems: tuple[Problem, ...]
    durable: frozenset[str]
    lingering: frozenset[str]


@dataclass(frozen=True, slots=True)
class Watched:
    """What came of a program.

    Attributes:
        acks: in the order in which they were written.
        hasty: files that got a name (rename, link) before their bytes were synced: a crash between leaves a name with
            wrong bytes.
    """

    acks: tuple[Ack, ...]
    hasty: tuple[str, ...]


def watch(
    argv: Sequence[str],
    folder: Path,
    *,
    ignore: Sequence[str] = IGNORED,
    env: Mapping[str, str] | None = None,
    timeout_s: float = 120,
) -> Watched:
    """Run a program that writes into ``folder`` and acknowledges; say for each acknowledgement what is on disk.

    What is in the folder when the program starts counts as durable.

    Raises:
        UnavailableError: when it cannot be traced here, or fails.
    """
    before = _snapshot(folder)
    return replay(calls.record(argv, env=env, timeout_s=timeout_s), folder, before, ignore=ignore)


def _snapshot(folder: Path) -> dict[str, bool]:
    found = {str(folder): True}
    for parent, folders, files in os.walk(folder):
        found.update({os.path.join(parent, name): True for name in folders})  # noqa: PTH118 - os.walk gives texts
        found.update({os.path.join(parent, name): False for name in files})  # noqa: PTH118 - the same
    return found


def replay(
    trace: Sequence[Call], folder: Path, before: Mapping[str, bool], *, ignore: Sequence[str] = IGNORED
) -> Watched:
    """Replay a trace over a folder in which the paths of ``before`` were durable (path → is it a folder)."""
    disk = _Disk(str(folder), before, ignore)
    acks = []
    # Bytes are at risk from the moment at which a write begins; everything else counts when it has ended.
    for call in sorted(trace, key=lambda call: call.begun if call.name in _WRITES else call.ended):
        if call.result < 0:
            disk.failed(call)
            continue
        acks += [disk.judge(said) for said in _acknowledged(call, disk)]
        disk.apply(call)
    return Watched(tuple(acks), tuple(disk.hasty))


def _acknowledged(call: Call, disk: _Disk) -> Iterator[str]:
    if call.name == "write" and not disk.watches(calls.annotated(call.args[0])):
        for line in calls.string(call.args[1]).splitlines():
            if line.startswith(_ACK):
                yield line.removeprefix(_ACK)


@dataclass(slots=True, eq=False)
class _Node:
    """A file or a folder. ``unsynced`` are the ends (line numbers) of writes that no sync has covered."""

    is_folder: bool
    unsynced: list[int] = field(default_factory=list)
    mapped: bool = False

    def sync(self, begun: int) -> None:
        self.unsynced = [end for end in self.unsynced if end >= begun]


class _Disk:
    """What the running system sees, and which of it would survive."""

    def __init__(self, root: str, before: Mapping[str, bool], ignore: Sequence[str]) -> None:
        self.hasty: list[str] = []
        self._root = root
        self._ignore = ignore
        self._nodes = {path: _Node(is_folder) for path, is_folder in before.items()}
        self._names: dict[str, int] = {}  # names made and not yet synced → line at which they were made
        self._removed: dict[str, int] = {}  # the same for names removed
        self._cwd: dict[int, str] = {}
        self._rules: dict[str, Callable[[Call], None]] = {
            **dict.fromkeys(_WRITES, self._write),
            **dict.fromkeys(("open", "openat", "creat"), self._open),
            **dict.fromkeys(("rename", "renameat", "renameat2"), self._rename),
            **dict.fromkeys(("link", "linkat"), self._link),
            **dict.fromkeys(("symlink", "symlinkat"), self._symlink),
            **dict.fromkeys(("unlink", "unlinkat", "rmdir"), self._unlink),
            **dict.fromkeys(("mkdir", "mkdirat"), self._mkdir),
            **dict.fromkeys(("fsync", "fdatasync"), self._sync),
            **dict.fromkeys(("sync", "syncfs"), self._sync_all),
            "truncate": self._truncate,
            "mmap": self._map,
            "chdir": self._chdir,
            "fchdir": self._chdir,
        }

    def watches(self, path: str) -> bool:
        return path == self._root or path.startswith(self._root + os.sep)

    def apply(self, call: Call) -> None:
        self._rules[call.name](call)

    def failed(self, call: Call) -> None:
        # Linux takes the pages of a failed sync for clean afterwards: the next one succeeds, and the bytes are gone.
        node = self._nodes.get(calls.annotated(call.args[0])) if call.name in {"fsync", "fdatasync"} else None
        if node is not None:
            node.unsynced = [sys.maxsize for _ in node.unsynced]

    # -- the state at an acknowledgement

    def judge(self, said: str) -> Ack:
        problems: list[Problem] = []
        durable: set[str] = set()
        for path, node in sorted(self._nodes.items()):
            relative = os.path.relpath(path, self._root)
            found = list(self._problems(path, relative, node))
            if not any(fnmatchcase(relative, pattern) for pattern in self._ignore):
                problems += found
            if not node.is_folder and not found and not self._hangs(path):
                durable.add(relative)
        lingering = frozenset(os.path.relpath(path, self._root) for path in self._removed)
        return Ack(said, tuple(problems), frozenset(durable), lingering)

    def _problems(self, path: str, relative: str, node: _Node) -> Iterator[Problem]:
        if node.unsynced:
            yield Problem("bytes", relative)
        if node.mapped:
            yield Problem("mapped", relative)
        if path in self._names:
            yield Problem("name", relative)

    def _hangs(self, path: str) -> bool:
        return any(str(parent) in self._names for parent in Path(path).parents)

    # -- bytes

    def _write(self, call: Call) -> None:
        node = self._nodes.get(calls.annotated(call.args[_WRITES[call.name]]))
        if node is not None:
            node.unsynced.append(call.ended)

    def _truncate(self, call: Call) -> None:
        node = self._nodes.get(self._paths(call)[0])
        if node is not None:
            node.unsynced.append(call.ended)

    def _map(self, call: Call) -> None:
        node = self._nodes.get(calls.annotated(call.args[4]))
        if node is not None and "PROT_WRITE" in call.args[2] and "MAP_SHARED" in call.args[3]:
            node.mapped = True

    def _sync(self, call: Call) -> None:
        path = calls.annotated(call.args[0])
        node = self._nodes.get(path)
        if node is not None:
            node.sync(call.begun)
        for made in (self._names, self._removed):
            for name in [name for name, line in made.items() if os.path.dirname(name) == path and line < call.begun]:  # noqa: PTH120 - texts, thousands of them
                del made[name]

    def _sync_all(self, call: Call) -> None:
        for node in self._nodes.values():
            node.sync(call.begun)
        for made in (self._names, self._removed):
            for name in [name for name, line in made.items() if line < call.begun]:
                del made[name]

    # -- names

    def _open(self, call: Call) -> None:
        path, flags = call.opened, " ".join(call.args[1:])
        if not self.watches(path) or "O_TMPFILE" in flags:
            return
        node = self._nodes.get(path)
        if node is None and ("O_CREAT" in flags or call.name == "creat"):
            self._add(path, _Node(is_folder=False), call)
        elif node is not None and ("O_TRUNC" in flags or call.name == "creat"):
            node.unsynced.append(call.ended)

    def _mkdir(self, call: Call) -> None:
        self._add(self._paths(call)[0], _Node(is_folder=True), call)

    def _symlink(self, call: Call) -> None:
        self._add(self._paths(call)[-1], _Node(is_folder=False), call)

    def _link(self, call: Call) -> None:
        old, new = self._paths(call)
        node = self._nodes.get(old)
        if node is None:  # from outside, or a nameless file: nothing is known of its bytes
            node = _Node(is_folder=False, unsynced=[call.ended])
        self._add(new, node, call)

    def _rename(self, call: Call) -> None:
        old, new = self._paths(call)
        moved = [path for path in self._nodes if path == old or path.startswith(old + os.sep)]
        for path in moved or [""]:
            node = self._nodes.pop(path) if path else _Node(is_folder=False, unsynced=[call.ended])
            target = new + path.removeprefix(old) if path else new
            line = self._names.pop(path, None)
            if target == new:
                self._add(new, node, call)
            elif self.watches(target):
                self._nodes[target] = node
                if line is not None:
                    self._names[target] = line
        self._forget(old, call)

    def _unlink(self, call: Call) -> None:
        path = self._paths(call)[0]
        self._nodes.pop(path, None)
        self._forget(path, call)

    def _add(self, path: str, node: _Node, call: Call) -> None:
        if not self.watches(path):
            return
        if node.unsynced:
            self.hasty.append(os.path.relpath(path, self._root))
        self._nodes[path] = node
        self._names[path] = call.ended
        self._removed.pop(path, None)

    def _forget(self, path: str, call: Call) -> None:
        if self.watches(path):
            self._names.pop(path, None)
            self._removed[path] = call.ended

    # -- paths

    def _paths(self, call: Call) -> list[str]:
        """Return the absolute paths that a call names, in order."""
        found = []
        base = self._cwd.get(call.pid, os.getcwd())  # noqa: PTH109 - a text; the program began where we are
        for index, arg in enumerate(call.args):
            if arg.startswith('"'):
                beside = calls.annotated(call.args[index - 1]) if index else ""
                found.append(os.path.normpath(os.path.join(beside or base, calls.string(arg))))  # noqa: PTH118 - texts
        return found

    def _chdir(self, call: Call) -> None:
        self._cwd[call.pid] = calls.annotated(call.args[0]) or self._paths(call)[0]
