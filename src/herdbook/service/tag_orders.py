"""The recorded order of a source's tags, in which half-open ranges of foreign identities are judged."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field

from herdbook.model.statements import Statement
from herdbook.ports.catalogue import Reader
from herdbook.service import bodies, currency

SOURCE = "herdbook/source/1"


@dataclass(frozen=True)
class TagOrder:
    """The tags of a source, oldest first."""

    tags: tuple[str, ...] = ()
    places: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, tags: tuple[str, ...]) -> TagOrder:
        """Return the order of tags."""
        return cls(tags, {tag: place for place, tag in reversed(list(enumerate(tags)))})

    def span(self, first: str | None, last: str | None) -> tuple[int, int] | None:
        """Return begin and end (exclusive) of a range; ``None`` when a tag of it is not known."""
        begin = 0 if first is None else self.places.get(first)
        end = len(self.tags) if last is None else self.places.get(last)
        return None if begin is None or end is None or not self.tags else (begin, end)

    def holds(self, first: str | None, last: str | None, tag: str) -> bool:
        """Say whether a tag is in a range; where the order is not known, only the range's first tag is."""
        span, place = self.span(first, last), self.places.get(tag)
        if span is None or place is None:
            return tag == first
        return span[0] <= place < span[1]


class TagOrders:
    """Orders of tags by source, looked up once. A namespace's own word goes before another's."""

    def __init__(self, tx: Reader) -> None:
        self._tx = tx
        self._found: dict[tuple[str, str], TagOrder] = {}

    def of(self, namespace: str, source: str | None) -> TagOrder:
        """Return the order of the tags of a source, empty when it is not known."""
        key = (namespace, source or "")
        if key not in self._found:
            self._found[key] = self._read(namespace, source) if source else TagOrder()
        return self._found[key]

    def _read(self, namespace: str, source: str) -> TagOrder:
        rows = currency.current(self._tx, self._tx.statements([("id", f"source:{source}")], SOURCE))
        rows.sort(key=lambda row: (row.namespace == namespace, row.seq))
        values = bodies.load(self._tx, (row.digest for row in rows))
        for row in reversed(rows):
            value = values.get(row.digest)
            if isinstance(value, Statement) and value.body.get("tags"):
                return TagOrder.of(tuple(str(tag) for tag in value.body["tags"]))
        return TagOrder()


def near(tag: str, orders: list[TagOrder]) -> list[str]:
    """Return known tags that look like a tag."""
    known = dict.fromkeys(name for order in orders for name in order.tags)
    return difflib.get_close_matches(tag, known, n=3, cutoff=0.4) or list(known)[-3:]
