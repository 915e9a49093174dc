"""How a working tree differs from its commit: the diff, files that git does not know, submodules."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from herdbook.capture.git_command import Git
from herdbook.capture.git_remotes import without_credentials
from herdbook.kernel import paths
from herdbook.model.base import Json

UNTRACKED_FILES = 1000
PROBLEMS_OF_A_KIND = 20
_DEPTH = 8
_FILTERED_FILES = 2000
_POINTER = re.compile(rb"version https?://[^\n]+\n(?:ext-[^\n]+\n)*oid sha256:([0-9a-f]{64})\nsize ([0-9]{1,18})\n")
_DIFF = (
    *("diff", "--no-color", "--no-ext-diff", "--no-textconv", "--no-renames", "--no-relative", "--full-index"),
    "--ignore-submodules=all",
)
_PATCH = ("--binary", "-U3", "--inter-hunk-context=0", "--diff-algorithm=myers", "--indent-heuristic")


@dataclass(frozen=True)
class Limits:
    """Bytes of diff, and bytes of files hashed, in all."""

    diff: int
    untracked: int


@dataclass
class Changes:
    """What was gathered: of one tree and of its submodules, paths from the top of the outermost."""

    diffs: list[bytes] = field(default_factory=list)
    loose: dict[bytes, Json] = field(default_factory=dict)
    """Files whose bytes the commit does not give, by path: untracked, hidden from git, or behind a filter."""
    submodules: list[Json] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    dirty: bool = False
    too_large: bool = False
    unknown: bool = False
    """Whether git could not say; the tree is then neither clean nor dirty."""

    def problem(self, code: str, path: bytes | None = None) -> None:
        """Note a problem; of one kind no more than a few are told."""
        if sum(known.partition(":")[0] == code for known in self.problems) < PROBLEMS_OF_A_KIND:
            self.problems.append(code if path is None else f"{code}:{paths.escape(path)}")


@dataclass(frozen=True)
class Entry:
    """A line of the index: the tag of ``git ls-files -v``, mode, blob and path."""

    tag: str
    mode: str
    oid: str
    path: bytes


def gather(git: Git, top: Path, limits: Limits, commit: str | None) -> Changes:
    """Gather all changes of a tree, submodules included."""
    changes = Changes()
    _gather(git, top, b"", limits, changes, commit, depth=0)
    changes.loose = dict(sorted(changes.loose.items()))
    _measure(top, limits.untracked, changes)
    return changes


def _gather(
    git: Git, top: Path, prefix: bytes, limits: Limits, changes: Changes, commit: str | None, *, depth: int
) -> None:
    entries = _index(git, changes)
    if commit is None:
        loose = [entry.path for entry in entries if entry.mode != "160000"]
    else:
        loose = _hidden(top, entries, changes, prefix)
        with git.own_index():
            _diff(git, top, prefix, limits, changes)
    for path in (*loose, *_untracked(git, changes, prefix)):
        changes.loose.setdefault(prefix + path, {})
    for entry in entries:
        if entry.mode == "160000":
            _submodule(git, top, prefix, entry, limits, changes, depth)


def _index(git: Git, changes: Changes) -> list[Entry]:
    answer = git.ask("ls-files", "-v", "-s", "-z")
    if answer.problem:
        changes.unknown = True
        changes.problem(f"git-{answer.problem}")
        return []
    entries = []
    for line in answer.data.split(b"\0"):
        head, _, path = line.partition(b"\t")
        words = head.decode("ascii", "replace").split(" ")
        if path and len(words) == 4:
            entries.append(Entry(words[0], words[1], words[2], path))
    return entries


def _hidden(top: Path, entries: Iterable[Entry], changes: Changes, prefix: bytes) -> list[bytes]:
    """Return files that git was told not to look at (assume-unchanged, skip-worktree) and that did change."""
    found = []
    for entry in entries:
        if not (entry.tag.islower() or entry.tag == "S") or entry.mode not in {"100644", "100755"}:
            continue
        size, digest = _read(top, entry.path, "sha1" if len(entry.oid) == 40 else "sha256", blob=True)
        if digest != entry.oid and (size is not None or entry.tag not in "Ss"):  # a sparse checkout lacks files
            changes.problem("hidden-change", prefix + entry.path)
            changes.dirty = True
            found.append(entry.path)
    return found


def _diff(git: Git, top: Path, prefix: bytes, limits: Limits, changes: Changes) -> None:
    listed = git.ask(*_DIFF, "--raw", "-z", "HEAD", "--")
    if listed.problem:
        changes.unknown = True
        changes.problem(f"git-{listed.problem}")
        return
    changed = listed.data.split(b"\0")[1::2]
    filtered = _filtered(git, changed[:_FILTERED_FILES])
    for path, name in filtered.items():
        _behind_filter(git, top, prefix, path, name, changes)
    if len(filtered) == len(changed):
        return
    changes.dirty = True
    left = limits.diff - sum(map(len, changes.diffs))
    where = os.fsdecode(prefix)
    without = [f":(top,literal,exclude){os.fsdecode(path)}" for path in filtered]
    flags = (*_PATCH, f"--src-prefix=a/{where}", f"--dst-prefix=b/{where}")
    patch = git.ask(*_DIFF, *flags, "HEAD", "--", ":(top)", *without, limit=max(left, 0))
    if patch.problem == "large":
        changes.too_large = True
    elif patch.problem:
        changes.unknown = True
        changes.problem(f"git-{patch.problem}")
    else:
        changes.diffs.append(patch.data)


def _filtered(git: Git, changed: list[bytes]) -> dict[bytes, str]:
    """Return which of these files stand behind a filter (Git LFS, git-crypt), and its name.

    Their bytes in the tree are not those in the repository, so that a diff would say nothing, or a secret.
    """
    found: dict[bytes, str] = {}
    for start in range(0, len(changed), 500):
        names = [os.fsdecode(path) for path in changed[start : start + 500]]
        words = git.ask("check-attr", "-z", "filter", "--", *names).data.split(b"\0")
        for path, value in zip(words[0::3], words[2::3], strict=False):
            if value not in {b"unspecified", b"unset", b"set"}:
                found[path] = value.decode("utf-8", "replace")
    return found


def _behind_filter(git: Git, top: Path, prefix: bytes, path: bytes, name: str, changes: Changes) -> None:
    pointer = _POINTER.fullmatch(git.ask("cat-file", "blob", f"HEAD:{os.fsdecode(path)}", limit=4096).data)
    if pointer is not None:
        size, digest = _read(top, path, "sha256", at_most=int(pointer[2]))
        if size == int(pointer[2]) and digest == pointer[1].decode():
            return
    else:
        changes.problem("filtered", prefix + path)
    changes.dirty = True
    changes.loose[prefix + path] = {"filter": name}


def _untracked(git: Git, changes: Changes, prefix: bytes) -> list[bytes]:
    ignore = git.text("config", "--global", "--type=path", "--get", "core.excludesFile", user=True)
    own = [f"--exclude-from={ignore}"] if ignore and Path(ignore).is_file() else []
    answer = git.ask("ls-files", "-z", "--others", "--exclude-standard", *own)
    if answer.problem:
        changes.unknown = True
        changes.problem(f"git-{answer.problem}")
    names = [name for name in answer.data.split(b"\0") if name]
    for nested in (name for name in names if name.endswith(b"/")):
        changes.problem("nested-repository", prefix + nested.rstrip(b"/"))
    return [name for name in names if not name.endswith(b"/")]


def _submodule(git: Git, top: Path, prefix: bytes, entry: Entry, limits: Limits, changes: Changes, depth: int) -> None:
    path = prefix + entry.path
    described: Json = {"path": paths.escape(path), "commit": entry.oid}
    changes.submodules.append(described)
    folder = top / os.fsdecode(entry.path)
    there = (folder / ".git").exists() and folder.resolve() == top.resolve() / os.fsdecode(entry.path)
    inner = Git(folder, git.timeout_s) if there and depth < _DEPTH else None
    commit = inner.text("rev-parse", "--verify", "-q", "HEAD^{commit}") if inner else None
    if inner is None or commit is None:
        changes.problem("missing-submodule", path)
        address = _declared_address(git, top, os.fsdecode(entry.path))
    else:
        address = inner.text("remote", "get-url", "--", "origin", user=True)
        if commit != entry.oid:
            described |= {"commit": commit, "recorded": entry.oid}
            changes.dirty = True
        if inner.text("for-each-ref", "--count=1", f"--contains={commit}", "refs/remotes/") == "":
            changes.problem("unpushed-submodule", path)
        _gather(inner, folder, path + b"/", limits, changes, commit, depth=depth + 1)
    if address and (public := without_credentials(address, top)):
        described["repository"] = public


def _declared_address(git: Git, top: Path, path: str) -> str | None:
    """Return what ``.gitmodules`` says of a submodule that was not cloned; an address relative to ours stays unsaid."""
    declared = top / ".gitmodules"
    if not declared.is_file() or declared.is_symlink():
        return None
    listed = git.text("config", "-z", "-f", str(declared), "--get-regexp", r"^submodule\..*\.(path|url)$")
    values = dict(item.split("\n", 1) for item in (listed or "").split("\0") if "\n" in item)
    names = [key.removesuffix(".path") for key, value in values.items() if key.endswith(".path") and value == path]
    address = values.get(f"{names[0]}.url") if names else None
    return None if address is None or address.startswith(".") else address


def _measure(top: Path, limit: int, changes: Changes) -> None:
    """Give each loose file its size and, smallest first as far as the limit goes, its digest."""
    if len(changes.loose) > UNTRACKED_FILES:
        changes.problem("too-many-untracked")
        changes.loose = dict(list(changes.loose.items())[:UNTRACKED_FILES])
    sized: list[tuple[int, bytes]] = []
    for path, described in list(changes.loose.items()):
        if (size := _size(top, path, changes)) is None:
            del changes.loose[path]
            continue
        changes.loose[path] = {"path": paths.escape(path), **described, "size": size}
        sized.append((size, path))
    read = 0
    for size, path in sorted(sized):
        if read + size > limit:
            changes.problem("untracked-unread")
            break
        read += size
        known, digest = _read(top, path, "sha256", at_most=size)
        if known is None:
            changes.problem("untracked-unread")
        else:
            changes.loose[path] |= {"size": known, "sha256": f"sha256:{digest}"}


def _size(top: Path, path: bytes, changes: Changes) -> int | None:
    """Return the size of a regular file. A link is a problem, and never followed; pipes and sockets have no bytes."""
    try:
        state = (top / os.fsdecode(path)).lstat()
    except OSError:
        return None
    if stat.S_ISLNK(state.st_mode):
        changes.problem("untracked-link", path)
    return state.st_size if stat.S_ISREG(state.st_mode) else None


def _read(
    top: Path, path: bytes, algorithm: str, *, blob: bool = False, at_most: int | None = None
) -> tuple[int | None, str]:
    """Return size and hex digest of a regular file of the tree; ``None`` where a link leads out, or it grew."""
    full = top / os.fsdecode(path)
    try:
        if full.parent.resolve() != (top.resolve() / os.fsdecode(path)).parent:
            return None, ""
        descriptor = os.open(full, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            state = os.fstat(descriptor)
            if not stat.S_ISREG(state.st_mode) or (at_most is not None and state.st_size > at_most):
                return None, ""
            return state.st_size, _digest(file, algorithm, f"blob {state.st_size}\0".encode() if blob else b"")
    except OSError:
        return None, ""


def _digest(file: BinaryIO, algorithm: str, head: bytes) -> str:
    found = hashlib.new(algorithm, head, usedforsecurity=False)
    while chunk := file.read(1 << 20):
        found.update(chunk)
    return found.hexdigest()
