"""The folder of a job: what lies where, and paths that stay inside it."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from herdbook.kernel import paths
from herdbook.kernel.errors import ConflictError, InvalidError, MissingError
from herdbook.model.jobs import JobRequest, JobResult

REQUEST = "request.json"
RESULT = "result.json"
LOG = "log.txt"
OUTPUTS = "outputs"
CANCEL = "cancel"
"""A file by which an engine tells the runner to end, where it cannot send it a signal."""
MAX_REQUEST = 64 << 20
"""Bytes of ``request.json``: a request of 10^5 inputs has about 20 MB."""


@dataclass(frozen=True, slots=True)
class JobFolder:
    """Where things of one job lie; ``root`` is absolute and no symbolic link."""

    root: Path

    @property
    def work(self) -> Path:
        """The clean folder in which the code is laid out and the command runs."""
        return self.root / "work"

    @property
    def outputs(self) -> Path:
        """Where what came out is gathered."""
        return self.root / OUTPUTS

    @property
    def log(self) -> Path:
        """What the command printed, bounded."""
        return self.root / LOG

    @property
    def result(self) -> Path:
        """The one answer."""
        return self.root / RESULT

    @property
    def capture(self) -> Path:
        """The folder that the capture shim writes to; its lines are in ``seen`` below it."""
        return self.root / "capture"

    @property
    def home(self) -> Path:
        """The command's HOME: empty, and its own."""
        return self.root / "home"

    @property
    def scratch(self) -> Path:
        """The command's TMPDIR."""
        return self.root / "scratch"

    def beside(self, name: str, what: str) -> Path:
        """Return the file that the request calls ``name``, relative to the job's folder.

        Raises:
            InvalidError: ``bad-job``, when it leaves the folder, by its name or by a symbolic link.
            MissingError: ``job-file-missing``, when no regular file is there.
        """
        found = inside(self.root, name, what)
        if not found.is_file():
            raise MissingError(
                f"the {what} {name!r} is not in the job's folder",
                code="job-file-missing",
                hint="Put it beside request.json.",
            )
        return found


def opened(folder: Path) -> JobFolder:
    """Return the job's folder.

    Raises:
        MissingError: ``no-job``, when there is no ``request.json`` in it.
    """
    root = folder.resolve()
    if not (root / REQUEST).is_file():
        raise MissingError(
            f"{folder} holds no {REQUEST}", code="no-job", hint="Name the folder of a job: the one with request.json."
        )
    return JobFolder(root)


def request_of(job: JobFolder) -> JobRequest:
    """Read ``request.json``.

    Raises:
        InvalidError: ``bad-field``, ``not-json``, ``bad-job``, when it is no request.
    """
    file = job.root / REQUEST
    if file.stat().st_size > MAX_REQUEST:
        raise InvalidError(
            f"{REQUEST} has more than {MAX_REQUEST >> 20} MiB",
            code="bad-job",
            hint="Name a folder's manifest as one input instead of every file.",
        )
    return JobRequest.read_json(file.read_bytes())


def inside(root: Path, name: str, what: str) -> Path:
    """Return the path ``name`` below ``root``; no part of it that exists is a symbolic link.

    Raises:
        InvalidError: ``bad-job``, when it is absolute, climbs, lies in a folder of git, or passes through a symbolic
            link.
    """
    try:
        paths.check(name)
    except InvalidError as error:
        raise InvalidError(
            f"the {what} {name!r} may not be called so: {error.message}",
            code="bad-job",
            hint="Name a path below the job's folder.",
        ) from error
    if ".git" in name.lower().split("/"):
        raise InvalidError(f"the {what} {name!r} lies in .git", code="bad-job", hint="Name another path.")
    found = root
    for part in os.fsdecode(paths.unescape(name)).split("/"):
        found = found / part
        if found.is_symlink():
            raise InvalidError(
                f"the {what} {name!r} leads through the symbolic link {found.relative_to(root)}",
                code="bad-job",
                hint="Name the file itself.",
            )
    return found


@contextmanager
def held(job: JobFolder) -> Iterator[None]:
    """Hold the job, so that it runs once; free again when the process ends, however it does.

    Raises:
        ConflictError: ``job-running`` or ``job-done``.
    """
    descriptor = os.open(job.root / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise ConflictError(
                f"the job in {job.root} is running", code="job-running", hint="Wait for its result.json."
            ) from error
        if job.result.exists():
            raise ConflictError(
                f"the job in {job.root} has its result",
                code="job-done",
                hint="Make a new folder to run it again.",
            )
        yield
    finally:
        os.close(descriptor)


def emptied(job: JobFolder) -> None:
    """Make the folders of one run anew: what an earlier, killed run left is gone."""
    for folder in (job.work, job.outputs, job.capture, job.home, job.scratch):
        discard(folder)
        folder.mkdir(mode=0o700)
    discard(job.log)


def discard(path: Path) -> None:
    """Remove a file, a link or a folder, also one without write permission; harmless when it is not there."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISDIR(mode):
        path.unlink()
        return
    for folder, _, _ in os.walk(path):
        Path(folder).chmod(0o700)  # a command may have taken the permission away
    shutil.rmtree(path)


def write_result(job: JobFolder, result: JobResult) -> None:
    """Write ``result.json``: whole or not at all."""
    temporary = job.root / f".{RESULT}.{os.getpid()}"
    with temporary.open("wb") as out:
        out.write(json.dumps(result.json_object(), indent=1, ensure_ascii=False).encode() + b"\n")
        out.flush()
        os.fsync(out.fileno())
    temporary.replace(job.result)
    descriptor = os.open(job.root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
