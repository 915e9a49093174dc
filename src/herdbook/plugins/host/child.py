"""What runs in a worker: readers, one file at a time, under limits. It opens no file: bytes come over the pipe."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import resource
import signal
import sys
import time
from typing import TYPE_CHECKING, Any

from pydantic_core import PydanticSerializationError

from herdbook.kernel.errors import CorruptError, HerdbookError, InvalidError, UnavailableError
from herdbook.model.facts import Facts, Finding, Safety, Severity
from herdbook.plugins.host import found, frames

if TYPE_CHECKING:
    from collections.abc import Sequence

    from herdbook.ports.formats import Format, Listing, ReadAt

_SMALL_WINDOW = 16 * 1024
_LARGE_WINDOW = 512 * 1024
_WINDOWS = 4
_OPEN_FILES = 64


class Pipe:
    """The worker's ends of the pipes, moved away from stdin and stdout, which then belong to nobody."""

    def __init__(self) -> None:
        self._in = os.fdopen(os.dup(0), "rb", buffering=128 * 1024)
        self._out = os.dup(1)
        with open(os.devnull, "rb") as nothing:  # noqa: PTH123 - a device
            os.dup2(nothing.fileno(), 0)
        os.dup2(2, 1)  # what a plug-in prints goes to stderr

    def receive(self) -> frames.Frame:
        """Return the next frame.

        Raises:
            EOFError: when the other side is gone.
        """
        head, rest = frames.sizes(self._exactly(frames.PREFIX.size))
        return frames.header(self._exactly(head)), self._exactly(rest)

    def send(self, header: dict[str, Any], rest: bytes = b"") -> None:
        """Write a frame."""
        data = memoryview(frames.pack(header, rest))
        while data:
            data = data[os.write(self._out, data) :]

    def _exactly(self, count: int) -> bytes:
        data = self._in.read(count)
        if len(data) < count:
            raise EOFError
        return data


class Remote:
    """A file whose bytes the pool reads: ReadAt over the pipe, with a few windows kept.

    Args:
        pipe: to the pool.
        size: of the file in bytes.
        head: its first bytes.
    """

    def __init__(self, pipe: Pipe, size: int, head: bytes) -> None:
        self.size = size
        self._pipe = pipe
        self._windows = [(0, head)]
        self._ahead = _SMALL_WINDOW

    def read_at(self, offset: int, length: int) -> bytes:
        """Return bytes; fewer only at the end.

        Raises:
            CorruptError: when the file has become shorter.
            InvalidError: when offset or length is negative.
        """
        if offset < 0 or length < 0:
            raise InvalidError("offset and length count from 0", code="bad-range")
        length = min(length, self.size - offset)
        if length <= 0:
            return b""
        end = offset + length
        for base, data in self._windows:
            if base <= offset and end <= base + len(data):
                return data[offset - base : end - base]
        if length > _LARGE_WINDOW:
            return b"".join(self._ask(at, min(frames.MAX_ASK, end - at)) for at in range(offset, end, frames.MAX_ASK))
        base, data = self._windows[-1]
        near = base <= offset <= base + len(data) + _SMALL_WINDOW
        self._ahead = min(2 * self._ahead, _LARGE_WINDOW) if near else _SMALL_WINDOW
        begin = offset - offset % _SMALL_WINDOW  # so that reading backwards finds a window, too
        window = self._ask(begin, min(max(end - begin, self._ahead), self.size - begin))
        self._windows = [*self._windows[1 - _WINDOWS :], (begin, window)]
        return window[offset - begin : end - begin]

    def _ask(self, offset: int, length: int) -> bytes:
        self._pipe.send({"is": "ask", "offset": offset, "length": length})
        _, data = self._pipe.receive()
        if len(data) != length:
            raise CorruptError(f"the file gave {len(data)} of {length} bytes at {offset}", code="file-changed")
        return data


def limit(memory: int) -> None:
    """Set the limits that hold for the life of the worker.

    Args:
        memory: bytes of address space over what the idle worker has.
    """
    for what, value in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, _OPEN_FILES),
    ):
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(what, (value, value))
    try:
        with open("/proc/self/statm", "rb") as statm:  # noqa: PTH123 - no pathlib, for a quick start
            idle = int(statm.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (idle + memory, idle + memory))
    except (OSError, ValueError):  # not Linux: the address space cannot be limited in a useful way
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))


