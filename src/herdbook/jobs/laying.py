"""Inputs of a job: laid into the work folder, verified by sha256 before and after."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from herdbook.jobs.folders import JobFolder, inside
from herdbook.kernel import paths
from herdbook.kernel.errors import ConflictError, CorruptError, MissingError
from herdbook.model.jobs import JobInput, JobRequest

COPIED = 1 << 30
"""Inputs from elsewhere up to this many bytes are copied, so that the command cannot spoil them; larger are linked."""
_CHUNK = 1 << 20


def bare(digest: str) -> str:
    """Return the hex digits of a sha256, with or without its prefix."""
    return digest.removeprefix("sha256:")


def laid(job: JobFolder, request: JobRequest) -> list[Path]:
    """Lay every input where the request says.

    Raises:
        HerdbookError: when one is missing, is not the one recorded, or has no room where it should lie.
    """
    return [laid_file(job, item, "input", replace=True) for item in request.inputs]


def laid_file(job: JobFolder, item: JobInput, what: str, *, replace: bool) -> Path:
    """Lay one file into the work folder: copied while it is read for its digest, or linked when it is large.

    Raises:
        MissingError: ``input-missing``.
        CorruptError: ``input-differs``, when its bytes or its size are not those recorded.
        ConflictError: ``input-in-the-way``, when the checkout has another file there.
    """
    source = _source(job, item, what)
    target = inside(job.work, item.path, what)
    if target.exists():
        if replace and _same(target, item):
            return target
        raise ConflictError(
            f"the checkout has another file at {item.path!r}, where an {what} must lie",
            code="input-in-the-way",
            hint="Record the checkout's change in the diff, or the input under another path.",
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.stat().st_size != item.size:
        raise _differs(item, what, f"has {source.stat().st_size} bytes, not {item.size}")
    if item.size > COPIED and not source.is_relative_to(job.root):
        found = digest_of(source)
        target.symlink_to(source)
    else:
        found = _copied(source, target)
        target.chmod((0o500 if os.access(source, os.X_OK) else 0o400) | (0 if replace else 0o200))
    if found != bare(item.sha256):
        target.unlink()
        raise _differs(item, what, f"is sha256:{found}, not {item.sha256}")
    return target


def place(job: JobFolder, path: str) -> Path:
    """Return where a checked path lies in the work folder."""
    return job.work / os.fsdecode(paths.unescape(path))


def changed_after(job: JobFolder, request: JobRequest) -> list[str]:
    """Read every input again; return a problem for each that is no longer what it was."""
    problems = []
    for item in request.inputs:
        target = place(job, item.path)
        if not target.is_file():
            problems.append(f"input-changed: {item.path} is gone")
        elif digest_of(target) != bare(item.sha256):
            problems.append(f"input-changed: {item.path} was written to")
    return problems


def digest_of(path: Path) -> str:
    """Return the hex digits of a file's sha256."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _source(job: JobFolder, item: JobInput, what: str) -> Path:
    source = Path(item.source) if item.source.startswith("/") else inside(job.root, item.source, f"{what}'s source")
    if not source.is_file():
        raise MissingError(
            f"the {what} {item.path!r} is not at {item.source}",
            code="input-missing",
            hint="Put it there, or name where it is.",
        )
    return source.resolve()


def _same(target: Path, item: JobInput) -> bool:
    return target.is_file() and target.stat().st_size == item.size and digest_of(target) == bare(item.sha256)


def _copied(source: Path, target: Path) -> str:
    digest = hashlib.sha256()
    buffer = memoryview(bytearray(_CHUNK))
    with source.open("rb", buffering=0) as reading, target.open("xb") as writing:
        while count := reading.readinto(buffer):
            digest.update(buffer[:count])
            writing.write(buffer[:count])
    return digest.hexdigest()


def _differs(item: JobInput, what: str, how: str) -> CorruptError:
    return CorruptError(
        f"the {what} {item.path!r} {how}", code="input-differs", hint="Get the file that the record names."
    )
