"""Pointers and their moves, as tables. A pointer lies with its model: kind, then the label's or alias's own name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, update

from herdbook.kernel.errors import InvalidError
from herdbook.model.rows import MoveRow, PointerRow
from herdbook.stores.sql.bulk import AnyRow, Many, chunks
from herdbook.stores.sql.digests import raw, text
from herdbook.stores.sql.prepared import Prepared
from herdbook.stores.sql.schema import bodies, events, journals, models, moves, pointers
from herdbook.stores.sql.versions import ModelNumber

_SHAPES = {
    "label": re.compile(r"label:([^:]+):([^:]+)", re.DOTALL),
    "alias": re.compile(r"alias:([^@]+)@([^@]+)", re.DOTALL),
    "profile": re.compile(r"profile:([^:@]+)()", re.DOTALL),
}
_BETWEEN = {"label": ":", "alias": "@", "profile": ""}

_POINTER = (
    select(
        models.c.name.label("model"),
        pointers.c.kind,
        pointers.c.name,
        journals.c.namespace,
        bodies.c.digest,
        pointers.c.seq,
    )
    .join_from(pointers, models, models.c.id == pointers.c.model)
    .join(journals, journals.c.id == pointers.c.journal)
    .outerjoin(bodies, bodies.c.id == pointers.c.to)
)
# Labels that differ by case only can follow one another: the one that leads somewhere is meant, then the later one.
_FOLDED = (
    models.c.folded == bindparam("model"),
    pointers.c.kind == bindparam("kind"),
    pointers.c.folded == bindparam("folded"),
)
_POINTER_OF = Prepared(
    _POINTER.where(*_FOLDED)
    .order_by(pointers.c.to.is_(None), pointers.c.seq.desc(), pointers.c.position.desc())
    .limit(1)
)
_POINTERS = Prepared(
    (
        _POINTER.add_columns(models.c.folded.label("folded_model"))
        .where(models.c.folded.in_(bindparam("models", expanding=True)))
        .order_by(pointers.c.seq.desc(), pointers.c.position.desc())
    ),
    "models",
)
_TARGET = bodies.alias("target")
_TARGETS = select(_TARGET.c.id).where(_TARGET.c.digest.in_(bindparam("digests", expanding=True)))
_POINTERS_TO = Prepared(
    _POINTER.where(pointers.c.to.in_(_TARGETS)).order_by(  # through the index on `to`, not the outer join
        models.c.name, pointers.c.kind, pointers.c.name
    ),
    "digests",
)
_ALIASES = Prepared(
    _POINTER.where(models.c.name.in_(bindparam("models", expanding=True)), pointers.c.kind == "alias").order_by(
        models.c.name, pointers.c.name
    ),
    "models",
)

_FRM, _TO, _REASON = bodies.alias("frm_body"), bodies.alias("to_body"), bodies.alias("reason_body")
_MOVES = (
    select(
        models.c.name.label("model"),
        pointers.c.kind,
        pointers.c.name,
        moves.c.seq,
        _FRM.c.digest.label("frm"),
        _TO.c.digest.label("to"),
        _REASON.c.digest.label("reason"),
        events.c.time,
        events.c.principal,
    )
    .join_from(pointers, models, models.c.id == pointers.c.model)
    .join(moves, moves.c.pointer == pointers.c.id)
    .join(events, (events.c.journal == pointers.c.journal) & (events.c.seq == moves.c.seq))
    .outerjoin(_FRM, _FRM.c.id == moves.c.frm)
    .outerjoin(_TO, _TO.c.id == moves.c.to)
    .outerjoin(_REASON, _REASON.c.id == moves.c.reason)
    .where(*_FOLDED)
    .order_by(moves.c.seq, moves.c.position)
)

_SET = Many.over(
    pointers,
    *("model", "kind", "folded", "name", "journal", "to", "seq", "position"),
    key=["model", "kind", "folded", "name"],
)
_THIS = (
    select(pointers.c.id)
    .where(
        pointers.c.model == bindparam("m"),
        pointers.c.kind == bindparam("k"),
        pointers.c.folded == bindparam("f"),
        pointers.c.name == bindparam("n"),
    )
    .scalar_subquery()
)
_ADD_MOVES = Many(
    insert(moves)
    .values(
        pointer=_THIS,
        seq=bindparam("seq_"),
        position=bindparam("position_"),
        frm=bindparam("frm_"),
        to=bindparam("to_"),
        reason=bindparam("reason_"),
    )
    .inline(),
    *("m", "k", "f", "n", "seq_", "position_", "frm_", "to_", "reason_"),
)
_PROFILE = Many(update(models).where(models.c.id == bindparam("m")).values(profile=bindparam("p")), "m", "p")


def split(pointer: str) -> tuple[str, str, str]:
    """Return (kind, model, name) of a pointer; the name of a profile is empty.

    Raises:
        InvalidError: when it is none.
    """
    kind = pointer.partition(":")[0]
    match = _SHAPES[kind].fullmatch(pointer) if kind in _SHAPES else None
    if match is None:
        raise InvalidError(
            f"{pointer!r} is not a pointer",
            code="bad-pointer",
            hint="Pointers are label:MODEL:LABEL, alias:MODEL@ALIAS and profile:MODEL.",
        )
    return kind, match[1], match[2]


class PointerTables:
    """Reads pointers."""

    connection: Connection

    def pointer(self, pointer: str) -> PointerRow | None:
        """Return where a pointer leads; labels are compared without case."""
        row = _POINTER_OF.first(self.connection, _folded(pointer))
        return None if row is None else _pointer(row)

    def pointers(self, models: Iterable[str]) -> dict[str, list[PointerRow]]:
        """Return all pointers of models, newest move first, cleared ones too."""
        asked = {name: name.lower() for name in models}
        found: dict[str, list[PointerRow]] = {folded: [] for folded in asked.values()}
        for part in chunks(list(found)):
            for *row, folded in _POINTERS.all(self.connection, {"models": part}):
                found[folded].append(_pointer(row))
        return {name: found[folded] for name, folded in asked.items() if found[folded]}

    def pointers_to(self, records: Iterable[str]) -> list[PointerRow]:
        """Return pointers that lead to these digests, by model, kind and name."""
        found: list[PointerRow] = []
        for part in chunks(map(raw, dict.fromkeys(records))):
            found += [_pointer(row) for row in _POINTERS_TO.all(self.connection, {"digests": part})]
        return found

    def aliases(self, models: Iterable[str]) -> list[PointerRow]:
        """Return the aliases of models, by model and name, cleared ones too."""
        return [_pointer(row) for part in chunks(models) for row in _ALIASES.all(self.connection, {"models": part})]

    def moves(self, pointer: str) -> list[MoveRow]:
        """Return the moves of a pointer, oldest first; labels are compared without case."""
        rows = self.connection.execute(_MOVES, _folded(pointer))
        return [
            MoveRow(_join(kind, model, name), seq, _maybe(frm), _maybe(to), _maybe(reason), time, principal)
            for model, kind, name, seq, frm, to, reason, time, principal in rows
        ]


class PointerWriting(PointerTables):
    """Moves pointers."""

    def add_moves(
        self,
        journal: int,
        seq: int,
        moved: Sequence[tuple[str, str, str, str]],
        numbers: Mapping[str, ModelNumber],
        ids: Mapping[str, int],
    ) -> None:
        """Move pointers (pointer, from, to, reason), in this order.

        Args:
            journal: the journal's number.
            seq: of the event.
            moved: what moves; from, to and reason are empty where absent.
            numbers: the models of the pointers.
            ids: numbers of the digests.
        """
        keys = [_key(pointer, numbers) for pointer, *_ in moved]
        places = [
            (seq, position, ids.get(frm), ids.get(to), ids.get(reason))
            for position, (_, frm, to, reason) in enumerate(moved)
        ]
        last = {key: (journal, place[3], seq, place[1]) for key, place in zip(keys, places, strict=True)}
        _SET.run(self.connection, [key + place for key, place in last.items()])
        _ADD_MOVES.run(self.connection, [key + place for key, place in zip(keys, places, strict=True)])
        profiles = {key[0]: place[1] for key, place in last.items() if key[1] == "profile"}
        _PROFILE.run(self.connection, profiles.items())


def _key(pointer: str, numbers: Mapping[str, ModelNumber]) -> tuple[int, str, str, str]:
    kind, model, name = split(pointer)
    return numbers[model].id, kind, name.lower(), name


def models_of(moved: Iterable[tuple[str, str, str, str]]) -> Iterator[str]:
    """Yield the models of pointers."""
    return (split(pointer)[1] for pointer, *_ in moved)


def _folded(pointer: str) -> dict[str, str]:
    kind, model, name = split(pointer)
    return {"model": model.lower(), "kind": kind, "folded": name.lower()}


def _join(kind: str, model: str, name: str) -> str:
    return f"{kind}:{model}{_BETWEEN[kind]}{name}"


def _pointer(row: AnyRow | Sequence[Any]) -> PointerRow:
    model, kind, name, namespace, to, seq = row
    return PointerRow(_join(kind, model, name), namespace, model, _maybe(to), seq)


def _maybe(digest: bytes | None) -> str:
    return text(digest) if digest else ""
