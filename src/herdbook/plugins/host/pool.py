"""The pool: readers at work in long-lived processes, replaced when they fail."""

from __future__ import annotations

import contextlib
import os
import threading
import time
import weakref
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Self

from herdbook.kernel.errors import HerdbookError, UnavailableError
from herdbook.plugins.host import found
from herdbook.plugins.host.worker import Limits, Worker, unreadable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from herdbook.model.facts import Facts
    from herdbook.ports.formats import Listing, ReadAt, Readers

_CLOSING = 10.0
"""Seconds to wait for each reader whose worker was killed."""

_WORTH, _MANY = 32 * 2**20, 8
"""Bytes, and number, of files for which it pays to start a further worker."""

_RETRY_AFTER = 30.0
"""Seconds after which a worker that did not start is tried again."""


class WorkerPool:
    """Readers in worker processes, which are started when they are first needed. Safe for threads and after a fork.

    Args:
        workers: how many processes at most, and so how many files at once.
        limits: what a reader may use for a file.
        formats: further formats, ``module:Class``, asked before all others; the module must be importable.
    """

    def __init__(self, *, workers: int = 1, limits: Limits | None = None, formats: Sequence[str] = ()) -> None:
        self._count = max(1, workers)
        self._limits = limits or Limits()
        self._formats = tuple(formats)
        self._versions: dict[str, str] = {}
        self.failed: Mapping[str, str] = {}
        """Formats that could not be imported, with the reason; known once a worker has started."""
        self._all: set[Worker] = set()
        self._idle: list[Worker] = []
        self._closed = False
        self._begin()
        weakref.finalize(self, _stop, self._all)
        _POOLS.add(self)

    def _begin(self) -> None:
        self._lock = threading.Lock()
        self._slots = threading.BoundedSemaphore(self._count)
        self._broken: tuple[float, str] = (0.0, "")
        self._prepared = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def read(self, files: Sequence[tuple[str, ReadAt]], listing: Listing) -> list[Facts | None]:
        """Return, for each (path, bytes), the facts of the first format that takes it, or ``None`` when none does.

        A file that cannot be read gives facts of format ``unreadable`` with one finding: ``reader-hung``,
        ``reader-died``, ``reader-out-of-memory``, ``reader-failed``, ``bytes-unavailable`` (the store's trouble) or
        ``reader-unavailable`` (no worker starts). The last two say nothing about the content.

        Raises:
            UnavailableError: when the pool is closed.
        """
        listing = dict(listing)  # one object for all files: a worker is told once
        # To start a worker takes as long as to read a good many small files.
        worth = max(len(self._all), 1 + len(files) // _MANY + sum(file.size for _, file in files) // _WORTH)
        width = min(self._count, len(files), worth)
        if width < 2:
            return [self._one(path, file, listing) for path, file in files]
        with ThreadPoolExecutor(width, "herdbook-reader") as threads:
            return list(threads.map(lambda each: self._one(each[0], each[1], listing), files))

    def prepare(self) -> None:
        """Start a worker in a thread beside, unless there is one or one was started so: files are on their way."""
        with self._lock:
            if self._all or self._prepared or self._closed:
                return
            self._prepared = True
        threading.Thread(target=self._start, name="herdbook-reader-start", daemon=True).start()

    def _start(self) -> None:
        with self._slots, contextlib.suppress(UnavailableError):  # who reads will be told
            self._put(self._take())

    @property
    def versions(self) -> Mapping[str, str]:
        """Reader name → reader version.

        Ours are known without a worker; readers of other distributions are imported in a worker only.

        Raises:
            UnavailableError: when a worker is needed and does not start.
        """
        if not self._versions:
            targets = found.targets(self._formats)
            if all(target.startswith("herdbook.") for target in targets):
                self._versions = {each.name: each.version for each in found.load(targets)[0]}
            else:
                with self._slots:
                    self._put(self._take())
        return dict(self._versions)

    def close(self) -> None:
        """Stop the workers; whoever is reading gets UnavailableError. No process is left on return."""
        with self._lock:
            self._closed = True
            idle, busy = list(self._idle), self._all.difference(self._idle)
            self._idle.clear()
            self._all.difference_update(idle)
        for worker in busy:
            worker.channel.kill()  # its own thread clears up
        _stop(idle)
        # Whoever reads holds a slot until its worker is gone.
        free = sum(self._slots.acquire(timeout=_CLOSING) for _ in range(self._count))
        for _ in range(free):
            self._slots.release()

    def _one(self, path: str, file: ReadAt, listing: Listing) -> Facts | None:
        retried = False
        with self._slots:
            while True:
                try:
                    worker = self._take()
                except UnavailableError as error:
                    if self._closed:
                        raise
                    return unreadable("reader-unavailable", error.message)
                try:
                    facts = worker.read(path, file, listing)
                except HerdbookError as error:
                    facts = self._drop(worker, error)
                    if error.code == "worker-gone" and not worker.reader and not retried:
                        retried = True  # it died while it was idle, which is not the file's fault
                        continue
                except BaseException:
                    self._drop(worker, UnavailableError("interrupted"))
                    raise
                else:
                    self._put(worker)
                return facts

    def _take(self) -> Worker:
        """Return an idle worker, or a new one.

        Raises:
            UnavailableError: when none starts, none started a moment ago, or the pool is closed.
        """
        with self._lock:
            self._check()
            if self._idle:
                return self._idle.pop()
            until, why = self._broken
        if time.monotonic() < until:
            raise UnavailableError(why, code="no-worker")
        try:
            worker = Worker(self._limits, self._formats)
        except UnavailableError as error:
            self._broken = (time.monotonic() + _RETRY_AFTER, error.message)
            raise
        with self._lock:
            self._versions, self.failed = worker.versions, worker.failed
            self._all.add(worker)
        return worker

    def _check(self) -> None:
        if self._closed:
            raise UnavailableError("the pool of readers is closed", code="pool-closed")

    def _put(self, worker: Worker) -> None:
        with self._lock:
            if not self._closed:
                self._idle.append(worker)
                return
            self._all.discard(worker)
        worker.channel.stop()

    def _drop(self, worker: Worker, error: HerdbookError) -> Facts:
        with self._lock:
            self._all.discard(worker)
        facts = worker.judge(error)
        self._check()
        return facts

    def _forked(self) -> None:
        """Forget the workers of the parent process; in the child, new ones are started."""
        for worker in self._all:
            worker.channel.abandon()
        self._all.clear()
        self._idle.clear()
        self._begin()


def _stop(workers: Iterable[Worker]) -> None:
    for worker in list(workers):
        worker.channel.stop()


_POOLS: weakref.WeakSet[WorkerPool] = weakref.WeakSet()


def _after_fork() -> None:
    for pool in list(_POOLS):
        pool._forked()  # noqa: SLF001 - our own class


os.register_at_fork(after_in_child=_after_fork)

if TYPE_CHECKING:
    _: Readers = WorkerPool()
