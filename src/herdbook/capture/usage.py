"""What a run took: time, processor, memory, bytes, and energy where it can be read."""

from __future__ import annotations

import os
import resource
import sys
import threading
import time
from pathlib import Path

from herdbook.capture.energy import Energy
from herdbook.model.base import Json

_MAXRSS_UNIT = 1 if sys.platform == "darwin" else 1024
EVERY_S = 60.0
"""Seconds between two looks at the counters of energy."""
_IO = {
    "rchar": "read_bytes",
    "wchar": "written_bytes",
    "read_bytes": "disk_read_bytes",
    "write_bytes": "disk_written_bytes",
}


class Watch:
    """Counts from its making to `stop`: this process and those of its descendants that it, or they, waited for.

    Args:
        own: count this process too, for a training inside it; otherwise descendants alone. Bytes read and written
            are always counted together, since the kernel does not part them.
        top: the root of the file system below which /proc and /sys are read.
    """

    def __init__(self, *, own: bool = False, top: Path = Path("/")) -> None:
        self._own = own
        self._top = top
        self._group = _own_group(top)
        self._energy = Energy(top)
        self._ended = threading.Event()
        if self._energy.wraps and not own:  # inside a training no thread is started: it may fork
            threading.Thread(target=self._keep_sampling, name="herdbook-energy", daemon=True).start()
        self._wall = time.monotonic()
        self._processor = self._times()
        self._bytes = _counters(top)

    def sample(self) -> None:
        """Look at counters of energy, which wrap around; with ``own``, call it every few minutes in a long run."""
        self._energy.sample()

    def _keep_sampling(self) -> None:
        while not self._ended.wait(EVERY_S):
            self._energy.sample()

    def stop(self) -> Json:
        """Return what an activity's ``usage`` says; may be called again, later.

        ``wall_s``, ``cpu_user_s``, ``cpu_system_s``; ``peak_memory_bytes`` with ``peak_memory_of``: ``cgroup``, all
        processes together, where the control group is this run's alone, else ``process``, the largest one that was
        ever waited for;
        ``read_bytes`` and ``written_bytes`` through files, pipes and sockets, ``disk_…`` those that reached a device;
        ``energy`` of the whole machine: ``cpu_j`` (RAPL) and ``gpu_j`` (NVML).
        """
        self._ended.set()
        user, system = (round(now - then, 3) for now, then in zip(self._times(), self._processor, strict=True))
        told: Json = {"wall_s": round(time.monotonic() - self._wall, 3), "cpu_user_s": user, "cpu_system_s": system}
        peak = _number(self._group / "memory.peak") if self._group else None
        told["peak_memory_bytes"] = peak if peak is not None else self._largest()
        told["peak_memory_of"] = "process" if peak is None else "cgroup"
        then = self._bytes
        told |= {name: now - then[name] for name, now in _counters(self._top).items() if name in then}
        if energy := self._energy.used():
            told["energy"] = energy
        return told

    def _who(self) -> list[int]:
        return [resource.RUSAGE_CHILDREN, *([resource.RUSAGE_SELF] if self._own else [])]

    def _times(self) -> tuple[float, float]:
        used = [resource.getrusage(who) for who in self._who()]
        return sum(each.ru_utime for each in used), sum(each.ru_stime for each in used)

    def _largest(self) -> int:
        return max(resource.getrusage(who).ru_maxrss for who in self._who()) * _MAXRSS_UNIT


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text("ascii"))
    except (OSError, ValueError):
        return None


def _counters(top: Path) -> dict[str, int]:
    """Return the counters of /proc/self/io, to which the kernel adds those of each child that was waited for."""
    try:
        lines = (top / "proc/self/io").read_text("ascii").splitlines()
    except (OSError, ValueError):
        return {}
    told = (line.partition(": ") for line in lines)
    return {_IO[name]: int(value) for name, _, value in told if name in _IO and value.isdigit()}


def _own_group(top: Path) -> Path | None:
    """Return the folder of this process' control group (v2) when nobody but its family is in it, as in a batch job."""
    try:
        lines = (top / "proc/self/cgroup").read_text("utf-8").splitlines()
        path = next(line.removeprefix("0::") for line in lines if line.startswith("0::")).lstrip("/")
        if not path:
            return None
        folder = top / "sys/fs/cgroup" / path
        members = {int(line) for line in (folder / "cgroup.procs").read_text("ascii").split()}
    except (OSError, ValueError, StopIteration):
        return None
    family, pid = {os.getpid()}, os.getppid()
    while pid > 1 and pid in members and pid not in family:
        family.add(pid)
        pid = _parent(top, pid)
    return folder if members and members <= family else None


def _parent(top: Path, pid: int) -> int:
    try:
        return int((top / "proc" / str(pid) / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()[1])
    except (OSError, ValueError, IndexError):
        return 0
