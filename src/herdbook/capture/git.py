"""What git knows of a folder: commit, remote, submodules, and the diff of a tree that is not clean."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

from herdbook.capture.git_changes import Changes, Limits, gather
from herdbook.capture.git_command import Git, unfit
from herdbook.capture.git_remotes import locate, remotes
from herdbook.kernel import digests, paths
from herdbook.model.activities import Code
from herdbook.model.places import Location

DIFF_LIMIT = 5_000_000
UNTRACKED_LIMIT = 20_000_000


@dataclass(frozen=True)
class GitState:
    """What was read of a working tree.

    Args:
        code: what a record says of it; ``diff`` is not set, since whether it is kept is decided later (`told`).
        diff: the bytes that ``git apply`` takes at the top of the tree, submodules included (each checked out at the
            commit that ``code.submodules`` names); ``None`` when the tree is clean, or the diff beyond the limit.
        untracked: absolute paths of the files of ``code.untracked`` that have a digest and may be copied.
        location: where the commit can be had, and since when that is known; ``None`` without commit or remote.
        top: the top of the tree; ``None`` when there is none.
    """

    code: Code
    diff: bytes | None = None
    untracked: tuple[Path, ...] = ()
    location: Location | None = None
    top: Path | None = None

    def told(self, *, with_diff: bool) -> Code:
        """Return the code for a record: with the digest of the diff, or with the problem that it was withheld."""
        if self.diff is None:
            return self.code
        if with_diff:
            return self.code.model_copy(update={"diff": digests.of(self.diff)})
        return self.code.model_copy(update={"problems": (*(self.code.problems or ()), "diff-withheld")})


def read(
    folder: Path,
    *,
    diff_limit: int = DIFF_LIMIT,
    untracked_limit: int = UNTRACKED_LIMIT,
    ask_remote: bool = False,
    timeout_s: float = 10.0,
) -> GitState:
    """Read the working tree that holds a folder; never raises for what it finds.

    Nothing that the repository or the person's settings name is run, and no file outside the tree is read.

    Args:
        folder: any folder of the tree.
        diff_limit: bytes of diff to keep at most; beyond it the problem is ``diff-too-large``.
        untracked_limit: bytes of untracked files to hash in all, smallest files first; the others are listed with
            their size alone, and the problem ``untracked-unread`` is told.
        ask_remote: whether the remote may be asked (``git ls-remote``) for the commit.
        timeout_s: seconds that one git command may take.
    """
    folder = Path(os.path.realpath(folder))
    if (missing := unfit(timeout_s)) is not None:
        return GitState(Code(problems=(missing,)))
    git = Git(folder, timeout_s)
    asked = git.text("rev-parse", "--is-inside-work-tree", "--show-toplevel", "--is-shallow-repository")
    where = (asked or "").split("\n")
    top = Path(where[1]) if len(where) == 3 and where[0] == "true" else None
    if top is None or not (top / ".git").exists() or not folder.is_relative_to(top):
        return GitState(Code(problems=("no-git",)))  # also where core.worktree points at some other folder
    git.folder = top
    commit = git.text("rev-parse", "--verify", "-q", "HEAD^{commit}")
    changes = gather(git, top, Limits(diff_limit, untracked_limit), commit)
    if where[2] == "true":
        changes.problem("shallow")
    state = _state(top, folder, changes)
    if commit is None:
        return replace(state, code=_with(state.code, problems=("no-commit", *changes.problems)))
    return _placed(git, state, commit, ask=ask_remote)


def _with(code: Code, **fields: object) -> Code:
    return code.model_copy(update={name: value for name, value in fields.items() if value is not None and value != ()})


def _state(top: Path, folder: Path, changes: Changes) -> GitState:
    diff = b"".join(changes.diffs)
    if changes.too_large:
        changes.problem("diff-too-large")
    inside = folder.relative_to(top)
    code = Code(
        path=None if folder == top else paths.escape(os.fsencode(inside)),
        submodules=tuple(changes.submodules) or None,
        dirty=None if changes.unknown and not changes.dirty else changes.dirty,
        untracked=tuple(changes.loose.values()) or None,
        problems=tuple(changes.problems) or None,
    )
    kept = [
        top / os.fsdecode(path)
        for path, item in changes.loose.items()
        if "sha256" in item and item.get("filter") in {None, "lfs"}
    ]
    return GitState(code, None if changes.too_large or not diff else diff, tuple(kept), top=top)


def _placed(git: Git, state: GitState, commit: str, *, ask: bool) -> GitState:
    """Add branch, commit and remote, and what stands in the way of having the commit again."""
    top = state.top or git.folder
    branch = git.text("symbolic-ref", "-q", "--short", "HEAD")
    if branch is not None and not branch.isprintable():
        branch = paths.escape(os.fsencode(branch))
    known = remotes(git, top, branch)
    remote, location = locate(git, commit, known, ask=ask)
    problems = [
        *([] if branch else ["detached-head"]),
        *([] if remote else ["no-remote"]),
        *(["unpushed"] if location and location.state != "exists" else []),
        *(state.code.problems or ()),
    ]
    code = _with(
        state.code,
        repository=remote.public if remote else None,
        commit=commit,
        branch=branch,
        swhid=f"swh:1:rev:{commit}" if len(commit) == 40 else None,  # the id that Software Heritage gives a commit
        problems=tuple(problems),
    )
    return replace(state, code=code, location=location)
