"""The body of a request as a stream that blocks: the event loop fills it, a thread reads it, memory stays bounded."""

from __future__ import annotations

import asyncio
import contextlib
import io
import threading
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, BinaryIO, TypeVar, cast

from anyio import CapacityLimiter, to_thread
from starlette.requests import Request

from herdbook.kernel.errors import HerdbookError, InvalidError, UnavailableError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

T = TypeVar("T")

BEGIN = 1 << 18
"""Bytes that must be here before a thread is taken: who sends drop by drop takes none."""
WAKE = 1 << 20
"""Bytes for which the reader is woken, so that it is woken seldom."""
FULL = 4 << 20
"""Bytes above which no more are taken from the client."""


class Incoming(io.RawIOBase):
    """What came and was not read yet; ``give`` and ``end`` are called by the loop, ``readinto`` by a thread."""

    def __init__(self) -> None:
        super().__init__()
        self._changed = threading.Condition()
        self._parts: deque[memoryview] = deque()
        self._held = 0
        self._ended = False
        self._reader_waits = False
        self._writer_waits = False
        self._trouble: HerdbookError | None = None
        self._loop = asyncio.get_running_loop()
        self._room = asyncio.Event()
        self.begun = asyncio.Event()
        self.count = 0

    def readable(self) -> bool:
        """Say yes."""
        return True

    def give(self, data: bytes) -> bool:
        """Take bytes that came; say whether there is room for more."""
        with self._changed:
            self._parts.append(memoryview(data))
            self._held += len(data)
            self.count += len(data)
            if self._reader_waits and self._held >= WAKE:
                self._changed.notify()
            if full := self._held >= FULL:
                self._writer_waits = True
                self._room.clear()
        if self._held >= BEGIN:
            self.begun.set()
        return not full

    async def room(self) -> None:
        """Wait until the reader has made room."""
        await self._room.wait()

    def end(self, trouble: HerdbookError | None = None) -> None:
        """Say that nothing more comes: all came, or what went wrong, which the reader hears after the last byte."""
        with self._changed:
            if not self._ended:
                self._ended, self._trouble = True, trouble
            self._changed.notify()
        self.begun.set()

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Fill the buffer with what is here; wait while that is little and more may come.

        Raises:
            HerdbookError: that with which the body ended.
        """
        view = memoryview(buffer).cast("B")
        with self._changed:
            self._reader_waits = True
            self._changed.wait_for(lambda: self._ended or self._held >= min(WAKE, len(view)))
            self._reader_waits = False
            if not self._held and self._trouble is not None:
                raise self._trouble
        done = 0
        while done < len(view) and self._parts:  # the loop only adds at the other end
            part = self._parts[0]
            count = min(len(part), len(view) - done)
            view[done : done + count] = part[:count]
            done += count
            if count == len(part):
                self._parts.popleft()
            else:
                self._parts[0] = part[count:]
        with self._changed:
            self._held -= done
            wanted = self._writer_waits and self._held < FULL // 2
            if wanted:
                self._writer_waits = False
        if wanted:
            with contextlib.suppress(RuntimeError):  # the loop was closed
                self._loop.call_soon_threadsafe(self._room.set)
        return done


async def pump(request: Request, body: Incoming) -> None:
    """Move the body of a request into the stream, to its end."""
    while True:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            body.end(UnavailableError("the client went away in the middle of the body", code="client-away"))
            return
        data = message.get("body", b"")
        if data and not body.give(data):
            await body.room()
        if not message.get("more_body", False):
            body.end()
            return


async def stopped(stopping: asyncio.Event, patience_s: float, body: Incoming) -> None:
    """Break a body off once the server stops and some time has passed."""
    await stopping.wait()
    await asyncio.sleep(patience_s)
    body.end(
        UnavailableError(
            "the server stops", code="stopping", hint="What came is kept. Ask where the upload stands, and go on."
        )
    )


async def take(
    request: Request,
    work: Callable[[BinaryIO], T],
    threads: CapacityLimiter,
    *,
    stopping: asyncio.Event | None = None,
    patience_s: float = 1.0,
) -> T:
    """Give the body of a request to ``work``, which reads it in a thread; return what that returns.

    Raises:
        HerdbookError: what ``work`` raises; what was read before belongs to it.
    """
    body = Incoming()
    tasks = [asyncio.create_task(pump(request, body))]
    if stopping is not None:
        tasks.append(asyncio.create_task(stopped(stopping, patience_s, body)))
    try:
        await body.begun.wait()
        return await to_thread.run_sync(work, cast("BinaryIO", body), limiter=threads)
    finally:
        body.end(UnavailableError("the request was given up", code="client-away"))
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def whole(request: Request, limit: int) -> bytes:
    """Return a body that fits into memory.

    Raises:
        InvalidError: ``too-large``.
        UnavailableError: when the client went away.
    """
    parts: list[bytes] = []
    size = 0
    while True:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise UnavailableError("the client went away in the middle of the body", code="client-away")
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > limit:
            raise InvalidError(f"the body has more than {limit} bytes", code="too-large", hint="Send it as an upload.")
        if not message.get("more_body", False):
            return b"".join(parts) if len(parts) > 1 else parts[0]
