"""The file of one process: lines are gathered, then appended; a spool that cannot be written makes it go quiet."""

from __future__ import annotations

import _thread
import os
import time
from _collections import deque  # type: ignore[import-not-found]  # in C; collections itself imports more

from .guard import local

PROMPT = 1000
"""So many lines go to the file one by one, so that a killed process loses none; later ones wait a moment."""
WAIT = 0.25
"""Seconds that a later line waits for others."""
MOST_WAITING = 2048
_FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_CLOEXEC", 0)
_open, _write, _close, _fstat, _ftruncate = os.open, os.write, os.close, os.fstat, os.ftruncate


class Writer:
    """Appends lines to ``PID-RANDOM.ndjson`` of a folder.

    The file is opened anew for each write: a descriptor that is kept could be closed by the training, and its number
    given to a file of the training's. No lock is ever waited for while a line is added, so that a signal handler, a
    fork or a thread cannot hang in here.
    """

    def __init__(self, folder: str) -> None:
        self.path = os.path.join(folder, f"{os.getpid()}-{os.urandom(4).hex()}.ndjson")
        self._waiting: deque[str] = deque()
        self._lock = _thread.allocate_lock()
        self._prompt = PROMPT
        self._flushed = 0.0
        self.quiet = False

    def add(self, line: str, *, later: bool = False) -> None:
        """Add a line; with ``later`` it may wait for the next one however long that takes."""
        if self.quiet:
            return
        self._waiting.append(line)
        if later:
            return
        if self._prompt > 0:
            self._prompt -= 1
            self.flush()
        elif len(self._waiting) >= MOST_WAITING or time.monotonic() - self._flushed > WAIT:
            self.flush()

    def flush(self, wait: float = 0) -> None:
        """Write what waits; when another thread is writing, leave it to that one, or to the next line."""
        if not (self._lock.acquire(True, wait) if wait else self._lock.acquire(False)):
            return
        busy, local.busy = local.busy, True  # its own file is not noticed
        try:
            lines = []
            while self._waiting:
                lines.append(self._waiting.popleft())
            if lines and not self.quiet:
                self._append(("\n".join(lines) + "\n").encode("ascii", "backslashreplace"))
            self._flushed = time.monotonic()
        except OSError as failure:
            self._go_quiet(failure)
        finally:
            local.busy = busy
            self._lock.release()

    def _append(self, data: bytes) -> None:
        number = _open(self.path, _FLAGS, 0o600)
        try:
            before = _fstat(number).st_size
            try:
                while data:
                    data = data[_write(number, data) :]
            except OSError:
                _ftruncate(number, before)  # no half line
                raise
        finally:
            _close(number)

    def _go_quiet(self, failure: OSError) -> None:
        """Write no more; an empty file beside says so, which a full disk mostly still takes."""
        self.quiet = True
        self._waiting.clear()
        try:
            _close(_open(f"{self.path[: -len('ndjson')]}quiet-{failure.errno or 0}", _FLAGS, 0o600))
        except OSError:
            pass
