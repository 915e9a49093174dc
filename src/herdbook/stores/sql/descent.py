"""What descends from records, through any number of activities: one recursive statement, whatever there is."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, LargeBinary, bindparam, func, select, text, type_coerce

from herdbook.model.rows import Descendant
from herdbook.stores.sql.bulk import chunks
from herdbook.stores.sql.digests import pack, unpack
from herdbook.stores.sql.digests import text as text_of
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
_DESCENDANTS = Prepared(
    select(bodies.c.digest, models.c.name, versions.c.ordinal, datasets.c.id)
    .select_from(_RAN)
    .join(_OUT, (_OUT.c.activity == _RAN.c.activity) & _MADE_BY)
    .join(bodies, bodies.c.digest == type_coerce(func.substr(_OUT.c.target, 2), LargeBinary))
    .outerjoin(versions, versions.c.record == bodies.c.id)
    .outerjoin(models, models.c.id == versions.c.model)
    .outerjoin(datasets, datasets.c.id == bodies.c.id),
    "targets",
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
        return [
            (text_of(digest), model or "", ordinal or 0, dataset is not None)
            for part in chunks(map(pack, dict.fromkeys(targets)))
            for digest, model, ordinal, dataset in _DESCENDANTS.all(self.connection, {"targets": part})
        ]

    def taken_by_name(self) -> list[tuple[str, str]]:
        """Return (id, record) for all that was made with something that is named by its id alone."""
        return [(unpack(name), unpack(made)) for name, made in _NAMED.all(self.connection, {})]

    def resolving(self) -> list[str]:
        """Return records that resolve another, as statements say; some of these may no longer be current."""
        return [unpack(target) for (target,) in _RESOLVING.all(self.connection, {})]
