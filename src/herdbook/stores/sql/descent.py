"""What descends from records, through any number of activities: one recursive statement, whatever there is."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, LargeBinary, bindparam, func, select, text, type_coerce

from herdbook.model.rows import Descendant
from herdbook.stores.sql.bulk import chunks
from herdbook.stores.sql.digests import pack, unpack
from herdbook.stores.sql.prepared import Prepared
from herdbook.stores.sql.schema import bodies, datasets, edges, models, versions

_INTO, _OUT = edges.alias("into_"), edges.alias("out_")
# Activities have numbers, which are quicker to keep apart than digests.
_FIRST = (
    select(edges.c.activity)
    .where(edges.c.target.in_(bindparam("targets", expanding=True)), edges.c.direction == "in")
    .cte("ran", recursive=True)
)
_MADE_BY = (_OUT.c.direction == "out") & (_OUT.c.target_kind == "record")
_RAN = _FIRST.union(
    select(_INTO.c.activity)
    .select_from(_FIRST)
    .join(_OUT, (_OUT.c.activity == _FIRST.c.activity) & _MADE_BY)
    .join(_INTO, (_INTO.c.target == _OUT.c.target) & (_INTO.c.direction == "in"))
)
# Outer joins, so that SQLite begins with what ran, and not with all edges there are; rows without a body are left out.
_DESCENDANTS = Prepared(
    select(bodies.c.id, _OUT.c.target, versions.c.model, versions.c.ordinal)
    .select_from(_RAN)
    .outerjoin(_OUT, (_OUT.c.activity == _RAN.c.activity) & _MADE_BY)
    .outerjoin(bodies, bodies.c.digest == type_coerce(func.substr(_OUT.c.target, 2), LargeBinary))
    .outerjoin(versions, versions.c.record == bodies.c.id),
    "targets",
)
_DATASETS = Prepared(select(datasets.c.id).where(datasets.c.id.in_(bindparam("bodies", expanding=True))), "bodies")
_NAMES = Prepared(
    select(models.c.id, models.c.name).where(models.c.id.in_(bindparam("models", expanding=True))), "models"
)

_MADE = edges.alias("made")
_NAMED = Prepared(
    select(edges.c.target, _MADE.c.target)
    .join_from(edges, _MADE, (_MADE.c.activity == edges.c.activity) & (_MADE.c.direction == "out"))
    .where(text("edges.target_kind = 'id' AND edges.direction = 'in'"), _MADE.c.target_kind == "record")
)
_RESOLVING = Prepared(select(edges.c.target).where(text("direction = 'resolves'")).distinct())


class DescentTables:
    """Reads what descends from what."""

    connection: Connection

    def descendants(self, targets: Iterable[str]) -> list[Descendant]:
        """Return what was made with these, and with what was made with them, and so on, each version by itself.

        Costs what is found. What several activities made stands there several times.
        """
        rows = [
            row
            for part in chunks(map(pack, dict.fromkeys(targets)))
            for row in _DESCENDANTS.all(self.connection, {"targets": part})
            if row[0] is not None
        ]
        names: dict[int | None, str] = {None: ""}
        for part in chunks({row[2] for row in rows} - {None}):
            names |= dict(_NAMES.all(self.connection, {"models": part}))
        sets: set[int] = set()
        for part in chunks({body for body, _, model, _ in rows if model is None}):
            sets.update(body for (body,) in _DATASETS.all(self.connection, {"bodies": part}))
        return [(unpack(target), names[model], ordinal or 0, body in sets) for body, target, model, ordinal in rows]

    def taken_by_name(self) -> list[tuple[str, str]]:
        """Return (id, record) for all that was made with something that is named by its id alone."""
        return [(unpack(name), unpack(made)) for name, made in _NAMED.all(self.connection, {})]

    def resolving(self) -> list[str]:
        """Return records that resolve another, as statements say; some of these may no longer be current."""
        return [unpack(target) for (target,) in _RESOLVING.all(self.connection, {})]
