"""Journals, their events and bodies, as tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sqlalchemy import (
    BindParameter,
    Connection,
    Integer,
    Select,
    Text,
    bindparam,
    case,
    cast,
    delete,
    insert,
    literal,
    select,
    update,
)

from herdbook.kernel.errors import ConflictError
from herdbook.model.rows import EventRow, Head
from herdbook.stores.sql.bulk import AnyRow, Many, chunks
from herdbook.stores.sql.digests import raw, span, text
from herdbook.stores.sql.engine import Streams
from herdbook.stores.sql.expressions import CodePoints, Hexadecimal
from herdbook.stores.sql.numbering import Numbering
from herdbook.stores.sql.prepared import Prepared
from herdbook.stores.sql.schema import bodies, events, journals, known, models, pointers, purges, versions

_DIGESTS: BindParameter[bytes] = bindparam("digests", expanding=True)
_OF_FOLDED = (journals.c.current, journals.c.folded == bindparam("folded"))

_HEAD = select(
    journals.c.namespace, journals.c.journal, journals.c.home, journals.c.seq, journals.c.head, journals.c.time
)
_HEADS = _HEAD.where(journals.c.current).order_by(journals.c.namespace)
_HEAD_OF = Prepared(_HEAD.where(*_OF_FOLDED))
_JOURNAL = Prepared(select(journals.c.id).where(*_OF_FOLDED))
_STAND = select(journals.c.id, journals.c.journal, journals.c.seq, journals.c.head).where(*_OF_FOLDED).with_for_update()

_EVENT = select(
    journals.c.namespace, events.c.seq, events.c.digest, events.c.time, events.c.principal, events.c.body
).join_from(events, journals, events.c.journal == journals.c.id)
_EVENTS = (
    _EVENT.where(events.c.journal == bindparam("journal"), events.c.seq > bindparam("after"))
    .order_by(events.c.seq)
    .limit(bindparam("limit", type_=Integer))
)
_DIGESTS_LIKE = (
    select(bodies.c.digest)
    .where(bodies.c.digest.between(bindparam("first"), bindparam("end")), bodies.c.body.is_not(None))
    .order_by(bodies.c.digest)
    .limit(bindparam("limit", type_=Integer))
)
_ACTORS = select(events.c.seq, events.c.principal).where(
    events.c.journal == bindparam("journal"), events.c.seq.in_(bindparam("seqs", expanding=True))
)
_EVENT_WITH = _EVENT.where(events.c.digest == bindparam("digest"))

_BODIES = Prepared(
    select(bodies.c.digest, bodies.c.body).where(bodies.c.digest.in_(_DIGESTS), bodies.c.body.is_not(None)), "digests"
)
_IDS = Prepared(
    select(bodies.c.digest, bodies.c.id, bodies.c.body.is_(None)).where(bodies.c.digest.in_(_DIGESTS)), "digests"
)
_KNOWN = Prepared(
    (
        select(bodies.c.digest, journals.c.namespace, known.c.seq)
        .join_from(bodies, known, known.c.body == bodies.c.id)
        .join(journals, journals.c.id == known.c.journal)
        .where(bodies.c.digest.in_(_DIGESTS))
        .order_by(journals.c.namespace)
    ),
    "digests",
)
_PURGED = Prepared(
    select(purges.c.digest).where(purges.c.digest.in_(_DIGESTS), purges.c.journal == bindparam("journal")), "digests"
)

_ADD_JOURNAL = insert(journals).inline()
_ADD_EVENT = Many(insert(events).inline(), *("id", "journal", "seq", "digest", "time", "principal", "body"), plain=True)
_MOVE_HEAD = Many(
    update(journals)
    .where(journals.c.id == bindparam("id_"))
    .values(seq=bindparam("seq_"), head=bindparam("head_"), time=bindparam("time_")),
    *("seq_", "head_", "time_", "id_"),
)
_ADD_BODIES = Many.into(bodies, "id", "digest", "body")
_FILL_BODIES = Many(
    update(bodies).where(bodies.c.id == bindparam("id_")).values(body=bindparam("body_")), "id_", "body_"
)
_DROP_BODIES = update(bodies).where(bodies.c.digest.in_(_DIGESTS)).values(body=None)
_ADD_KNOWN = Many.into(known, "body", "journal", "op", "seq")
_ADD_PURGES = Many.into(purges, "digest", "journal", "seq")
_END_PURGES = Many(
    delete(purges).where(purges.c.digest == bindparam("d"), purges.c.journal == bindparam("j")), "d", "j"
)

# Lines of the state digest. The database sorts them, so that they can be read while they come. It compares UTF-8 bytes,
# which order as code points do. A line of a pointer is sorted whole, since a mirrored journal may hold odd names.
_PAGE = 2000  # lines that are fetched together
_POINT = (
    literal("point ")
    + pointers.c.kind
    + ":"
    + models.c.name
    + case((pointers.c.kind == "label", ":"), (pointers.c.kind == "alias", "@"), else_="")
    + pointers.c.name
    + " "
    + case((pointers.c.to.is_(None), "-"), else_=literal("sha256:") + Hexadecimal(bodies.c.digest))
    + " "
    + cast(pointers.c.seq, Text)
)
_POINTS = (
    select(_POINT.label("line"))
    .join_from(pointers, models, models.c.id == pointers.c.model)
    .outerjoin(bodies, bodies.c.id == pointers.c.to)
    .where(pointers.c.journal == bindparam("journal"))
    .order_by("line")
    .execution_options(yield_per=_PAGE)
)
_PURGES = (
    select(purges.c.digest)
    .where(purges.c.journal == bindparam("journal"))
    .order_by(purges.c.digest)
    .execution_options(yield_per=_PAGE)
)
_TOLD = (
    select(bodies.c.digest)
    .join_from(bodies, known, known.c.body == bodies.c.id)
    .where(known.c.journal == bindparam("journal"), known.c.op == bindparam("op"))
    .order_by(bodies.c.digest)
    .execution_options(yield_per=_PAGE)
)
_PLACED = (
    select(models.c.name, versions.c.ordinal, bodies.c.digest)
    .join_from(models, versions, versions.c.model == models.c.id)
    .join(bodies, bodies.c.id == versions.c.record)
    .where(versions.c.journal == bindparam("journal"))
    .order_by(models.c.name, CodePoints(cast(versions.c.ordinal, Text)))
    .execution_options(yield_per=_PAGE)
)


class JournalTables:
    """Reads journals and bodies."""

    def __init__(self, connection: Connection, streams: Streams) -> None:
        self.connection = connection
        self.streams = streams

    def heads(self) -> list[Head]:
        """Return where every current journal stands, by namespace."""
        return [_head(row) for row in self.connection.execute(_HEADS).all()]

    def head(self, namespace: str) -> Head | None:
        """Return where one stands; the name is compared without case."""
        row = _HEAD_OF.first(self.connection, {"folded": namespace.lower()})
        return None if row is None else _head(row)

    def _journal(self, namespace: str) -> int:
        """Return a current journal's number, -1 when there is none."""
        found = _JOURNAL.scalar(self.connection, {"folded": namespace.lower()})
        return -1 if found is None else found

    def events(self, namespace: str, after: int = 0, limit: int = 1000) -> list[EventRow]:
        """Return events of a journal with ``seq > after``, in order."""
        given = {"journal": self._journal(namespace), "after": after, "limit": limit}
        return [_event(row) for row in self.connection.execute(_EVENTS, given).all()]

    def event(self, digest: str) -> EventRow | None:
        """Return the event with this digest."""
        row = self.connection.execute(_EVENT_WITH, {"digest": raw(digest)}).first()
        return None if row is None else _event(row)

    def actors(self, namespace: str, seqs: Iterable[int]) -> dict[int, str]:
        """Return, by sequence, who wrote events of a journal."""
        journal = self._journal(namespace)
        found: dict[int, str] = {}
        for part in chunks(seqs):
            rows = self.connection.execute(_ACTORS, {"journal": journal, "seqs": part})
            found.update({row.seq: row.principal for row in rows})
        return found

    def bodies(self, digests: Iterable[str]) -> dict[str, bytes]:
        """Return the canonical bytes of those that are here (not purged bytes)."""
        found: dict[str, bytes] = {}
        for part in chunks(map(raw, digests)):
            found |= {text(digest): body for digest, body in _BODIES.all(self.connection, {"digests": part})}
        return found

    def digests_like(self, prefix: str, limit: int = 20) -> list[str]:
        """Return digests of bodies that are here and begin with ``sha256:`` and these hex digits, in order."""
        bounds = span(prefix.removeprefix("sha256:"), 32)
        if bounds is None:
            return []
        given = {"first": bounds[0], "end": bounds[1], "limit": limit}
        return [text(digest) for digest in self.connection.execute(_DIGESTS_LIKE, given).scalars().all()]

    def known(self, digests: Iterable[str]) -> dict[str, list[tuple[str, int]]]:
        """Return, for records and statements that a journal has, its namespaces and the seq of the first telling."""
        found: dict[str, list[tuple[str, int]]] = {}
        for part in chunks(map(raw, digests)):
            for digest, namespace, seq in _KNOWN.all(self.connection, {"digests": part}):
                found.setdefault(text(digest), []).append((namespace, seq))
        return found

    def purged(self, namespace: str, digests: Iterable[str]) -> set[str]:
        """Return those that are purged for a namespace."""
        journal = self._journal(namespace)
        found: set[str] = set()
        for part in chunks(map(raw, digests)):
            rows = _PURGED.all(self.connection, {"digests": part, "journal": journal})
            found |= {text(digest) for (digest,) in rows}
        return found

    def state_lines(self, namespace: str) -> Iterator[str]:
        """Yield the lines of the state digest, sorted as Python sorts text; usable until the look ends."""
        given = {"journal": self._journal(namespace)}
        for (line,) in self._stream(_POINTS, given):
            yield line
        for (digest,) in self._stream(_PURGES, given):
            yield "purge " + text(digest)
        for op in ("record", "statement"):
            for (digest,) in self._stream(_TOLD, given | {"op": op}):
                yield f"{op} {text(digest)}"
        for name, ordinal, digest in self._stream(_PLACED, given):
            yield f"version {name} {ordinal} {text(digest)}"

    def _stream(self, statement: Select[Any], given: Mapping[str, object]) -> Iterator[Any]:
        return iter(self.streams.keep(self.connection.execute(statement, given)))


