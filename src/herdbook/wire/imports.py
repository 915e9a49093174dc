"""Imports on the wire."""

from __future__ import annotations

from herdbook.model.base import Text
from herdbook.model.imports import Delivery, ImportEntry
from herdbook.wire.routes import Asked, Route

RECORD: Route[ImportEntry] = Route("imports.record", "POST", "/imports", ImportEntry)
LIST: Route[list[ImportEntry]] = Route("imports.list", "GET", "/imports", list[ImportEntry])
GET: Route[ImportEntry] = Route("imports.get", "GET", "/import", ImportEntry)
UNDO: Route[ImportEntry] = Route("imports.undo", "POST", "/import/undo", ImportEntry)


class Record(Asked):
    """A delivery to write as one batch."""

    namespace: Text
    delivery: Delivery


class Undo(Asked):
    """A batch to withdraw."""

    namespace: Text
    batch: Text
    reason: Text
