"""What is noted beside an upload: how many of its bytes are on disk for good, and when that was. Also its lock."""

from __future__ import annotations

import contextlib
import os
import time
import zlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, Self

from herdbook.stores.disk import durable, temporary

_LENGTH: Final = 128
_TRIES: Final = 20


@dataclass(frozen=True, slots=True)
class Said:
    """A note. ``boot`` and ``ticks`` (seconds) are those of the machine's own clock, which nobody can set."""

    size: int = 0
    finished: bool = False
    wall: float = 0.0
    boot: str = "-"
    ticks: float = 0.0

    @classmethod
    def now(cls, size: int, *, finished: bool = False) -> Self:
        """Return the note of this moment."""
        return cls(size, finished, _wall(), _boot(), _ticks())

    def age(self) -> float:
        """Return how long ago it was, in seconds.

        Since the machine started that is counted by its own clock, so that a clock which is set makes no upload old;
        before that by the calendar, where a date in the future counts as now.
        """
        if self.boot == _boot():
            return max(0.0, _ticks() - self.ticks)
        return max(0.0, _wall() - self.wall)

    def line(self) -> bytes:
        """Return it as one line of fixed length with a check sum."""
        text = f"{self.size} {self.finished:d} {self.wall:.0f} {self.boot} {self.ticks:.0f}"
        return f"{text} {zlib.crc32(text.encode()):08x}".ljust(_LENGTH - 1).encode() + b"\n"


@cache
def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip() or "-"
    except OSError:  # macOS has none: there the process is all that knows
        return f"process-{os.getpid()}-{time.time():.0f}"


def _wall() -> float:
    return time.time()


def _ticks() -> float:
    # Unlike the monotonic clock this one goes on while the machine sleeps; macOS has only the other.
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def _parse(data: bytes) -> Said | None:
    text, _, check = data.decode("ascii", "replace").strip().rpartition(" ")
    if check != f"{zlib.crc32(text.encode()):08x}":
        return None
    size, finished, wall, boot, ticks = text.split(" ")
    return Said(int(size), finished == "1", float(wall), boot, float(ticks))


class Note:
    """The open note of an upload; a context that closes it, and with it the lock.

    Raises:
        FileNotFoundError: when there is no such upload.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fd = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)

    def lock(self, wait_s: float, *, shared: bool = False) -> bool:
        """Become the only one who adds to it, or ``shared`` one of those who read what is finished; say whether we are.

        A lock that this note has already is changed for the other, and may be lost where that cannot be.

        Raises:
            FileNotFoundError: when the upload went while we waited.
        """
        deadline = time.monotonic() + wait_s
        while temporary.try_lock(self._fd, shared=shared) is False:
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.02)
        if not os.fstat(self._fd).st_nlink:
            raise FileNotFoundError(self.path)
        return True

    def read(self) -> Said:
        """Return what it says; a note that is torn by a loss of power says that nothing is here."""
        for _ in range(_TRIES):
            if said := _parse(os.pread(self._fd, _LENGTH, 0)):
                return said
            time.sleep(0.001)  # somebody writes it at this moment
        return Said()

    def write(self, size: int, *, finished: bool = False) -> None:
        """Note, for good, that so many bytes are here, and whether no more may come.

        Raises:
            OSError: when the disk refuses.
        """
        os.pwrite(self._fd, Said.now(size, finished=finished).line(), 0)
        durable.sync(self._fd)

    def close(self) -> None:
        """Let go."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def create(path: Path) -> None:
    """Write the note of a new upload; its name is on disk when the folder was synced.

    Raises:
        OSError: when that cannot be.
    """
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        os.write(fd, Said.now(0).line())
        durable.sync(fd)
    except BaseException:
        with contextlib.suppress(OSError):
            path.unlink()
        raise
    finally:
        os.close(fd)
