"""Webhooks are delivered as long as the server runs, by a thread for each, so that none waits for a dead one."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Sequence

from herdbook.server.hooks import HttpSender
from herdbook.server.operation import Operation
from herdbook.service.webhooks import Courier, Hook

STOP_S = 20.0
"""How long a delivery on its way may take when the server stops, in seconds."""


@contextlib.contextmanager
def delivering(hooks: Sequence[Hook], operation: Operation) -> Iterator[None]:
    """Deliver to webhooks during a block."""
    if not hooks:
        yield
        return
    stop = threading.Event()
    context = operation.serving.context
    counted = operation.metrics.deliveries

    def told(name: str, outcome: str) -> None:
        counted.labels(name, outcome).inc()

    with HttpSender() as sender:
        threads = []
        for hook in hooks:
            courier = Courier(context.catalogue, hook, sender, seconds=context.seconds, told=told)
            threads.append(
                threading.Thread(target=courier.run, args=(stop,), name=f"herdbook-hook-{hook.name}", daemon=True)
            )
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            stop.set()
            for thread in threads:
                thread.join(STOP_S)
