"""From where on a bundle is a part: after a checkpoint that the receiver has, or after an earlier bundle."""

from __future__ import annotations

from collections.abc import Sequence

from herdbook.kernel.errors import ConflictError, InvalidError, MissingError
from herdbook.model.rows import Head
from herdbook.ports.catalogue import Reader
from herdbook.service import bundle_read
from herdbook.service.bundle_source import open_source
from herdbook.service.chain import parse_checkpoint

Known = dict[str, tuple[int, str]]
"""By journal: the sequence that the receiver has, and the digest of that event (empty: not told)."""


def known(tx: Reader, heads: Sequence[Head], since: Sequence[str], after: str | None) -> Known:
    """Return what the receiver has, checked against the journals here.

    Args:
        tx: a look.
        heads: the journals that are exported.
        since: checkpoints (``JOURNAL:SEQ:HEAD``), or for a single journal the sequence alone.
        after: an earlier bundle, a folder or a tar.

    Raises:
        InvalidError: when something is no checkpoint, or speaks of another journal.
        MissingError: when a sequence is not here yet, or there is nothing new.
        ConflictError: ``diverged`` when the event here is another one.
    """
    found: Known = dict(_told(heads, since))
    if after is not None:
        with open_source(after) as source:
            found.update({entry.journal: (entry.last, entry.head) for entry in bundle_read.manifest(source).journals})
    for head in heads:
        if head.journal in found:
            _check(tx, head, *found[head.journal])
    if found and all(found.get(head.journal, (0, ""))[0] == head.seq for head in heads):
        raise MissingError("nothing happened since", code="nothing-new", hint="There is nothing to carry.")
    return found


def _told(heads: Sequence[Head], since: Sequence[str]) -> list[tuple[str, tuple[int, str]]]:
    told = []
    for text in since:
        if text.isascii() and text.isdigit() and int(text) > 0:
            if len(heads) != 1:
                raise InvalidError(
                    f"event {text} of which journal?",
                    code="bad-checkpoint",
                    hint="Name one namespace with --namespace, or write a checkpoint, JOURNAL:SEQ:HEAD.",
                )
            told.append((heads[0].journal, (int(text), "")))
            continue
        journal, seq, digest = parse_checkpoint(text)
        if journal not in {head.journal for head in heads}:
            raise InvalidError(
                f"the checkpoint {text} is of no journal that is exported",
                code="bad-checkpoint",
                hint="`herdbook journal checkpoint` prints those that are here.",
            )
        told.append((journal, (seq, digest)))
    return told


def _check(tx: Reader, head: Head, seq: int, digest: str) -> None:
    if seq > head.seq:
        raise MissingError(
            f"the journal of {head.namespace!r} ends at event {head.seq} here, and the receiver has {seq}",
            code="no-event",
            hint="Export from a registry that is as far.",
        )
    here = tx.events(head.namespace, seq - 1, 1)[0].digest
    if digest and here != digest:
        raise ConflictError(
            f"event {seq} of {head.namespace!r} is {here} here, and {digest} at the receiver: the journal diverged",
            code="diverged",
            hint="One of the two was written at a place that is not its home.",
            seq=seq,
            here=here,
            there=digest,
        )
