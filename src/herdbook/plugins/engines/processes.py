"""A runner as a process of this machine: started in a session of its own, watched, ended with all that it started."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from herdbook.kernel.errors import InvalidError, UnavailableError

RESULT = "result.json"
LOG = "runner.log"
_LOOK_S = 0.05
_END_S = 15.0


class Processes:
    """Processes that this one started, and those that an earlier one did, by handle."""

    def __init__(self) -> None:
        self._started: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, folder: Path, argv: Sequence[str], variables: Mapping[str, str] | None = None) -> str:
        """Start a process; the handle is its number and when it began, so that no other is taken for it.

        Raises:
            UnavailableError: ``no-engine``.
        """
        try:
            with (folder / LOG).open("ab") as out:
                process = subprocess.Popen(  # noqa: S603 - what an engine is for
                    list(argv),
                    cwd=folder,
                    env=os.environ | dict(variables or {}),
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
        except OSError as error:
            raise UnavailableError(
                f"{argv[0]} cannot be started: {error}", code="no-engine", hint="Is it installed here?"
            ) from error
        handle = f"{process.pid}-{_began(process.pid)}"
        self._started[handle] = process
        return handle

    def wait(self, folder: Path, handle: str, timeout_s: float | None) -> None:
        """Return once the result is there.

        Raises:
            UnavailableError: ``job-lost``, ``job-waits``.
        """
        until = None if timeout_s is None else time.monotonic() + timeout_s
        while True:
            alive = self._alive(handle)  # before the result: it may come between the two
            if (folder / RESULT).exists():
                self._reap(handle)
                return
            if not alive:
                self._reap(handle)
                _sweep(folder)
                raise lost(folder)
            if until is not None and time.monotonic() >= until:
                raise waits(folder)
            time.sleep(_LOOK_S)

    def cancel(self, folder: Path, handle: str) -> None:
        """Ask it to end, then end it with all that it started."""
        pid = _pid(handle)
        if self._alive(handle):
            _signal(pid, signal.SIGTERM)
            until = time.monotonic() + _END_S
            while self._alive(handle) and time.monotonic() < until:
                time.sleep(_LOOK_S)
            if self._alive(handle):
                _signal(pid, signal.SIGKILL)
        self._reap(handle)
        _sweep(folder)

    def _alive(self, handle: str) -> bool:
        process = self._started.get(handle)
        if process is not None:
            return process.poll() is None
        pid, began = _pid(handle), handle.partition("-")[2]
        return bool(began) and _began(pid) == began

    def _reap(self, handle: str) -> None:
        process = self._started.pop(handle, None)
        if process is not None:
            try:
                process.wait(_END_S)
            except subprocess.TimeoutExpired:  # it has its result, and hangs
                process.kill()
                process.wait()


def lost(folder: Path) -> UnavailableError:
    """Return the error for a job that ended without a result."""
    return UnavailableError(
        f"the runner of {folder} ended without a result",
        code="job-lost",
        hint=f"See {folder / LOG}; submit the job again.",
    )


def waits(folder: Path) -> UnavailableError:
    """Return the error for a job that takes longer than one is ready to wait."""
    return UnavailableError(
        f"the job in {folder} has no result yet", code="job-waits", hint="Wait again, or cancel it."
    )


def _pid(handle: str) -> int:
    pid = handle.partition("-")[0]
    if not pid.isdigit():
        raise InvalidError(f"{handle!r} is no job of this engine", code="bad-job", hint="Give what submit returned.")
    return int(pid)


def _began(pid: int) -> str:
    """Return when a process began, in ticks since the machine did; empty when it is gone. Source: proc(5), stat."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] == b"Z" else fields[19].decode()


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def _sweep(folder: Path) -> None:
    """End what a killed runner left behind: processes that have the job's mark in their environment."""
    mark = b"HERDBOOK_JOB=" + os.fsencode(folder.resolve())
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (entry / "environ").read_bytes().split(b"\0"):
                _signal(int(entry.name), signal.SIGKILL)
        except OSError:
            continue
