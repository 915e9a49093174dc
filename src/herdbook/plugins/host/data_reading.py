"""Files of data read in worker processes with limits: what asks sees tables and numbers, and never opens a file."""

from __future__ import annotations

import json
import os
import queue
import signal
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from pydantic import ValidationError

from herdbook.kernel.errors import (
    ConflictError,
    CorruptError,
    DeniedError,
    HerdbookError,
    InvalidError,
    Kind,
    MissingError,
    UnavailableError,
)
from herdbook.model.dataset_profiles import ProfiledColumn
from herdbook.plugins.host import frames
from herdbook.plugins.host.channel import Channel
from herdbook.ports.dataset_readers import DataFile, DataFiles

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MODULE = "herdbook.apps.worker.data"
_CLASSES: dict[str, type[HerdbookError]] = {
    Kind.INVALID: InvalidError,
    Kind.MISSING: MissingError,
    Kind.CONFLICT: ConflictError,
    Kind.DENIED: DeniedError,
    Kind.UNAVAILABLE: UnavailableError,
    Kind.CORRUPT: CorruptError,
}


@dataclass(frozen=True)
class DataLimits:
    """What a reader may use for one file.

    Args:
        seconds: wall time for a next part, and for opening a file.
        memory: bytes of address space over what an idle worker has.
    """

    seconds: float = 120.0
    memory: int = 3 * 2**30


class GuardedFiles:
    """Opens files of data in worker processes; satisfies ``DataFiles``. Safe for threads: each file has its worker.

    Args:
        readers: name → ``module:Class``, in the order in which they are asked.
        limits: for each file.
    """

    def __init__(self, readers: Mapping[str, str], limits: DataLimits | None = None) -> None:
        self._settings: dict[str, Any] = {"readers": dict(readers)}
        self._limits = limits or DataLimits()
        self._idle: queue.SimpleQueue[Channel] = queue.SimpleQueue()
        self._all: set[Channel] = set()
        self._lock = threading.Lock()

    def open(self, path: Path) -> DataFile:
        """Open a file; see ``ports.dataset_readers.DataFiles``."""
        worker = self._take()
        try:
            return GuardedFile(self, worker, path, self._limits)
        except BaseException as error:
            self.give(worker, whole=isinstance(error, HerdbookError) and error.details.get("refused") is True)
            raise

    def close(self) -> None:
        """End all workers."""
        with self._lock:
            workers, self._all = self._all, set()
        for worker in workers:
            worker.stop()

    def give(self, worker: Channel, *, whole: bool) -> None:
        """Take a worker back; one in the middle of something is ended."""
        if whole:
            self._idle.put(worker)
            return
        with self._lock:
            self._all.discard(worker)
        worker.stop()

    def _take(self) -> Channel:
        try:
            return self._idle.get_nowait()
        except queue.Empty:
            pass
        worker = Channel({**self._settings, "memory": self._limits.memory}, module=MODULE)
        try:
            header, _ = worker.receive(time.monotonic() + 60)
            if header.get("is") != "ready":
                _refuse(header)
        except BaseException as error:
            worker.stop()
            if isinstance(error, UnavailableError) and error.code == "worker-gone":
                said = worker.tail.decode("utf-8", "replace").strip()[-500:]
                raise UnavailableError(f"a worker did not start: {said}", code="no-worker") from error
            raise
        with self._lock:
            self._all.add(worker)
        return worker


