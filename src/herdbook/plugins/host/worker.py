"""One worker as the pool sees it: it is started, reads files one by one, and is judged when it fails."""

from __future__ import annotations

import json
import signal
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from herdbook.kernel.errors import CorruptError, HerdbookError, UnavailableError
from herdbook.model.facts import Facts, Finding, Safety, Severity
from herdbook.plugins.host import frames
from herdbook.plugins.host.channel import Channel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from herdbook.ports.formats import Listing, ReadAt

_PATIENCE = 15
"""How many times its own limit a reader may take when that time is spent waiting for the store."""


@dataclass(frozen=True)
class Limits:
    """What a reader may use for one file.

    Args:
        seconds: wall time, without the time in which the store reads; as much processor time.
        memory: bytes of address space over what an idle worker has.
        start: seconds that a worker may take to start.
    """

    seconds: float = 20.0
    memory: int = 512 * 1024 * 1024
    start: float = 60.0


class Worker:
    """A started worker.

    Args:
        limits: for each file.
        formats: further formats, ``module:Class``, asked before all others.

    Raises:
        UnavailableError: when it does not start.
    """

    def __init__(self, limits: Limits, formats: Sequence[str]) -> None:
        self._limits = limits
        self.reader = ""
        """The reader that has the file now, or had it last; empty when none has yet."""
        self._listing: Listing | None = None
        settings = {"formats": list(formats), "memory": limits.memory, "cpu": limits.seconds}
        self.channel = Channel(settings)
        try:
            hello, _ = self.channel.receive(time.monotonic() + limits.start)
            self.versions: dict[str, str] = dict(hello["versions"])
            self.failed: dict[str, str] = dict(hello["failed"])
        except (HerdbookError, KeyError, TypeError, ValueError) as error:
            self.channel.stop()
            said = self.channel.tail.decode("utf-8", "replace").strip()
            raise UnavailableError(f"a worker did not start: {said or error}", code="no-worker") from error
        except BaseException:
            self.channel.stop()
            raise

    def read(self, path: str, file: ReadAt, listing: Listing) -> Facts | None:
        """Return the facts of one file. After an exception, the worker is good for nothing but ``judge``.

        Raises:
            UnavailableError: ``worker-gone`` or ``worker-late``.
            CorruptError: ``worker-nonsense``, or ``bytes-unavailable`` when the store could not read.
        """
        self.reader = ""
        size = file.size
        head = _fetch(file, 0, min(size, frames.HEAD))
        started = time.monotonic()
        deadline = started + self._limits.seconds
        if listing is not self._listing:
            self.channel.send({"do": "listing"}, json.dumps(dict(listing)).encode(), deadline)
            self._listing = listing
        self.channel.send({"do": "read", "path": path, "size": size}, head, deadline)
        while True:
            header, rest = self.channel.receive(deadline)
            match header.get("is"):
                case "trying":
                    self.reader = str(header.get("format"))
                case "ask":
                    before = time.monotonic()
                    data = _fetch(file, *_range(header, size))
                    deadline = min(deadline + time.monotonic() - before, started + _PATIENCE * self._limits.seconds)
                    self.channel.send({"do": "bytes"}, data, deadline)
                case "facts":
                    return _facts(rest)
                case "none":
                    return None
                case other:
                    raise CorruptError(f"the worker said {other!r}", code="worker-nonsense")

    def judge(self, error: HerdbookError) -> Facts:
        """End the worker and return facts that say what became of the file."""
        status = self.channel.stop()
        printed = self.channel.tail.decode("utf-8", "replace").strip()[-500:]
        who = self.reader or "a worker"
        if status == -signal.SIGABRT and ("bad_alloc" in printed or "memory allocation" in printed):
            status = frames.OUT_OF_MEMORY  # how C++ and Rust end when there is no memory left
        rule, what = _verdict(error, status, who, self._limits)
        message = f"{what}. It printed: {printed}" if printed and rule != "bytes-unavailable" else what
        return unreadable(rule, message, self.reader, self.versions.get(self.reader, ""))


def unreadable(rule: str, message: str, reader: str = "", version: str = "") -> Facts:
    """Return facts of a file that could not be read. Nothing is known of it, least of all that it is safe."""
    finding = Finding(rule=rule, severity=Severity.ERROR, message=message)
    return Facts(reader=reader, reader_version=version, format="unreadable", safety=Safety.GUARDED, findings=(finding,))


def _verdict(error: HerdbookError, status: int, who: str, limits: Limits) -> tuple[str, str]:
    """Return rule and message."""
    if error.code == "worker-nonsense":
        return "reader-failed", error.message
    if error.code == "worker-late":
        return "reader-hung", f"{who} did not end within {limits.seconds:g} s"
    if error.code != "worker-gone":
        return "bytes-unavailable", error.message
    if status == frames.OUT_OF_MEMORY:
        return "reader-out-of-memory", f"{who} needed more than {limits.memory >> 20} MiB of memory"
    if status == -signal.SIGXCPU:
        return "reader-hung", f"{who} used more than {limits.seconds:g} s of processor time"
    how = signal.Signals(-status).name if status < 0 else f"exit status {status}"
    return "reader-died", f"{who} died ({how})"


def _fetch(file: ReadAt, offset: int, length: int) -> bytes:
    try:
        return file.read_at(offset, length) if length else b""
    except (HerdbookError, OSError) as error:
        raise CorruptError(f"the bytes cannot be had: {error}", code="bytes-unavailable") from error


def _range(header: dict[str, Any], size: int) -> tuple[int, int]:
    """Return offset and length that a worker asked for.

    Raises:
        CorruptError: when they lie outside the file.
    """
    offset, length = header.get("offset"), header.get("length")
    if not isinstance(offset, int) or not isinstance(length, int):
        raise CorruptError("the worker asked for bytes without saying which", code="worker-nonsense")
    if 0 <= length <= frames.MAX_ASK and 0 <= offset <= size - length:
        return offset, length
    raise CorruptError(f"the worker asked for {length} bytes at {offset}", code="worker-nonsense")


def _facts(data: bytes) -> Facts:
    try:
        return Facts.model_validate_json(data)
    except ValidationError as error:
        raise CorruptError(f"the worker's facts do not fit: {error}", code="worker-nonsense") from error
