"""Outputs of a job: nothing of them is there before, and afterwards regular files only are gathered."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from herdbook.jobs.folders import JobFolder, discard, inside
from herdbook.jobs.laying import digest_of
from herdbook.kernel import paths
from herdbook.kernel.errors import ConflictError, InvalidError
from herdbook.model.jobs import JobFile, JobRequest

MAX_FILES = 100_000
"""Files that the outputs of one job may have."""


def made_fresh(job: JobFolder, request: JobRequest) -> list[str]:
    """See to it that no output is there; return a note for each that the checkout had.

    Raises:
        InvalidError: ``bad-job``, when an output lies in git's folder, or through a symbolic link.
        ConflictError: ``output-is-input``, when an output is an input too.
    """
    notes = []
    wanted = {output.path for output in request.outputs}
    for output in request.outputs:
        for item in request.inputs:
            if item.path in wanted or item.path.startswith(output.path + "/"):
                raise ConflictError(
                    f"{item.path!r} is an input and lies in an output",
                    code="output-is-input",
                    hint="Name the files that come out one by one.",
                )
        target = inside(job.work, output.path, "output")
        if target.exists():
            discard(target)
            notes.append(f"output-in-checkout: {output.path} was taken out of the checkout before the run")
        target.parent.mkdir(parents=True, exist_ok=True)
    return notes


def gathered(job: JobFolder, request: JobRequest, *, whole: bool) -> tuple[list[JobFile], list[str]]:
    """Move what came out into ``outputs``; return the files, and a problem for each that cannot be one.

    ``whole``: the command ended well, so that one which is missing is a problem of its own.
    """
    files: list[JobFile] = []
    problems: list[str] = []
    room = request.limits.output_bytes
    for output in request.outputs:
        try:
            top = inside(job.work, output.path, "output")
        except InvalidError:
            problems.append(f"output-no-file: {output.path} is, or lies behind, a symbolic link")
            continue
        if not top.exists():
            problems += [f"output-missing: {output.path} was not made"] if whole else []
            continue
        for found in _below(top):
            name = paths.escape(os.fsencode(found.relative_to(job.work)))
            about = found.lstat()
            room -= about.st_size
            if not stat.S_ISREG(about.st_mode):
                problems.append(f"output-no-file: {name} is no regular file")
            elif room < 0 or len(files) >= MAX_FILES:
                problems.append("output-limit: there are more outputs than the limit allows; not all are here")
                return files, problems
            else:
                files.append(_kept(job, found, name))
    return files, problems


def _below(top: Path) -> Iterator[Path]:
    if not stat.S_ISDIR(top.lstat().st_mode):
        yield top
        return
    for folder, folders, names in os.walk(top):
        folders.sort()
        for name in sorted([*names, *(each for each in folders if Path(folder, each).is_symlink())]):
            yield Path(folder, name)


def _kept(job: JobFolder, found: Path, name: str) -> JobFile:
    target = job.outputs / found.relative_to(job.work)
    target.parent.mkdir(parents=True, exist_ok=True)
    found.rename(target)
    target.chmod(0o600)
    return JobFile(path=name, sha256="sha256:" + digest_of(target), size=target.stat().st_size)
