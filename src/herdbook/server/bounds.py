"""How much of a server one client may use."""

from __future__ import annotations

from dataclasses import dataclass

from herdbook.wire.journal import MAX_WAIT_S


@dataclass(frozen=True)
class Bounds:
    """Limits of one server process.

    Args:
        hosts: names by which it may be asked, without port; empty: any.
        requests: how many are answered at once; what is beyond hears 503.
        transfers: how many threads move bytes of files.
        headers: how many headers a request may have.
        header_bytes: how many bytes its address and headers may have.
        header_s: how long they may take to arrive, in seconds.
        idle_s: how long a body may stand still, or a client take nothing of an answer, in seconds.
        trickle: bytes that a body must bring at least in ``idle_s``.
        json_bytes: the largest body that is no file, in bytes.
        wait_s: how long an answer waits at most for an event to come, in seconds.
        stop_s: how long a stop waits for what is at work, in seconds.
    """

    hosts: tuple[str, ...] = ()
    requests: int = 512
    transfers: int = 64
    headers: int = 100
    header_bytes: int = 64 * 2**10
    header_s: float = 15.0
    idle_s: float = 60.0
    trickle: int = 2**10
    json_bytes: int = 64 * 2**20
    wait_s: float = MAX_WAIT_S
    stop_s: float = 30.0


LOOPBACK = ("localhost", "127.0.0.1", "::1")
"""Names by which a server that listens on loopback alone may be asked."""
