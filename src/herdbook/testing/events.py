"""Short ways to tell a catalogue something, with digests that stand for a text."""

from __future__ import annotations

import hashlib
import zlib
from typing import TYPE_CHECKING

from herdbook.model.files import Content
from herdbook.model.rows import EventRow, Head, Projection

if TYPE_CHECKING:
    from herdbook.ports.catalogue import Writer

ACTOR = "actor:" + "7f" * 16
HOME = "registry:" + "3e" * 16
TIME = "2026-11-20T09:00:00Z"


def named(text: str) -> str:
    """Return the sha256 of a text, as a digest that a reader of a failed test can work out."""
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def content(text: str) -> Content:
    """Return what one pass over a text tells."""
    data = text.encode()
    return Content(
        size=len(data),
        sha256=named(text),
        md5="md5:" + hashlib.md5(data, usedforsecurity=False).hexdigest(),
        adler32=f"adler32:{zlib.adler32(data):08x}",
        git_sha1="git-sha1:" + hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest(),
    )


def event(namespace: str, seq: int, *, time: str = TIME) -> EventRow:
    """Return an event whose digest stands for its place."""
    return EventRow(namespace, seq, named(f"{namespace} {seq}"), time, ACTOR, b'{"seq":%d}' % seq)


def begin(tx: Writer, namespace: str) -> Head:
    """Begin a journal; return where it stands then."""
    tx.append(Head(namespace, "", HOME, 0, "", ""), event(namespace, 1), Projection())
    head = tx.head(namespace)
    assert head is not None
    return head


def tell(tx: Writer, namespace: str, projection: Projection) -> list[int]:
    """Append what a projection says to a journal, which begins with it; return the items of new versions."""
    head = tx.head(namespace) or begin(tx, namespace)
    return tx.append(head, event(head.namespace, head.seq + 1), projection)


def placed(*versions: tuple[str, int, str], labels: bool = False) -> Projection:
    """Return the projection of versions (model, ordinal, text of the record), with labels ``V1``, ``V2`` … or none."""
    rows = [(model, ordinal, named(record)) for model, ordinal, record in versions]
    return Projection(
        known=[("record", record) for _, _, record in rows],
        versions=rows,
        moves=[(f"label:{model}:V{ordinal}", "", record, "") for model, ordinal, record in rows] if labels else [],
    )
