"""The pool's side of one worker process: its pipes with deadlines, its end, what it last printed."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any, NoReturn

from herdbook.kernel.errors import UnavailableError
from herdbook.plugins.host import frames

if TYPE_CHECKING:
    from collections.abc import Mapping

_TAIL = 2000
_CHUNK = 256 * 1024
_KEPT = {"PATH", "HOME", "LANG", "LANGUAGE", "TZ", "TMPDIR", "VIRTUAL_ENV", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"}


def environment(given: Mapping[str, str]) -> dict[str, str]:
    """Return what of the environment a worker gets: no tokens, and one thread for libraries of linear algebra."""
    kept = {name: value for name, value in given.items() if name in _KEPT or name.startswith(("LC_", "PYTHON"))}
    # Plug-ins of pydantic have no place in a worker, and looking for them takes a fifth of its start.
    return {**kept, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYDANTIC_DISABLE_PLUGINS": "1"}


class Channel:
    """A worker process and the pipes to it.

    Args:
        settings: what the worker is told at its start.
        module: what runs in it.

    Raises:
        UnavailableError: when no process can be started.
    """

    def __init__(self, settings: dict[str, Any], module: str = "herdbook.apps.worker") -> None:
        if not sys.executable:
            raise UnavailableError("there is no Python interpreter to start a worker with", code="no-worker")
        theirs, self._lifeline = os.pipe()
        told = json.dumps({**settings, "lifeline": theirs})
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter
                # -P: a json.py in the folder from which the user calls is not ours.
                [sys.executable, "-P", "-m", module, told],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                pass_fds=(theirs,),
                start_new_session=True,  # Ctrl-C is for us; and what a reader starts ends with it
                cwd="/",
                env=environment(os.environ),
            )
        except OSError as error:
            os.close(self._lifeline)
            raise UnavailableError(f"a worker could not be started: {error}", code="no-worker") from error
        finally:
            os.close(theirs)
        self.pid = self._process.pid
        self.tail = b""
        pipes = (self._process.stdin, self._process.stdout, self._process.stderr)
        self._to, self._from, self._error = (pipe.fileno() for pipe in pipes if pipe is not None)
        for fd in (self._to, self._from, self._error):
            os.set_blocking(fd, False)
        self._buffer = bytearray()

    def send(self, header: dict[str, Any], rest: bytes, deadline: float) -> None:
        """Write a frame before ``deadline`` (``time.monotonic``).

        Raises:
            UnavailableError: ``worker-gone``, ``worker-late``.
        """
        data = memoryview(frames.pack(header, rest))
        while data:
            try:
                data = data[os.write(self._to, data[:_CHUNK]) :]
            except BlockingIOError:
                self._wait(self._to, select.POLLOUT, deadline)
            except BrokenPipeError:
                self._gone()

    def receive(self, deadline: float) -> frames.Frame:
        """Return the next frame.

        Raises:
            UnavailableError: ``worker-gone``, ``worker-late``.
            CorruptError: ``worker-nonsense``.
        """
        prefix = frames.PREFIX.size
        self._fill(prefix, deadline)
        head, rest = frames.sizes(bytes(self._buffer[:prefix]))
        end = prefix + head + rest
        self._fill(end, deadline)
        header = frames.header(bytes(self._buffer[prefix : prefix + head]))
        data = bytes(self._buffer[prefix + head : end])
        del self._buffer[:end]
        return header, data

    def _fill(self, count: int, deadline: float) -> None:
        """Read until the buffer holds ``count`` bytes."""
        while len(self._buffer) < count:
            try:
                data = os.read(self._from, _CHUNK)
            except BlockingIOError:
                self._wait(self._from, select.POLLIN, deadline)
                continue
            if not data:
                self._gone()
            self._buffer += data

    def _wait(self, fd: int, event: int, deadline: float) -> None:
        """Wait for one pipe, and keep what arrives on stderr."""
        poll = select.poll()
        poll.register(fd, event)
        poll.register(self._error, select.POLLIN)
        while (left := deadline - time.monotonic()) > 0:
            for ready, _ in poll.poll(left * 1000):
                if ready == fd:
                    return
                if not self._drain():
                    poll.unregister(self._error)
        raise UnavailableError("the worker did not answer in time", code="worker-late")

    def _drain(self) -> bool:
        """Keep the last of what the worker printed; say whether there may be more to come."""
        try:
            data = os.read(self._error, _CHUNK)
        except BlockingIOError:
            return True
        self.tail = (self.tail + data)[-_TAIL:]
        return bool(data)

    def _gone(self) -> NoReturn:
        raise UnavailableError("the worker has ended", code="worker-gone")

    def stop(self) -> int:
        """End the process and all that it started; return its exit status, negative for a signal."""
        if self._process.returncode is None:
            # One that is ending by itself gets a moment, so that its own status is seen.
            with contextlib.suppress(subprocess.TimeoutExpired):
                if self._ending():
                    self._process.wait(1)
            self.kill()
            self._process.wait()
            with contextlib.suppress(OSError):
                self._drain()
            self._close()
        return self._process.returncode

    def kill(self) -> None:
        """Kill the process and all that it started, and leave the rest to ``stop``."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)

    def _ending(self) -> bool:
        """Say whether the worker has closed its side."""
        poll = select.poll()
        poll.register(self._from, 0)
        return any(what & (select.POLLHUP | select.POLLERR) for _, what in poll.poll(0))

    def abandon(self) -> None:
        """Forget a process that belongs to the parent of this one; it goes on."""
        self._process.returncode = 0  # so that Popen does not wait for a process that is no child of ours
        self._close()

    def _close(self) -> None:
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()
        os.close(self._lifeline)
