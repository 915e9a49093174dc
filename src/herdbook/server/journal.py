"""The noun ``journal`` over HTTP; its events, for which one may wait, are in ``feed``."""

from __future__ import annotations

import base64
from collections.abc import Sequence

from herdbook.model.journal import Checkpoint
from herdbook.ports.registry import Registry
from herdbook.server.calls import Calls
from herdbook.server.parameters import After, Limit, Namespace
from herdbook.wire import journal as wire
from herdbook.wire.routes import PREFIX, Route

router = Calls("journal")


class _Lines(Route[Sequence[bytes]]):
    """Bytes as they are kept, each ended by a line feed."""

    def dump(self, value: Sequence[bytes]) -> bytes:
        return b"".join(line + b"\n" for line in value)


LINES = _Lines("journal.lines", "GET", wire.LINES.removeprefix(PREFIX), bytes)


@router.answers(LINES, "application/jsonl")
def lines(registry: Registry, namespace: Namespace, after: After = 0, limit: Limit = 1000) -> Sequence[bytes]:
    """Return events as they are kept, byte for byte, one a line; at most `limit`, or about 8 MiB."""
    return registry.journal.lines(namespace, after=after, limit=limit)


@router.answers(wire.CHECKPOINT)
def checkpoint(registry: Registry, namespace: Namespace) -> Checkpoint:
    """Return (journal, sequence, head), to be kept elsewhere."""
    return registry.journal.checkpoint(namespace)


@router.answers(wire.STATE)
def state_digest(registry: Registry, namespace: Namespace) -> str:
    """Return the digest of the namespace's state, equal in every true copy."""
    return registry.journal.state_digest(namespace)


@router.answers(wire.BODIES)
def bodies(registry: Registry, asked: wire.Bodies) -> dict[str, str]:
    """Return canonical bytes of records and statements by digest, in base64."""
    return {digest: base64.b64encode(data).decode() for digest, data in registry.journal.bodies(asked.digests).items()}
