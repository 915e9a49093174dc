"""The command of a job: started clean, watched against its limits, ended with all that it started."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import IO

from herdbook.jobs import cgroups
from herdbook.jobs import limits as limits_
from herdbook.jobs.folders import CANCEL, JobFolder
from herdbook.kernel.errors import UnavailableError
from herdbook.model.base import Json
from herdbook.model.jobs import JobLimits

LOG_BYTES = 8 << 20
"""Bytes kept of what the command prints: as many of its end as of its beginning."""
_LOOK_S = 0.1
_DISK_S = 5.0
_GRACE_S = 5.0
_READ = 1 << 20


@dataclass(frozen=True, slots=True)
class Ran:
    """How the command ended: its exit status, why it was killed if it was, and what it used."""

    exit: int | None
    killed: str
    usage: Json
    left_behind: int


class Log:
    """What the command prints: the beginning goes to the file at once, of the rest the end is kept."""

    def __init__(self, path: Path) -> None:
        self._out = path.open("xb", buffering=0)
        self._room = LOG_BYTES // 2
        self._tail: deque[bytes] = deque()
        self._held = 0
        self._dropped = 0
        self.size = 0

    def add(self, data: bytes) -> None:
        """Take some more bytes."""
        self.size += len(data)
        if self._room:
            self._out.write(data[: self._room])
            data, self._room = data[self._room :], max(0, self._room - len(data))
        if data:
            self._tail.append(data)
            self._held += len(data)
        while self._tail and self._held - len(self._tail[0]) >= LOG_BYTES // 2:
            gone = self._tail.popleft()
            self._held -= len(gone)
            self._dropped += len(gone)

    def close(self) -> None:
        """Write what was kept of the end."""
        if self._dropped:
            self._out.write(b"\n[%d bytes left out]\n" % self._dropped)
        for data in self._tail:
            self._out.write(data)
        self._out.close()


class Seldom:
    """A measure that is taken now and then: as often as asked for, or so that it takes a hundredth of the time."""

    def __init__(self, measure: Callable[[], int], every_s: float) -> None:
        self._measure, self._every = measure, every_s
        self._next = time.monotonic() + every_s

    def now(self) -> int | None:
        """Return the measure, ``None`` when it is not its time."""
        begun = time.monotonic()
        if begun < self._next:
            return None
        found = self._measure()
        ended = time.monotonic()
        self._next = ended + max(self._every, (ended - begun) * 100)
        return found


class Command:
    """One run of a command.

    Args:
        job: the folder; the log goes there.
        argv: what is run.
        cwd: where.
        environment: all variables that it sees.
        limits: what it may use.
    """

    def __init__(
        self, job: JobFolder, argv: Sequence[str], cwd: Path, environment: Mapping[str, str], limits: JobLimits
    ) -> None:
        self._job, self._argv, self._cwd = job, list(argv), cwd
        self._environment, self._limits = dict(environment), limits
        self._peak = 0
        self._disk_before = 0
        self._memory = Seldom(lambda: limits_.resident(limits_.descendants()), _LOOK_S)
        self._disk = Seldom(lambda: limits_.disk_use(job.root), _DISK_S)
        self._stopped = ""
        self._group = cgroups.made(f"{os.getpid()}-{time.monotonic_ns()}", limits.memory_bytes)

    def run(self) -> Ran:
        """Run it to its end, or to its limits.

        Raises:
            UnavailableError: ``no-command``, when there is no such program.
        """
        limits_.adopt_orphans()
        self._disk_before = limits_.disk_use(self._job.root)
        before = {number: signal.signal(number, self._told) for number in (signal.SIGTERM, signal.SIGINT)}
        log = Log(self._job.log)
        started = time.monotonic()
        try:
            process = self._start()
            try:
                assert process.stdout is not None
                killed = self._watch(process, process.stdout, log, started)
            finally:
                left = limits_.end_all(process.pid)
                _, status, used = os.wait4(process.pid, 0)
                process.returncode = os.waitstatus_to_exitcode(status)
                self._drain(process.stdout, log)
            killed = killed or self._ran_out()
        finally:
            log.close()
            if self._group is not None:
                self._group.end()
            for number, handler in before.items():
                signal.signal(number, handler)
        usage: Json = {
            "wall_s": round(time.monotonic() - started, 3),
            "cpu_user_s": round(used.ru_utime, 3),
            "cpu_system_s": round(used.ru_stime, 3),
            "peak_memory_bytes": max(used.ru_maxrss * limits_.MAXRSS_UNIT, self._peak),
            "peak_memory_of": "cgroup" if self._group is not None else "processes",
            "printed_bytes": log.size,
        }
        return Ran(process.returncode, killed, usage, 0 if killed else left)

    def _ran_out(self) -> str:
        """Say whether the kernel ended it for its memory; where a control group counts, take what it counted."""
        if self._group is None:
            return ""
        self._peak = max(self._peak, self._group.peak())
        return (
            f"memory-limit: {self._limits.memory_bytes} bytes of memory were used up" if self._group.ran_out() else ""
        )

    def _start(self) -> subprocess.Popen[bytes]:
        door = self._group.door() if self._group is not None else None
        try:
            return subprocess.Popen(  # noqa: S603 - what this is for
                self._argv,
                cwd=self._cwd,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                bufsize=0,
                start_new_session=True,
                preexec_fn=limits_.before_command(self._limits, door),  # noqa: PLW1509 - this process has one thread
            )
        except (OSError, subprocess.SubprocessError, ValueError) as error:
            raise UnavailableError(
                f"{self._argv[0]!r} cannot be started: {error}",
                code="no-command",
                hint="Is it part of the code, or of the environment?",
            ) from error
        finally:
            if door is not None:
                os.close(door)

    def _told(self, number: int, frame: FrameType | None) -> None:
        del frame
        self._stopped = f"cancelled: the runner got {signal.Signals(number).name}"

    def _watch(self, process: subprocess.Popen[bytes], pipe: IO[bytes], log: Log, started: float) -> str:
        """Keep what it prints until it ends; return why it must be killed, if it must."""
        with selectors.DefaultSelector() as selector:
            selector.register(pipe, selectors.EVENT_READ)
            is_open = True
            while True:
                if is_open and selector.select(_LOOK_S):
                    data = os.read(pipe.fileno(), _READ)
                    log.add(data)
                    if not data:
                        is_open = False
                        selector.unregister(pipe)
                elif not is_open:
                    time.sleep(_LOOK_S / 4)
                if _ended(process.pid):
                    return ""
                if why := self._stopped or self._beyond(time.monotonic() - started):
                    return why

    def _beyond(self, wall_s: float) -> str:
        limits = self._limits
        if wall_s > limits.wall_s:
            return f"wall-limit: it ran longer than {limits.wall_s:g} s"
        if (used := self._memory.now()) is not None:
            if (self._job.root / CANCEL).exists():
                return "cancelled: the job's folder says so"
            self._peak = max(self._peak, used)
            if limits.memory_bytes is not None and used > limits.memory_bytes:
                return f"memory-limit: it used more than {limits.memory_bytes} bytes of memory"
        written = self._disk.now()
        if written is not None and written - self._disk_before > limits.output_bytes:
            return f"output-limit: it wrote more than {limits.output_bytes} bytes"
        return ""

    def _drain(self, pipe: IO[bytes] | None, log: Log) -> None:
        """Take what is still in the pipe; nobody is left who could write to it, but one of another parent might."""
        if pipe is None:
            return
        os.set_blocking(pipe.fileno(), False)
        until = time.monotonic() + _GRACE_S
        with pipe:
            while time.monotonic() < until and (data := pipe.read(_READ)):
                log.add(data)


def _ended(pid: int) -> bool:
    """Say whether a child has ended, and leave it to be waited for: its use of resources is asked then."""
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
