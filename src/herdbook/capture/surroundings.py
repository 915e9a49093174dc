"""Everything around a command: code, environment, machine, job. Read at its start, what takes long beside it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from herdbook.capture import batch, digesting, environment, git, hardware, noise
from herdbook.capture.spool import Run
from herdbook.kernel import digests, paths
from herdbook.kernel.errors import DeniedError
from herdbook.model.activities import Code
from herdbook.model.base import Json
from herdbook.model.captures import Capture

COPIED = 1_000_000
"""Bytes of one untracked file, or one configuration, that is copied into the spool."""
SCRIPTS = 200
"""So many files of code are taken of a folder that is in no repository."""
BUNDLE = "code.bundle"


@dataclass(frozen=True)
class Policy:
    """What the settings say about capture; sizes in bytes."""

    diff_limit: int = git.DIFF_LIMIT
    untracked_limit: int = git.UNTRACKED_LIMIT
    dirty: str = "store"
    upload: str = "clean"
    store_limit: int = 10_000_000


@dataclass
class Source:
    """What was read of the code, and where it begins."""

    state: git.GitState
    root: Path
    copies: dict[str, bytes] = field(default_factory=dict)


def code(folder: Path, policy: Policy) -> Source:
    """Read the working tree, or else the folder's own scripts.

    Raises:
        DeniedError: when the tree is not clean, and the settings refuse that.
    """
    state = git.read(folder, diff_limit=policy.diff_limit, untracked_limit=policy.untracked_limit)
    if policy.dirty == "refuse" and state.code.dirty:
        raise DeniedError(
            f"the working tree {state.top} has changes that are not committed",
            code="dirty-tree",
            hint="Commit them, or allow it: herdbook config set capture.dirty store.",
        )
    if state.top is None:
        return _loose(state, folder)
    copies = {}
    for path in state.untracked:
        if (data := _small(path)) is not None:
            copies[_inside(path, state.top)] = data
    return Source(state, state.top, copies)


def _loose(state: git.GitState, folder: Path) -> Source:
    """Take the scripts of a folder that is in no repository: nothing else keeps them."""
    copies: dict[str, bytes] = {}
    for path in _scripts(folder):
        if len(copies) < SCRIPTS and (data := _small(path)) is not None:
            copies[_inside(path, folder)] = data
    listed: tuple[Json, ...] = tuple(
        {"path": name, "sha256": digests.of(data), "size": len(data)} for name, data in sorted(copies.items())
    )
    told = state.code.model_copy(update={"untracked": listed or None})
    return Source(git.GitState(told), folder, copies)


def _scripts(folder: Path) -> list[Path]:
    found: list[Path] = []
    for at, folders, files in os.walk(folder):
        inside = [name for name in sorted(folders) if not name.startswith(".") and name != "__pycache__"]
        folders[:] = [name for name in inside if not Path(at, name, "pyvenv.cfg").exists()]
        depth = len(Path(at).relative_to(folder).parts)
        if depth >= 4 or len(found) > SCRIPTS:
            folders[:] = []
        found += [Path(at, name) for name in sorted(files) if noise.sort_of(f"/x/{name}") == "code"]
    return found[:SCRIPTS]


def _small(path: Path) -> bytes | None:
    found = digesting.look(str(path))
    if found is None or found.size > COPIED:
        return None
    try:
        return path.read_bytes()
    except OSError:
        return None


def _inside(path: Path, root: Path) -> str:
    """Return the path below the root as records write it."""
    return paths.escape(os.fsencode(path.relative_to(root)))


def told_code(found: Source, run: Run, capture: Capture) -> Capture:
    """Return the capture with the code, and copies of diff and untracked files in the run's folder."""
    files = dict(capture.files)
    if found.state.diff is not None:
        files["diff"] = run.keep("git.diff", found.state.diff)
    for name, data in found.copies.items():
        files[f"untracked:{name}"] = run.keep(f"untracked-{name.replace('/', '-')}", data)
    value: Code = found.state.code
    empty = not any(item is not None for _, item in value)
    return capture.model_copy(
        update={
            "code": None if empty else value,
            "root": str(found.root),
            "location": found.state.location,
            "files": files,
        }
    )


def around(run: Run, capture: Capture, variables: Mapping[str, str], *, top: Path | None) -> Json:
    """Return what is known of environment, machine and job, as fields of a capture; the lock is kept as a file."""
    argv = capture.command.argv if capture.command else ()
    folder = Path((capture.command and capture.command.cwd) or capture.root or ".")
    python = environment.interpreter(argv, variables, folder)
    state = environment.read(python, folder, variables, argv=argv, top=top)
    files: dict[str, str] = {}
    if state.lock is not None:
        files["lock"] = run.keep(state.lock_name or "lock", state.lock)
    given = state.environment if any(item is not None for _, item in state.environment) else None
    return {
        "environment": given,
        "hardware": hardware.read() or None,
        "ids": tuple(batch.read(variables)),
        "files": files,
        "python": python is not None,
    }


def bundle(run: Run, root: Path, commit: str) -> str | None:
    """Write the repository's history up to HEAD as one file into the run's folder; return what was in the way."""
    run.files.mkdir(exist_ok=True)
    target = run.files / BUNDLE
    made = _git(root, "bundle", "create", "-q", str(target), "HEAD")
    if made is None:
        target.unlink(missing_ok=True)
        return "no-bundle"
    heads = _git(root, "bundle", "list-heads", str(target)) or b""
    if not heads.startswith(commit.encode()):
        target.unlink(missing_ok=True)
        return "no-bundle"
    return None


def _git(root: Path, *words: str) -> bytes | None:
    command: Sequence[str] = ("git", "-C", str(root), *words)
    try:
        done = subprocess.run(command, capture_output=True, timeout=600, check=False)  # noqa: S603 - fixed words
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout if done.returncode == 0 else None
