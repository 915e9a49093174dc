"""Frames between the pool and a worker: two lengths, a JSON header, raw bytes. Never pickle.

A frame is ``>II`` (bytes of the header, bytes of the rest), the header (a JSON object, UTF-8), the rest.

To the worker: ``{"do": "listing"}`` with the listing as JSON; ``{"do": "read", "path", "size"}`` with the first bytes
of the file; ``{"do": "bytes"}`` with what it asked for. From the worker: ``{"is": "ready", "versions", "failed"}``;
``{"is": "trying", "format"}``; ``{"is": "ask", "offset", "length"}``; ``{"is": "facts"}`` with the facts as JSON;
``{"is": "none"}``.
"""

from __future__ import annotations

import json
import struct
from typing import Any

from herdbook.kernel.errors import CorruptError

PREFIX = struct.Struct(">II")
MAX_HEADER = 1024 * 1024
MAX_REST = 256 * 1024 * 1024
MAX_FACTS = 64 * 1024 * 1024
MAX_ASK = 4 * 1024 * 1024
HEAD = 64 * 1024
"""How many bytes of a file go to the worker unasked."""

OUT_OF_MEMORY = 70
"""The exit status of a worker whose reader had no memory left."""

Frame = tuple[dict[str, Any], bytes]


def pack(header: dict[str, Any], rest: bytes = b"") -> bytes:
    """Return the bytes of a frame."""
    head = json.dumps(header).encode()
    return b"".join((PREFIX.pack(len(head), len(rest)), head, rest))


def sizes(prefix: bytes) -> tuple[int, int]:
    """Return the lengths of header and rest.

    Raises:
        CorruptError: when they are beyond what a frame may have.
    """
    head, rest = PREFIX.unpack(prefix)
    if head > MAX_HEADER or rest > MAX_REST:
        raise CorruptError("a frame is larger than frames are", code="worker-nonsense")
    return head, rest


def header(data: bytes) -> dict[str, Any]:
    """Return the header.

    Raises:
        CorruptError: when it is not a JSON object.
    """
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise CorruptError(f"a frame's header is not JSON: {error}", code="worker-nonsense") from error
    if not isinstance(value, dict):
        raise CorruptError("a frame's header is not a JSON object", code="worker-nonsense")
    return value
