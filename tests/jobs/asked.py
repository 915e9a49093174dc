"""Requests for the tests, and the runner as a process of its own, as an engine starts it."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from herdbook.bootstrap.engines import runner
from herdbook.model.jobs import JobResult

WRITE = "open('out.txt', 'w').write('hello')"


def sha256(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def python(text: str) -> dict[str, Any]:
    """Return the command that runs a few lines of Python."""
    return {"argv": ["python", "-c", text]}


def ask(folder: Path, **fields: Any) -> Path:
    """Write a request into a folder; return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    request: dict[str, Any] = {
        "schema": "herdbook/job/1",
        "id": "job-1",
        "command": python(WRITE),
        "outputs": [{"path": "out.txt"}],
        "capture": False,
    }
    (folder / "request.json").write_text(
        json.dumps({name: value for name, value in {**request, **fields}.items() if value is not None})
    )
    return folder


def put(folder: Path, source: str, data: bytes, path: str) -> dict[str, Any]:
    """Write a file beside the request; return the input that names it."""
    target = folder / source
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(data)
    return {"path": path, "sha256": sha256(data), "size": len(data), "source": source}


def run(folder: Path, variables: Mapping[str, str] | None = None, timeout: float = 120) -> JobResult:
    """Run the runner to its end; return its result."""
    done = subprocess.run(
        runner(folder), env=os.environ | (variables or {}), capture_output=True, text=True, timeout=timeout, check=False
    )
    assert (folder / "result.json").is_file(), done.stderr
    return JobResult.read_json((folder / "result.json").read_bytes())


def repository(folder: Path, files: Mapping[str, str]) -> str:
    """Make a repository with one commit of these files; return the commit."""
    folder.mkdir(parents=True, exist_ok=True)
    git(folder, "init", "--quiet", "-b", "main")
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    git(folder, "add", "--all", "--force")
    git(folder, "commit", "--quiet", "-m", "one")
    return git(folder, "rev-parse", "HEAD").strip()


def git(folder: Path, *words: str) -> str:
    who = ["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "protocol.file.allow=always"]
    done = subprocess.run(["git", *who, *words], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def bundle(origin: Path, target: Path) -> str:
    """Write all of a repository into a bundle; return its name."""
    git(origin, "bundle", "create", "--quiet", str(target), "HEAD")
    return target.name


def trained(folder: Path, files: Mapping[str, str], **fields: Any) -> Path:
    """Write a request whose command is ``train.py`` of a repository's commit, in a bundle beside it."""
    commit = repository(folder.parent / f"{folder.name}-code", files)
    folder.mkdir(parents=True, exist_ok=True)
    name = bundle(folder.parent / f"{folder.name}-code", folder / "code.bundle")
    given: dict[str, Any] = {"code": {"commit": commit}, "checkout": name, "command": {"argv": ["python", "train.py"]}}
    return ask(folder, **{**given, **fields})


def codes(result: JobResult) -> set[str]:
    """Return the codes of a result's problems, but for an environment of which the request says nothing."""
    return {each.partition(":")[0] for each in result.problems} - {"environment-unknown"}


def said(result: JobResult) -> str:
    """Return all that a result says of problems."""
    return "\n".join(result.problems)


def this_python() -> str:
    """Return the interpreter that runs the tests."""
    return sys.executable
