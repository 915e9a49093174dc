"""A few buffers that go round between one thread that fills them and several that each do one thing with them."""

from __future__ import annotations

import mmap
import queue
import threading
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import TracebackType

_MOST: Final = 8
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
    """

    def __init__(self, works: Iterable[Callable[[memoryview], object]], buffer: int) -> None:
        self._buffer = buffer
        self._views: list[memoryview] = []
        self._left: list[int] = []
        self._free: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._lanes = [_Lane(work, self._hand_back) for work in works]

    def __enter__(self) -> Ring:
        for lane in self._lanes:
            lane.start()
        return self

    def take(self) -> tuple[int, memoryview]:
        """Return a free buffer and its number; wait for one when all are at work.

        Raises:
            Exception: what went wrong in a lane.
        """
        self._check()
        if len(self._views) < _MOST and self._free.empty():
            self._views.append(memoryview(mmap.mmap(-1, self._buffer)))
            self._left.append(0)
            return len(self._views) - 1, self._views[-1]
        index = self._free.get()
        return index, self._views[index]

    def give(self, index: int, count: int) -> None:
        """Let all lanes work on the first ``count`` bytes of a buffer."""
        self._left[index] = len(self._lanes)
        data = self._views[index][:count]
        for lane in self._lanes:
            lane.todo.put((index, data))

    def _hand_back(self, index: int) -> None:
        with self._lock:
            self._left[index] -= 1
            free = not self._left[index]
        if free:
            self._free.put(index)

    def _check(self) -> None:
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
        if error is None:
            self._check()