def die_with(lifeline: int) -> None:
    """Let the kernel end this process when the pool's end of the pipe ``lifeline`` closes, whatever a reader is doing.

    Unlike PR_SET_PDEATHSIG it does not depend on the thread that started the worker.
    """
    if sys.platform == "linux":
        signal.signal(signal.SIGIO, signal.SIG_DFL)
        fcntl.fcntl(lifeline, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(lifeline, fcntl.F_SETFL, fcntl.fcntl(lifeline, fcntl.F_GETFL) | os.O_ASYNC)


class Child:
    """The loop of a worker.

    Args:
        pipe: to the pool.
        formats: in the order in which they are asked.
        cpu: seconds of processor time for a file.
    """

    def __init__(self, pipe: Pipe, formats: Sequence[Format], cpu: float) -> None:
        self._pipe = pipe
        self._formats = formats
        self._cpu = cpu
        self._listing: Listing = {}

    def serve(self) -> None:
        """Read files until the pool is gone."""
        while True:
            header, rest = self._pipe.receive()
            if header["do"] == "listing":
                self._listing = json.loads(rest)
                continue
            soft = int(time.process_time() + self._cpu) + 1
            resource.setrlimit(resource.RLIMIT_CPU, (soft, resource.getrlimit(resource.RLIMIT_CPU)[1]))
            facts = self._read(Remote(self._pipe, header["size"], rest), header["path"])
            if facts is None:
                self._pipe.send({"is": "none"})
            else:
                self._pipe.send({"is": "facts"}, _json(facts))

    def _read(self, file: ReadAt, path: str) -> Facts | None:
        trouble: list[Finding] = []
        for reader in self._formats:
            self._pipe.send({"is": "trying", "format": reader.name})
            try:
                probe = reader.probe(file, path)
            except Exception as error:  # noqa: BLE001 - a plug-in may raise anything
                trouble.append(_failed(error, f"{reader.name} could not look at the file"))
                continue
            if probe is not None:
                facts = self._take(reader, probe.format, file, path)
                return facts.model_copy(update={"findings": (*facts.findings, *trouble)}) if trouble else facts
        if trouble:
            return _unreadable("", "", *trouble)
        return None

    def _take(self, reader: Format, format_: str, file: ReadAt, path: str) -> Facts:
        try:
            return reader.read(file, path, self._listing)
        except (CorruptError, InvalidError, UnavailableError) as error:
            said = Finding(rule=error.code, severity=Severity.ERROR, message=str(error))
        except Exception as error:  # noqa: BLE001 - a plug-in may raise anything
            said = _failed(error, f"{reader.name} failed")
            format_ = "unreadable"
        return Facts(
            reader=reader.name, reader_version=reader.version, format=format_, safety=Safety.GUARDED, findings=(said,)
        )


def _failed(error: Exception, what: str) -> Finding:
    """Return a finding for an exception; a process that had no memory left is not to be trusted with another file."""
    if isinstance(error, MemoryError):
        os._exit(frames.OUT_OF_MEMORY)
    rule = error.code if isinstance(error, HerdbookError) else "reader-failed"
    return Finding(rule=rule, severity=Severity.ERROR, message=f"{what}: {type(error).__name__}: {error}"[:1000])


def _json(facts: Facts) -> bytes:
    """Return facts as JSON, or facts that say why they cannot be written."""
    try:
        data = facts.model_dump_json().encode()
        reason = f"its facts have {len(data)} bytes" if len(data) > frames.MAX_FACTS else ""
    except (PydanticSerializationError, ValueError, RecursionError) as error:
        reason = f"its facts are not JSON: {error}"
    except MemoryError:
        os._exit(frames.OUT_OF_MEMORY)
    if not reason:
        return data
    said = Finding(rule="reader-failed", severity=Severity.ERROR, message=f"{facts.reader} failed: {reason}"[:1000])
    return _unreadable(facts.reader, facts.reader_version, said).model_dump_json().encode()


def _unreadable(reader: str, version: str, *findings: Finding) -> Facts:
    return Facts(reader=reader, reader_version=version, format="unreadable", safety=Safety.GUARDED, findings=findings)


def main(argv: Sequence[str]) -> int:
    """Run a worker; ``argv`` is one JSON object: ``formats``, ``memory`` (bytes), ``cpu`` (seconds), ``lifeline``."""
    if len(argv) != 1:
        sys.stderr.write("This is a worker of Herdbook, which starts it itself; see `herdbook inspect`.\n")
        return 2
    settings = json.loads(argv[0])
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    die_with(settings["lifeline"])
    pipe = Pipe()
    formats, failed = found.load(found.targets(settings["formats"]))
    limit(settings["memory"])
    pipe.send({"is": "ready", "versions": {each.name: each.version for each in formats}, "failed": failed})
    with contextlib.suppress(EOFError, BrokenPipeError):
        Child(pipe, formats, settings["cpu"]).serve()
    return 0
