"""Who waits for a journal to go on: all of a process share one look at it, and hold no thread."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from anyio import to_thread

from herdbook.kernel.errors import HerdbookError
from herdbook.ports.catalogue import Catalogue

POLL_S = 0.1
"""How often the journals are looked at while somebody waits, in seconds; other processes write them too."""


class Watch:
    """Waits for events, in one event loop at a time."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._waiting = 0
        self._heads: dict[str, int] = {}
        self._moved = asyncio.Event()
        self._looking: asyncio.Task[None] | None = None

    async def beyond(self, namespace: str, seq: int, wait_s: float, ends: Sequence[asyncio.Task[bool]]) -> None:
        """Return when the journal has an event after ``seq``, the time is over, or one of ``ends`` is done."""
        deadline = time.monotonic() + wait_s
        self._waiting += 1
        looking = self._looking
        if looking is None or looking.done() or looking.get_loop() is not asyncio.get_running_loop():
            self._heads, self._moved = {}, asyncio.Event()
            self._looking = asyncio.create_task(self._look())
        try:
            while self._heads.get(namespace.casefold(), 0) <= seq and not any(end.done() for end in ends):
                left = deadline - time.monotonic()
                if left <= 0:
                    return
                moved = asyncio.create_task(self._moved.wait())
                await asyncio.wait({moved, *ends}, timeout=left, return_when=asyncio.FIRST_COMPLETED)
                moved.cancel()
        finally:
            self._waiting -= 1

    async def _look(self) -> None:
        while self._waiting:
            try:
                heads = await to_thread.run_sync(self._read)
            except HerdbookError:  # the catalogue is away; who waits hears it when the time is over
                heads = self._heads
            if heads != self._heads:
                self._heads = heads
                self._moved.set()
                self._moved = asyncio.Event()
            await asyncio.sleep(POLL_S)

    def _read(self) -> dict[str, int]:
        with self._catalogue.read() as tx:
            return {head.namespace.casefold(): head.seq for head in tx.heads()}
