"""A few buffers that go round between one thread that fills them and several that each do one thing with them."""

from __future__ import annotations

import mmap
import queue
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import TracebackType

MOST: Final = 8
"""Buffers at most: what the fastest lane may be ahead of the slowest."""


class _Lane(threading.Thread):
    """Takes buffers in order and does one thing with each; after an error it only hands them back."""

    def __init__(self, work: Callable[[memoryview], object], done: Callable[[int], None]) -> None:
        super().__init__(name="herdbook-lane", daemon=True)
        self.todo: queue.SimpleQueue[tuple[int, memoryview] | None] = queue.SimpleQueue()
        self.error: BaseException | None = None
        self._work = work
        self._hand_back = done

    def run(self) -> None:
        while (item := self.todo.get()) is not None:
            index, data = item
            if self.error is None:
                try:
                    self._work(data)
                except BaseException as error:  # noqa: BLE001 - raised again in the thread that fills
                    self.error = error
            self._hand_back(index)


class Ring:
    """Used as a context: at its end all lanes have done their work, and the first error of a lane is raised.

    Args:
        works: one function a lane; each gets all buffers in order, in a thread of its own.
        buffer: bytes a buffer; each begins at a page, as direct writing wants it.
        most: how many buffers there may be.
        beside: threads for what is done with single buffers, in any order.
    """

    def __init__(
        self, works: Iterable[Callable[[memoryview], object]], buffer: int, *, most: int = MOST, beside: int = 0
    ) -> None:
        self._buffer = buffer
        self._most = most
        self._beside = ThreadPoolExecutor(beside, thread_name_prefix="herdbook-beside") if beside else None
        self._errors: list[BaseException] = []
        self._views: list[memoryview] = []
        self._left: list[int] = []
        self._free: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._lanes = [_Lane(work, self._hand_back) for work in works]

    def __enter__(self) -> Ring:
        for lane in self._lanes:
            lane.start()
        return self

    def take(self, least: int = 0) -> tuple[int, memoryview]:
        """Return a free buffer of at least ``least`` bytes and its number; wait for one when all are at work.

        Raises:
            Exception: what went wrong in a lane.
        """
        self._check()
        if len(self._views) < self._most and self._free.empty():
            self._views.append(memoryview(mmap.mmap(-1, max(self._buffer, least))))
            self._left.append(0)
            return len(self._views) - 1, self._views[-1]
        index = self._free.get()
        if len(self._views[index]) < least:
            self._views[index] = memoryview(mmap.mmap(-1, least))
        return index, self._views[index]

    def give(self, index: int, count: int, once: Callable[[memoryview], object] | None = None) -> None:
        """Let all lanes work on the first ``count`` bytes of a buffer, and a thread beside them do ``once``."""
        self._left[index] = len(self._lanes) + (once is not None)
        data = self._views[index][:count]
        for lane in self._lanes:
            lane.todo.put((index, data))
        if once is not None and self._beside is not None:
            self._beside.submit(self._do, once, index, data)

    def _do(self, once: Callable[[memoryview], object], index: int, data: memoryview) -> None:
        try:
            if not self._errors:
                once(data)
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that fills
            self._errors.append(error)
        self._hand_back(index)

    def _hand_back(self, index: int) -> None:
        with self._lock:
            self._left[index] -= 1
            free = not self._left[index]
        if free:
            self._free.put(index)

    def _check(self) -> None:
        for error in self._errors:
            raise error
        for lane in self._lanes:
            if lane.error is not None:
                raise lane.error

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for lane in self._lanes:
            lane.todo.put(None)
        for lane in self._lanes:
            lane.join()
        if self._beside is not None:
            self._beside.shutdown(cancel_futures=error is not None)
        self._views.clear()  # lanes point back to the ring: the buffers would wait for the garbage collector
        if error is None:
            self._check()
