"""A control group for one command, where this process may make one: the kernel then keeps the limit of memory.

Source: the kernel's documentation of control group v2 (memory.max, memory.swap.max, memory.oom.group, memory.events,
memory.peak, cgroup.kill). Made beside the group of this process: one that holds processes may not divide itself.
"""

from __future__ import annotations

import contextlib
import os
import time
from dataclasses import dataclass
from pathlib import Path

SYSTEM = Path("/")
_EMPTY_S = 2.0


@dataclass(frozen=True, slots=True)
class Group:
    """A control group of one command."""

    folder: Path

    def door(self) -> int:
        """Return a descriptor by which a process that writes ``0`` to it enters."""
        return os.open(self.folder / "cgroup.procs", os.O_WRONLY | os.O_CLOEXEC)

    def ran_out(self) -> bool:
        """Say whether the kernel ended a process for its memory."""
        words = _text(self.folder / "memory.events").split()
        told = dict(zip(words[::2], words[1::2], strict=False))
        return int(told.get("oom_kill", "0")) > 0

    def peak(self) -> int:
        """Return the most bytes of memory that were in use; 0 where the kernel does not tell."""
        text = _text(self.folder / "memory.peak").strip()
        return int(text) if text.isdigit() else 0

    def end(self) -> None:
        """End all that is in it, and remove it."""
        with contextlib.suppress(OSError):
            (self.folder / "cgroup.kill").write_text("1")
        until = time.monotonic() + _EMPTY_S
        while time.monotonic() < until:
            try:
                self.folder.rmdir()
            except FileNotFoundError:
                return
            except OSError:
                time.sleep(0.02)
            else:
                return


def made(name: str, memory_bytes: int | None, system: Path = SYSTEM) -> Group | None:
    """Make a group with a limit of memory; ``None`` where there is no such limit, or no permission.

    Args:
        name: of the group, beside this process's.
        memory_bytes: the most that it may use.
        system: the root of the file system.
    """
    if memory_bytes is None:
        return None
    own = [line[3:] for line in _text(system / "proc/self/cgroup").splitlines() if line.startswith("0::/")]
    top = system / "sys/fs/cgroup"
    if not own or not (top / "cgroup.controllers").is_file():
        return None
    parent = (top / own[0].lstrip("/")).parent if own[0] != "/" else top
    if "memory" not in _text(parent / "cgroup.subtree_control").split():
        return None
    folder = parent / f"herdbook-{name}"
    try:
        folder.mkdir()
        (folder / "memory.max").write_text(str(memory_bytes))
    except OSError:
        with contextlib.suppress(OSError):
            folder.rmdir()
        return None
    for file, value in (("memory.swap.max", "0"), ("memory.oom.group", "1")):
        with contextlib.suppress(OSError):
            (folder / file).write_text(value)
    return Group(folder)


def _text(path: Path) -> str:
    try:
        return path.read_text("ascii")
    except (OSError, ValueError):
        return ""