class JournalWriting(JournalTables):
    """Writes journals and bodies. Numbers of bodies that this transaction met are remembered."""

    def __init__(self, connection: Connection, streams: Streams) -> None:
        super().__init__(connection, streams)
        self._ids: dict[str, int] = {}
        self.numbers = Numbering(connection)

    def put_bodies(self, bodies: Mapping[str, bytes]) -> None:
        """Keep canonical bytes by digest; those that are here already stay."""
        here = self._find(bodies)
        _FILL_BODIES.run(self.connection, [(self._ids[digest], bodies[digest]) for digest, no in here.items() if no])
        self._add({digest: body for digest, body in bodies.items() if digest not in here})

    def _find(self, digests: Iterable[str]) -> dict[str, bool]:
        """Return those that have a number, and whether their body is absent."""
        here: dict[str, bool] = {}
        for part in chunks(map(raw, digests)):
            for digest, id_, absent in _IDS.all(self.connection, {"digests": part}):
                key = text(digest)
                self._ids[key] = id_
                here[key] = absent
        return here

    def _add(self, new: Mapping[str, bytes | None]) -> None:
        if not new:
            return
        rows = []
        # Sorted, so that their index is written from one end to the other.
        for id_, (digest, body) in enumerate(sorted(new.items()), self.numbers.take(bodies, len(new))):
            self._ids[digest] = id_
            rows.append((id_, raw(digest), body))
        _ADD_BODIES.run(self.connection, rows)

    def number(self, digests: Iterable[str]) -> dict[str, int]:
        """Return a mapping that has the numbers of these digests; those never met get one, without a body."""
        wanted = {digest for digest in digests if digest and digest not in self._ids}
        if wanted:
            here = self._find(wanted)
            self._add(dict.fromkeys(wanted - here.keys()))
        return self._ids

    def drop_bodies(self, digests: Iterable[str]) -> None:
        """Forget bytes of purged bodies; their digests stay."""
        for part in chunks(map(raw, digests)):
            self.connection.execute(_DROP_BODIES, {"digests": part})

    def advance(self, head: Head, event: EventRow) -> int:
        """Move a journal's head from ``head`` to the event, or begin the journal; return the journal's number.

        Raises:
            ConflictError: when the journal does not stand at ``head``.
        """
        row = self.connection.execute(_STAND, {"folded": event.namespace.lower()}).first()
        stands = ("", 0, "") if row is None else (text(row.journal), row.seq, text(row.head))
        if stands != (head.journal, head.seq, head.head) or event.seq != head.seq + 1:
            raise ConflictError(
                f"the journal of {event.namespace!r} stands at event {stands[1]}; event {event.seq} does not follow",
                code="head-moved",
                hint="Somebody else wrote meanwhile: read the head again, then try again.",
                stands=stands[1],
                event=event.seq,
            )
        moved = {"seq": event.seq, "head": raw(event.digest), "time": event.time}
        if row is not None:
            _MOVE_HEAD.run(self.connection, [(*moved.values(), row.id)])
            return int(row.id)
        names = {"namespace": event.namespace, "folded": event.namespace.lower(), "home": head.home, "current": True}
        return self._begin(names | moved | {"journal": raw(event.digest)})

    def _begin(self, values: dict[str, object]) -> int:
        id_ = self.numbers.take(journals, 1)
        self.connection.execute(_ADD_JOURNAL, values | {"id": id_})
        return id_

    def add_event(self, journal: int, event: EventRow) -> None:
        """Keep an event."""
        told = (raw(event.digest), event.time, event.principal, event.body)
        _ADD_EVENT.run(self.connection, [(self.numbers.take(events, 1), journal, event.seq, *told)])

    def add_known(self, journal: int, seq: int, told: Iterable[tuple[str, str]]) -> None:
        """Remember that a journal has these (op, digest); the first telling counts."""
        told = list(told)
        ids = self.number(digest for _, digest in told)
        _ADD_KNOWN.run(self.connection, [(ids[digest], journal, op, seq) for op, digest in told])

    def add_purges(self, journal: int, seq: int, purged: Iterable[tuple[str, bool]]) -> None:
        """Drop digests for a journal, or allow them again, in this order."""
        last = {raw(digest): dropped for digest, dropped in purged}
        _END_PURGES.run(self.connection, [(digest, journal) for digest, dropped in last.items() if not dropped])
        _ADD_PURGES.run(self.connection, [(digest, journal, seq) for digest, dropped in last.items() if dropped])


def _head(row: AnyRow) -> Head:
    namespace, journal, home, seq, head, time = row
    return Head(namespace, text(journal), home, seq, text(head), time)


def _event(row: AnyRow) -> EventRow:
    namespace, seq, digest, time, principal, body = row
    return EventRow(namespace, seq, text(digest), time, principal, body)
