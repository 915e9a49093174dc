"""The job of a retraining: everything that the plan found, brought and verified, into one folder with its request."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from herdbook.kernel.errors import ConflictError, HerdbookError, InvalidError, MissingError, UnavailableError
from herdbook.model.activities import Code, Environment
from herdbook.model.jobs import JobInput, JobLimits, JobOutput, JobRequest
from herdbook.ports.blobs import Progress
from herdbook.service.retraining import code as code_
from herdbook.service.retraining.inputs import Located, verified
from herdbook.service.retraining.planning import Work

MARK = ".herdbook-retrain"
"""Marks a folder that a retraining made, so that the next one may clear it; held while it is in use."""
_SPARE = 64 * 2**20
_OURS = (
    "inputs", "untracked", "work", "outputs", "home", "scratch", "capture", "submodules", "environment", "code.bundle",
    "git.diff", "lock", "request.json", "request.json.new", "result.json", "log.txt", "runner.log", ".lock", "predict",
    "cancel", "job.slurm", "Snakefile", ".snakemake", "job.sub", "reana.yaml", "runner.err", "htcondor.log",
)  # fmt: skip


@contextlib.contextmanager
def folder(path: Path, *, keep: bool, take: bool = False) -> Iterator[Path]:
    """Give a folder for one job, cleared of what an earlier one that was killed left; remove it unless ``keep``.

    A job that was only written for an engine, and is handed over by a person, stays; with ``take`` it is given again.

    Raises:
        ConflictError: ``folder-in-use``, when it holds something else, or another retraining works in it.
        MissingError: ``no-job``, when there is none to take.
        UnavailableError: ``cannot-write``.
    """
    mark = path / MARK
    if take and not (mark.is_file() and mark.read_bytes()):
        raise MissingError(f"no job was kept in {path}", code="no-job", hint="Write it there first, without --take.")
    if path.exists() and not path.is_dir():
        raise InvalidError(f"{path} is a file, not a folder", code="not-a-folder", hint="Name another folder.")
    if path.is_dir() and any(path.iterdir()) and not mark.is_file():
        raise ConflictError(f"{path} is not empty", code="folder-in-use", hint="Name a new folder.")
    existed = path.is_dir()
    try:
        path.mkdir(parents=True, exist_ok=True)
        held = os.open(mark, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise _unwritable(path, error) from error
    try:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise ConflictError(
                f"another retraining works in {path}", code="folder-in-use", hint="Name another folder."
            ) from error
        if not take:
            _check_free(path, mark)
            _clear(path)
        yield path
    except BaseException as error:
        if isinstance(error, HerdbookError) and error.code == "job-not-run":
            mark.write_text("kept\n", "utf-8")
        elif not existed and not _at_work(path):
            _remove(path)
        raise
    else:
        if keep:
            mark.write_text("kept\n", "utf-8")
        else:
            _remove(path)
    finally:
        os.close(held)


def _check_free(path: Path, mark: Path) -> None:
    if mark.read_bytes():
        raise ConflictError(f"{path} was kept", code="folder-in-use", hint="Name another folder, or remove it.")
    if _at_work(path):
        raise ConflictError(
            f"the job of an earlier retraining is still at work in {path}",
            code="folder-in-use",
            hint="Wait until it has ended, or name another folder.",
        )


def sweep(top: Path) -> None:
    """Remove folders of retrainings that were killed: marked, not kept, and nobody's any more."""
    for mark in top.glob(f"*/{MARK}"):
        with contextlib.suppress(OSError), mark.open("r+b") as held:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not held.read() and not _at_work(mark.parent):
                _remove(mark.parent)


def _at_work(path: Path) -> bool:
    """Say whether the runner of a job still holds the folder: whoever started it may have been killed."""
    try:
        with (path / ".lock").open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False


def _clear(path: Path) -> None:
    for name in _OURS:
        target = path / name
        if target.is_dir() and not target.is_symlink():
            _remove(target)
        else:
            target.unlink(missing_ok=True)


def _remove(path: Path) -> None:
    """Remove a folder with files and folders that a training made read-only."""
    for inside, folders, _ in os.walk(path):
        for name in folders:
            with contextlib.suppress(OSError):
                os.chmod(os.path.join(inside, name), 0o700, follow_symlinks=os.chmod not in os.supports_follow_symlinks)  # noqa: PTH101, PTH118 - names as the system gives them
    shutil.rmtree(path, ignore_errors=True)


