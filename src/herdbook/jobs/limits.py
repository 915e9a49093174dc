"""What a job may use, and what it uses: processes, memory, processors, bytes written."""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from herdbook.model.jobs import JobLimits

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_PAGE = os.sysconf("SC_PAGE_SIZE")
MAXRSS_UNIT = 1 if sys.platform == "darwin" else 1024
"""Bytes in one unit of ``ru_maxrss``: getrusage(2) counts kilobytes on Linux, bytes on macOS."""
_LINUX = sys.platform.startswith("linux")


def adopt_orphans() -> None:
    """Make this process the parent of whatever the command leaves behind, so that it can be found and ended.

    Source: prctl(2), PR_SET_CHILD_SUBREAPER. Elsewhere than on Linux it does nothing.
    """
    if _LINUX:
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def before_command(limits: JobLimits, door: int | None = None) -> Callable[[], None]:
    """Return what the command's process does to itself before it becomes the command.

    Args:
        limits: what it may use.
        door: by which it enters its control group, where it has one.
    """
    prctl = ctypes.CDLL(None).prctl if _LINUX else None  # loaded here: little may be done between fork and exec
    parent, processors = os.getpid(), chosen_processors(limits)

    def apply() -> None:
        if door is not None:
            os.write(door, b"0")
        if prctl is not None:
            prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
            if os.getppid() != parent:
                os._exit(1)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        most = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        size = limits.output_bytes if most == resource.RLIM_INFINITY else min(most, limits.output_bytes)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
        if processors and hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, processors)

    return apply


def chosen_processors(limits: JobLimits) -> set[int]:
    """Return the processors that the command may use; none when there is no such limit."""
    if limits.cpus is None or not hasattr(os, "sched_getaffinity"):
        return set()
    return set(sorted(os.sched_getaffinity(0))[: limits.cpus])


def descendants() -> list[int]:
    """Return the processes that this one started, with all below them; orphans too after ``adopt_orphans``."""
    if not _LINUX:
        return []
    parents: dict[int, list[int]] = {}
    for entry in os.scandir("/proc"):
        if entry.name.isdigit() and (parent := _parent(entry.path)) is not None:
            parents.setdefault(parent, []).append(int(entry.name))
    found: list[int] = []
    waiting = list(parents.get(os.getpid(), ()))
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        waiting += parents.get(pid, ())
    return found


def resident(pids: list[int]) -> int:
    """Return the bytes of memory that these processes have resident; what they share counts once for each.

    Source: proc(5), /proc/PID/statm: the second field, in pages; the third is what is shared with files.
    """
    total = 0
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/statm").read_bytes().split()
        except OSError:
            continue
        if len(fields) >= 3:
            total += (int(fields[1]) - int(fields[2])) * _PAGE
    return total


def disk_use(folder: Path) -> int:
    """Return the bytes that the files below a folder take on the disk; links are not followed."""
    total = 0
    waiting = [str(folder)]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    total += entry.stat(follow_symlinks=False).st_blocks * 512
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
        except OSError:  # it went away while it was looked at
            continue
    return total


def end_all(group: int) -> int:
    """End the command's process group and all that descends from this process; return how many were left over."""
    count = 0
    for _ in range(100):
        left = [pid for pid in descendants() if pid != group and _runs(pid)]
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                continue
        _reap(group)
        if not left:
            break
        count = max(count, len(left))
    return count


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0] not in {b"Z", b"X"}
    except (OSError, IndexError):
        return False


def _reap(leader: int) -> None:
    """Collect orphans that were ended; the command itself is waited for by who started it."""
    for pid in descendants():
        if pid != leader:
            try:
                os.waitpid(pid, os.WNOHANG)
            except (ChildProcessError, OSError):
                continue


def _parent(folder: str) -> int | None:
    try:
        # The command's name stands in parentheses and may itself hold spaces and parentheses.
        return int(Path(folder, "stat").read_bytes().rpartition(b")")[2].split()[1])
    except (OSError, ValueError, IndexError):
        return None