class GuardedFile:
    """A file that a worker has open."""

    def __init__(self, owner: GuardedFiles, worker: Channel, path: Path, limits: DataLimits) -> None:
        self._owner = owner
        self._worker: Channel | None = worker
        self._path = path
        self._limits = limits
        self._busy = False
        header, rest = self._ask({"do": "open", "path": os.fsencode(path.absolute()).hex()}, "file")
        try:
            self.reader, self.format = str(header["reader"]), str(header["format"])
            self.tables = [_table(self, number, told) for number, told in enumerate(json.loads(rest))]
        except (KeyError, TypeError, ValueError, ValidationError, InvalidError) as error:
            raise CorruptError(f"its reader tells nonsense: {error}", code="worker-nonsense") from error

    def close(self) -> None:
        """Close it."""
        worker, self._worker = self._worker, None
        if worker is not None:
            self._owner.give(worker, whole=not self._busy)

    def chunks(self, table: int, columns: Sequence[str], entries: int) -> Iterator[dict[str, NDArray[np.generic]]]:
        """Yield columns of a table."""
        self._busy = True
        self._send({"do": "chunks", "table": table, "columns": list(columns), "entries": entries})
        while True:
            header, rest = self._receive()
            if header.get("is") == "end":
                break
            if header.get("is") != "chunk":
                self._refused(header)
            yield _numbers(header, rest)
        self._busy = False

    def _ask(self, what: dict[str, Any], expected: str) -> frames.Frame:
        self._send(what)
        header, rest = self._receive()
        if header.get("is") != expected:
            self._refused(header)
        return header, rest

    def _refused(self, header: dict[str, Any]) -> NoReturn:
        self._busy = False
        _refuse(header)

    def _send(self, header: dict[str, Any]) -> None:
        if self._worker is None:
            raise InvalidError("the file is closed", code="closed")
        try:
            self._worker.send(header, b"", time.monotonic() + self._limits.seconds)
        except HerdbookError as error:
            self._failed(error)

    def _receive(self) -> frames.Frame:
        assert self._worker is not None
        try:
            return self._worker.receive(time.monotonic() + self._limits.seconds)
        except HerdbookError as error:
            self._failed(error)

    def _failed(self, error: HerdbookError) -> NoReturn:
        """Say in words why a worker did not survive the file."""
        assert self._worker is not None
        self._busy = True
        status = self._worker.stop()
        printed = self._worker.tail.decode("utf-8", "replace").strip()[-300:]
        hint = "Leave the file out, or look at it in a place that may be lost."
        if error.code == "worker-late":
            raise CorruptError(
                f"its reader gave nothing for {self._limits.seconds:g} s", code="reader-hung", hint=hint
            ) from error
        if status == frames.OUT_OF_MEMORY or "bad_alloc" in printed or "MemoryError" in printed:
            raise CorruptError(
                f"its reader needed more than {self._limits.memory >> 20} MiB of memory",
                code="reader-out-of-memory",
                hint=hint,
            ) from error
        how = signal.Signals(-status).name if status < 0 else f"exit status {status}"
        said = f"; it printed: {printed}" if printed else ""
        raise CorruptError(f"its reader died ({how}){said}", code="reader-died", hint=hint) from error


@dataclass(frozen=True)
class GuardedTable:
    """A table of a file that a worker has open."""

    file: GuardedFile
    number: int
    name: str
    entries: int
    columns: tuple[ProfiledColumn, ...]

    def chunks(self, columns: Sequence[str], entries: int = 100_000) -> Iterator[dict[str, NDArray[np.generic]]]:
        """Yield columns; see ``ports.dataset_readers.DataTable``."""
        return self.file.chunks(self.number, columns, entries)


def _table(file: GuardedFile, number: int, told: dict[str, Any]) -> GuardedTable:
    columns = tuple(ProfiledColumn.read(each) for each in told["columns"])
    return GuardedTable(file, number, str(told["name"]), int(told["entries"]), columns)


def _refuse(header: dict[str, Any]) -> NoReturn:
    """Raise what a worker refused with."""
    if header.get("is") != "refused":
        raise CorruptError(f"its reader said {header.get('is')!r}", code="worker-nonsense")
    told = _CLASSES.get(str(header.get("kind")), CorruptError)
    raise told(
        str(header.get("message")), code=str(header.get("code")), hint=str(header.get("hint") or ""), refused=True
    )


def _numbers(header: dict[str, Any], rest: bytes) -> dict[str, NDArray[np.generic]]:
    """Return the columns of a frame; only numbers are made of bytes.

    Raises:
        CorruptError: when the frame does not hold what its header says.
    """
    import numpy as np  # noqa: PLC0415 - of an extra

    found: dict[str, NDArray[np.generic]] = {}
    place = 0
    try:
        for name, kind, count, masked in header["columns"]:
            dtype = np.dtype(str(kind))
            if dtype.kind not in "biuf":
                raise CorruptError(f"its reader gave values of type {kind}", code="worker-nonsense")
            values: NDArray[np.generic] = np.frombuffer(rest, dtype, count, place)
            place += values.nbytes
            if masked:
                mask = np.frombuffer(rest, np.bool_, count, place)
                place += mask.nbytes
                values = np.ma.MaskedArray(values, mask)
            found[str(name)] = values
    except (KeyError, TypeError, ValueError) as error:
        raise CorruptError(f"its reader tells nonsense: {error}", code="worker-nonsense") from error
    return found


if TYPE_CHECKING:
    _: DataFiles = GuardedFiles({})
