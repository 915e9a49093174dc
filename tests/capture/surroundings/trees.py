"""Real repositories for the tests, made with the git command."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

QUIET = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "A",
    "GIT_AUTHOR_EMAIL": "a@example.org",
    "GIT_COMMITTER_NAME": "A",
    "GIT_COMMITTER_EMAIL": "a@example.org",
}


def git(folder: Path, *args: str) -> str:
    command = ["git", "-c", "protocol.file.allow=always", "-c", "init.defaultBranch=main", *args]
    done = subprocess.run(command, cwd=folder, env=os.environ | QUIET, check=True, capture_output=True)
    return os.fsdecode(done.stdout).strip()


def tree(folder: Path, **files: str) -> Path:
    """Make a repository with one commit; names are given with ``__`` for a dot."""
    folder.mkdir(parents=True, exist_ok=True)
    git(folder, "init", "-q")
    for name, text in (files or {"train__py": "print(1)\n"}).items():
        (folder / name.replace("__", ".")).write_text(text)
    commit(folder)
    return folder


def commit(folder: Path, message: str = "change") -> str:
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "--allow-empty", "-m", message)
    return git(folder, "rev-parse", "HEAD")


def cloned(source: Path, folder: Path, *options: str) -> Path:
    git(source.parent, "clone", "-q", *options, source.as_uri(), str(folder))
    return folder
