"""The runner of one job, from ``request.json`` to ``result.json``."""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from herdbook.jobs import checkout, collecting, folders, laying
from herdbook.jobs.folders import JobFolder
from herdbook.jobs.interpreters import Ask
from herdbook.jobs.running import Command, Ran
from herdbook.jobs.seen import Seen, seen_in
from herdbook.jobs.surroundings import Surroundings, environment_for
from herdbook.kernel import times
from herdbook.kernel.errors import HerdbookError
from herdbook.model.base import Json
from herdbook.model.jobs import JobFile, JobRequest, JobResult

MAX_PROBLEMS = 100
_ENDING = (signal.SIGTERM, signal.SIGINT)


class Cancelled(BaseException):
    """The runner was told to end while it prepared the command or gathered what came out."""


@dataclass(frozen=True)
class Means:
    """What the runner is given by who starts it.

    Args:
        cache: where environments are kept that were made from a lock.
        ask: asks an interpreter for its version and distributions.
        capture: gives the variables that put the capture shim into the command, for a folder that it writes to; the
            shim may be absent.
        hardware: tells what this machine is.
    """

    cache: Path
    ask: Ask
    capture: Callable[[Path], Mapping[str, str]] | None = None
    hardware: Callable[[], Json] | None = None


@dataclass
class _Told:
    """What is to be said in the result so far."""

    verified: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    surroundings: Surroundings | None = None
    before: dict[str, str] = field(default_factory=dict)
    ran: Ran | None = None
    outputs: list[JobFile] = field(default_factory=list)
    status: str = "refused"


def run(folder: Path, means: Means) -> JobResult:
    """Run the job of a folder and write its result.

    Raises:
        MissingError: ``no-job``.
        ConflictError: ``job-running``, ``job-done``.
    """
    job = folders.opened(folder)
    with folders.held(job), _told_to_end():
        started = times.now()
        told = _Told()
        request: JobRequest | None = None
        try:
            request = folders.request_of(job)
            folders.emptied(job)
            _prepared(job, request, means, told)
            _ran(job, request, means, told)
            _afterwards(job, request, told)
        except HerdbookError as error:
            told.problems.append(f"{error.code}: {error}")
        except OSError as error:
            code = "disk-full" if error.errno in {errno.ENOSPC, errno.EDQUOT} else "job-broke"
            told.problems.append(f"{code}: {error}")
        except Cancelled as error:
            told.status = "killed"
            told.problems.append(f"cancelled: {error}")
        for number in _ENDING:
            signal.signal(number, signal.SIG_IGN)  # the result is written now, and says so already
        result = _result(job, request, means, told, started)
        folders.write_result(job, result)
        return result


@contextmanager
def _told_to_end() -> Iterator[None]:
    """Turn a signal to end into an exception, so that there is a result all the same."""

    def end(number: int, frame: FrameType | None) -> None:
        del frame
        raise Cancelled(f"the runner got {signal.Signals(number).name}")

    before = {number: signal.signal(number, end) for number in _ENDING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _prepared(job: JobFolder, request: JobRequest, means: Means, told: _Told) -> None:
    verified, problems = checkout.checked_out(job, request)
    told.verified += verified
    told.problems += problems
    told.problems += collecting.made_fresh(job, request)
    told.verified.append("outputs-fresh")
    told.before = checkout.snapshot(job.work)
    laying.laid(job, request)
    told.verified.append("inputs")
    told.surroundings = environment_for(job, request, means.cache, means.ask)
    told.problems += told.surroundings.problems
    if told.surroundings.verified:
        told.verified.append("environment")


def _ran(job: JobFolder, request: JobRequest, means: Means, told: _Told) -> None:
    assert told.surroundings is not None
    if (job.root / folders.CANCEL).exists():
        raise Cancelled("the job's folder says so")
    variables = dict(told.surroundings.variables)
    if request.capture and means.capture is not None:
        shim = dict(means.capture(job.capture))
        paths = [path for path in (shim.pop("PYTHONPATH", ""), variables.get("PYTHONPATH", "")) if path]
        variables |= shim | ({"PYTHONPATH": os.pathsep.join(paths)} if paths else {})
    cwd = folders.inside(job.work, request.command.cwd, "cwd") if request.command.cwd not in {None, "."} else job.work
    cwd.mkdir(parents=True, exist_ok=True)
    argv = told.surroundings.argv(job, request.command.argv, cwd, variables)
    told.ran = Command(job, argv, cwd, variables, request.limits).run()
    told.status = "killed" if told.ran.killed else "finished" if told.ran.exit == 0 else "failed"
    if told.ran.killed:
        told.problems.append(told.ran.killed)
    elif told.ran.exit:
        told.problems.append(f"command-failed: it ended with {told.ran.exit}; see {folders.LOG}")
    if told.ran.left_behind:
        told.problems.append(f"left-behind: {told.ran.left_behind} processes still ran when the command had ended")


def _afterwards(job: JobFolder, request: JobRequest, told: _Told) -> None:
    changed = laying.changed_after(job, request)
    told.problems += changed
    if not changed:
        told.verified.append("inputs-after")
    if "code" in told.verified:
        other = [path for path, state in told.before.items() if checkout.state_of(job.work / path) != state]
        told.problems += [f"code-changed: {path}" for path in sorted(other)]
        if not other:
            told.verified.append("code-after")
    told.outputs, problems = collecting.gathered(job, request, whole=told.status == "finished")
    told.problems += problems
    if problems and told.status == "finished":
        told.status = "failed"


def _result(job: JobFolder, request: JobRequest | None, means: Means, told: _Told, started: str) -> JobResult:
    seen = seen_in(job.capture) if request is not None and request.capture else Seen()
    problems = told.problems[:MAX_PROBLEMS]
    if len(told.problems) > MAX_PROBLEMS:
        problems.append(f"more-problems: {len(told.problems) - MAX_PROBLEMS} more")
    value = {
        "id": request.id if request else job.root.name or "job",
        "status": told.status,
        "exit": told.ran.exit if told.ran else None,
        "started": started,
        "ended": times.now(),
        "verified": tuple(told.verified),
        "problems": tuple(problems),
        "environment": told.surroundings.environment if told.surroundings else None,
        "outputs": tuple(told.outputs),
        "metrics": seen.metrics,
        "seeds": seen.seeds,
        "capture": job.capture.name if seen.lines else None,
        "hardware": means.hardware() if means.hardware is not None and told.ran else None,
        "usage": told.ran.usage if told.ran else None,
        "log": folders.LOG if job.log.exists() else None,
    }
    return JobResult.read(value)
