"""The same work on many things, by several threads, with the results in the order of the things."""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from herdbook.kernel.errors import UnavailableError

T = TypeVar("T")
R = TypeVar("R")


def in_order(
    work: Callable[[T], R], items: Iterable[T], *, stop: Callable[[], None] | None = None, threads: int = 0
) -> Iterator[tuple[T, R]]:
    """Yield each item with what ``work`` returned for it, in the order given, however many there are.

    Args:
        work: called by several threads at once.
        items: taken as they are needed, by the caller's thread.
        stop: called when something failed or the caller does not listen any more; makes ``work`` end soon.
        threads: 0 for one a processor, four at least: some wait for a disk or a network.

    Raises:
        Exception: what ``work`` raised, when it is that item's turn; those behind it are not begun any more.
    """
    threads = threads or max(4, os.cpu_count() or 1)
    waiting: deque[tuple[T, Future[R]]] = deque()
    with ThreadPoolExecutor(threads, thread_name_prefix="herdbook-work") as pool:
        try:
            for item in items:
                waiting.append((item, pool.submit(work, item)))
                if len(waiting) > 16 * threads:
                    first, future = waiting.popleft()
                    yield first, future.result()
            while waiting:
                first, future = waiting.popleft()
                yield first, future.result()
        except BaseException:
            for _, future in waiting:
                future.cancel()
            if stop is not None:
                stop()
            raise


class Pace:
    """A limit on bytes a second, kept by all threads together; and a way to stop them.

    Args:
        rate: in bytes a second; ``None``: no limit.
    """

    def __init__(self, rate: float | None = None) -> None:
        self._rate = rate
        self._lock = threading.Lock()
        self._free_at = time.monotonic()
        self._stopped = threading.Event()

    def __call__(self, count: int) -> None:
        """Wait until so many bytes more may be read; what was not used in the past is not saved up.

        Raises:
            UnavailableError: after ``stop``.
        """
        wait = 0.0
        if self._rate is not None:
            with self._lock:
                now = time.monotonic()
                self._free_at = max(self._free_at, now) + count / self._rate
                wait = self._free_at - now
        if self._stopped.wait(wait):
            raise UnavailableError("it was stopped", code="stopped", hint="Run it again: it goes on.")

    def stop(self) -> None:
        """Let nobody wait any more, nor go on."""
        self._stopped.set()
