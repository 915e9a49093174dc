"""Following a source: a run whenever something happens there, until nobody takes reports any more."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

from herdbook.kernel.errors import UnavailableError
from herdbook.model.mirrors import MirrorReport
from herdbook.ports.registry import Registry
from herdbook.service.mirrors import Mirror

ALONE_S = 30.0
TOGETHER_S = 5.0
"""How long one call waits for an event: of the only namespace that is followed, or of the one that moved last."""
RETRY_S = 3600.0
"""How often blobs are asked for again that the source could not give."""
PATIENCE_S = 60.0
"""The longest pause before a source is tried again that was away."""


def follow(
    mirror: Mirror, source: Registry, namespaces: Sequence[str], *, sleep: Callable[[float], None] = time.sleep
) -> Iterator[MirrorReport]:
    """Yield the report of a first run, and of each that brought something; others when the source goes away.

    Raises:
        ConflictError: as ``Mirror.run`` does; a journal that diverged is not followed.
        CorruptError: as ``Mirror.run`` does.
    """
    seen: dict[str, int] = {}
    last, asked, pause, first = "", time.monotonic(), 1.0, True
    while True:
        try:
            there = _stand(source, namespaces)
            last = next((name for name, seq in there.items() if seen.get(name) != seq), last)
            due = first or time.monotonic() - asked > RETRY_S
            if due or there != seen:
                asked = time.monotonic() if due else asked
                report = mirror.run(namespaces, retry=due, always=first)
                seen = there
                if first or report.events or report.blobs:
                    first = False
                    yield report
            wait = ALONE_S if len(there) == 1 else TOGETHER_S
            source.journal.events(last, after=there[last], limit=1, wait=wait)
            pause = 1.0
        except UnavailableError as error:
            yield mirror.away(error)
            sleep(pause)
            pause = min(PATIENCE_S, 2 * pause)


def _stand(source: Registry, namespaces: Sequence[str]) -> dict[str, int]:
    """Return where the journals that are followed stand, in one call."""
    return {
        head.namespace: head.seq for head in source.namespaces.list() if not namespaces or head.namespace in namespaces
    }
