"""Writes that are done once, however often they are asked: the seam for ``Idempotency-Key``."""

from __future__ import annotations

from collections.abc import Callable

from starlette.requests import Request

from herdbook.ports.registry import Registry
from herdbook.server import principals


def once(request: Request, body: bytes, work: Callable[[Registry], bytes]) -> bytes:  # noqa: ARG001 - kept for keys
    """Return the answer of a write, which ``work`` gives when it is called with the façade of whoever asks.

    Raises:
        DeniedError: when nobody is named who writes, or this server only reads.
    """
    return work(principals.serving(request).registry(principals.writer(request)))
