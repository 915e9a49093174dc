"""Journals on the wire. ``EVENTS`` with ``wait`` (seconds, at most 60) answers when something follows, or in vain."""

from __future__ import annotations

from herdbook.model.base import Text
from herdbook.model.journal import Checkpoint, EventEntry
from herdbook.model.pages import Page
from herdbook.wire.routes import PREFIX, Asked, Route

MAX_WAIT_S = 60.0

EVENTS: Route[Page[EventEntry]] = Route("journal.events", "GET", "/journal", Page[EventEntry])
CHECKPOINT: Route[Checkpoint] = Route("journal.checkpoint", "GET", "/journal/checkpoint", Checkpoint)
STATE: Route[str] = Route("journal.state_digest", "GET", "/journal/state", str)
LINES = PREFIX + "/journal/lines"
"""GET with ``namespace``, ``after``, ``limit``: the canonical bytes of events as they are kept, one a line."""
BODIES: Route[dict[str, str]] = Route("journal.bodies", "POST", "/journal/bodies", dict[str, str], asks=True)
"""Canonical bytes by digest, in base64."""


class Bodies(Asked):
    """Records and statements whose bytes are asked for."""

    digests: tuple[Text, ...]
