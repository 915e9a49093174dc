"""What a mirror notes for itself: up to which event blobs were asked for, and which the source could not give."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from herdbook.model.journal import Event, PurgeOp
from herdbook.model.rows import EventRow
from herdbook.ports.catalogue import Reader, Writer
from herdbook.service import bodies, event_pages, needs
from herdbook.service.context import Context
from herdbook.service.replay import Chunk, blobs_named

SEEN = "mirror"
LACKING = "lacking"
"""Scopes of memos: by namespace, the last event whose blobs were asked for; ``NAMESPACE SHA256``, why it is lacking."""
PAGE = 500


class Notes:
    """The notes about one namespace."""

    def __init__(self, context: Context, namespace: str) -> None:
        self._context = context
        self._namespace = namespace

    def lacking(self) -> Iterator[dict[str, int | None]]:
        """Yield blobs that were lacking, with their sizes in bytes where a record says them, page by page."""
        after = ""
        while True:
            with self._context.catalogue.read() as tx:
                page = self._page(tx, after)
                sizes = {row.digest: row.size for row in tx.files_named(page)}
            if not page:
                return
            after = list(page)[-1]
            yield {sha256: sizes.get(sha256) for sha256 in page}

    def _page(self, tx: Reader, after: str = "") -> dict[str, str]:
        prefix = f"{self._namespace} "
        found = tx.memos(LACKING, prefix + after, PAGE)
        return {key.removeprefix(prefix): why.decode() for key, why in found.items() if key.startswith(prefix)}

    def unseen(self, seq: int) -> Iterator[tuple[int, dict[str, int | None]]]:
        """Yield, page by page up to ``seq``, the last event and the blobs of events that another way brought here."""
        with self._context.catalogue.read() as tx:
            after = int(tx.memo(SEEN, self._namespace) or 0)
        while after < seq:
            with self._context.catalogue.read() as tx:
                rows = next(event_pages.events(tx, self._namespace, after), [])[:PAGE]
                wanted = _blobs(tx, rows)
            after = rows[-1].seq if rows else seq
            yield after, wanted

    def settle(self, wanted: Mapping[str, object], lacking: Mapping[str, str]) -> None:
        """Forget those that are lacking no more."""
        if came := [f"{self._namespace} {sha256}" for sha256 in wanted if sha256 not in lacking]:
            with self._context.catalogue.write() as tx:
                tx.drop_memos(LACKING, came)

    def seen(self, seq: int, wanted: Mapping[str, object], lacking: Mapping[str, str]) -> None:
        """Note that blobs of events up to this one were asked for."""
        with self._context.catalogue.write() as tx:
            self._note(tx, seq, wanted, lacking)

    def _note(self, tx: Writer, seq: int, wanted: Mapping[str, object], lacking: Mapping[str, str]) -> None:
        tx.put_memo(SEEN, self._namespace, str(seq).encode())
        for sha256 in wanted:
            if sha256 in lacking:
                tx.put_memo(LACKING, f"{self._namespace} {sha256}", lacking[sha256].encode())

    def written(self, lacking: Mapping[str, str], actors: set[str]) -> Callable[[Writer, Chunk], None]:
        """Return what notes a chunk in the transaction that writes it; who occurs in it is added to ``actors``."""

        def note(tx: Writer, chunk: Chunk) -> None:
            self._note(tx, chunk.last, blobs_named(chunk.told) if lacking else {}, lacking)
            purged = [op.digest for event, _ in chunk.events for op in event.ops if isinstance(op, PurgeOp)]
            tx.drop_memos(LACKING, [f"{self._namespace} {digest}" for digest in purged])
            actors.update(event.principal.id for event, _ in chunk.events)
            for body in chunk.told.values():
                actors.update(needs.actors_of(body))

        return note

    def still_lacking(self) -> list[tuple[str, str]]:
        """Return, with the reason, those that are lacking and that a record needs."""
        found: list[tuple[str, str]] = []
        after = ""
        with self._context.catalogue.read() as tx:
            while page := self._page(tx, after):
                needed = tx.needed(list(page))
                found += [(sha256, why) for sha256, why in page.items() if sha256 in needed]
                after = list(page)[-1]
        return found


def _blobs(tx: Reader, rows: list[EventRow]) -> dict[str, int | None]:
    wanted = {digest for row in rows for digest in needs.bodies_of(Event.read_json(row.body).ops)}
    told = {digest: bodies.parse(data) for digest, data in tx.bodies(wanted).items()}
    named = blobs_named({d: v if isinstance(v, dict) else v.json_object() for d, v in told.items()})
    gone = tx.purged(rows[0].namespace, named) if rows else set()
    return {sha256: size for sha256, size in named.items() if sha256 not in gone}