def write(
    work: Work,
    path: Path,
    run: str,
    *,
    limits: JobLimits | None = None,
    python: str = "",
    progress: Progress | None = None,
) -> JobRequest:
    """Bring everything that the plan found into a folder, verified, and write ``request.json`` last.

    Raises:
        UnavailableError: ``no-room`` or ``cannot-write``; or when a place cannot be reached any more.
        CorruptError: when bytes are not what they were.
        MissingError: when something went away since the look.
    """
    needed = sum(need.size or 0 for need in work.plan.needs)
    free = shutil.disk_usage(path).free
    if free < needed + _SPARE:
        raise UnavailableError(
            f"{path} has {free} bytes left, and the job needs {needed} and room for its results",
            code="no-room",
            hint="Name a folder elsewhere with --into.",
        )
    activity = work.origin.activity
    try:
        if activity.code and (work.code.bundle or work.code.repository or work.code.untracked):
            code_.bring(work.finder, work.code, activity.code, path)
        lock = _lock(work, path)
        (path / "inputs").mkdir()
        inputs = [_bring(work, each, path, number, progress) for number, each in enumerate(work.located)]
        request = _request(work, path, run, inputs, lock)
        request = request.model_copy(update={"limits": limits or JobLimits(), "python": python or None})
        staged = path / "request.json.new"
        staged.write_text(request.model_dump_json(by_alias=True, exclude_none=True), "utf-8")
        staged.replace(path / "request.json")
    except OSError as error:
        raise _unwritable(path, error) from error
    return request


def again(work: Work, path: Path, *, limits: JobLimits, python: str = "") -> JobRequest:
    """Return the request of a job that was written before, when it is what the plan asks for today.

    Raises:
        ConflictError: ``other-job``, when it is not: another version, other edits, or somebody changed it.
        UnavailableError, CorruptError, MissingError: as ``write``.
    """
    before = JobRequest.read_json((path / "request.json").read_bytes())
    with tempfile.TemporaryDirectory(dir=path, prefix=".again-") as name:
        today = write(work, Path(name), before.id, limits=limits, python=python)
    if today != before:
        raise ConflictError(
            f"the job in {path} is not the one that would be run now",
            code="other-job",
            hint="Give the same version and options as when it was written, or write it anew in another folder.",
        )
    return before


def _unwritable(path: Path, error: OSError) -> HerdbookError:
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return UnavailableError(f"there is no room in {path}", code="no-room", hint="Name another folder with --into.")
    return UnavailableError(
        f"cannot write into {path}: {error.strerror}",
        code="cannot-write",
        hint="Is there room, and may you write there?",
    )


def _lock(work: Work, path: Path) -> str | None:
    if work.surroundings.lock is None:
        return None
    with work.finder.registry.files.blob(*work.surroundings.lock) as stream, (path / "lock").open("wb") as out:
        shutil.copyfileobj(stream, out)
    return "lock"


def _bring(work: Work, located: Located, path: Path, number: int, progress: Progress | None) -> JobInput:
    """Bring one input; its sha256 is what the job verifies, whatever weaker digest is recorded."""
    target = path / "inputs" / str(number)
    digest, size = hashlib.sha256(), 0
    with work.finder.open(located) as stream, target.open("xb") as out:
        for chunk in verified(stream, located.wanted):
            out.write(chunk)
            digest.update(chunk)
            size += len(chunk)
            if progress:
                progress(len(chunk))
    return JobInput(
        path=work.layout.place(located.wanted.path),
        sha256=f"sha256:{digest.hexdigest()}",
        size=size,
        source=f"inputs/{number}",
        role=located.wanted.role or "input",
    )


def _request(work: Work, path: Path, run: str, inputs: list[JobInput], lock: str | None) -> JobRequest:
    activity = work.origin.activity
    assert work.plan.command is not None, "a plan without a command is not carried out"
    untracked = [
        JobInput.model_validate(
            {"path": name, "sha256": sha256, "size": size, "source": f"untracked/{number}", "role": "untracked"}
        )
        for number, (name, sha256, size, _) in enumerate(work.code.untracked)
    ]
    return JobRequest(
        id=run,
        code=activity.code or Code(),
        checkout="code.bundle" if (path / "code.bundle").is_file() else None,
        diff="git.diff" if work.code.diff else None,
        untracked=tuple(untracked),
        command=work.plan.command,
        environment=activity.environment or Environment(),
        lock=lock,
        inputs=tuple(inputs),
        outputs=tuple(JobOutput(path=name, role=role) for name, role, _ in work.outputs),
        variables=_variables(activity.environment),
    )


def _variables(environment: Environment | None) -> dict[str, str]:
    """Return the variables of the original but for those that name places of its machine."""
    told = (environment.variables if environment else None) or {}
    return {name: value for name, value in told.items() if "/" not in value and not name.startswith("HERDBOOK_")}
