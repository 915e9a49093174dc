"""Activities, their inputs and outputs, and datasets, as tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import BigInteger, Connection, Select, bindparam, select, union_all

from herdbook.model.rows import EdgeRow, Projection
from herdbook.stores.sql.bulk import Many, chunks
from herdbook.stores.sql.digests import pack, raw, text, unpack
from herdbook.stores.sql.prepared import Prepared
from herdbook.stores.sql.schema import activities, bodies, datasets, edges

_LIMIT = bindparam("limit", type_=BigInteger)
_LAST_TEXT = "\U0010ffff"
_EDGE = select(
    edges.c.activity,
    edges.c.position,
    bodies.c.digest,
    edges.c.direction,
    edges.c.target_kind,
    edges.c.target,
    edges.c.role,
    edges.c.file,
).join_from(edges, bodies, bodies.c.id == edges.c.activity)
_EDGES = Prepared(
    _EDGE.where(bodies.c.digest.in_(bindparam("digests", expanding=True))).order_by(edges.c.activity, edges.c.position),
    "digests",
)
_AT = tuple(  # two, so that each follows its index
    _EDGE.where(column.in_(bindparam("targets", expanding=True)), edges.c.direction == bindparam("direction"))
    for column in (edges.c.target, edges.c.file)
)
_EDGES_AT = (Prepared(union_all(*_AT), "targets"),)
_FEW_EDGES_AT = tuple(  # for one target no further than the limit
    Prepared(at.order_by(edges.c.activity, edges.c.position).limit(_LIMIT), "targets") for at in _AT
)

_ACTIVITIES = (
    select(activities.c.digest)
    .where(activities.c.digest > bindparam("after"))
    .order_by(activities.c.digest)
    .limit(_LIMIT)
)
_ACTIVITIES_OF = _ACTIVITIES.where(activities.c.kind == bindparam("kind"))
_SAME = (
    select(activities.c.sameness, activities.c.digest)
    .where(activities.c.sameness.in_(bindparam("sameness", expanding=True)))
    .order_by(activities.c.id)
)

_DATASET = select(datasets.c.digest, datasets.c.scheme, datasets.c.value, datasets.c.manifest).where(
    datasets.c.digest > bindparam("after")
)

_DATASETS_NAMED = (
    select(datasets.c.digest, datasets.c.scheme, datasets.c.value)
    .where(datasets.c.value.in_(bindparam("values", expanding=True)))
    .order_by(datasets.c.digest)
)

_WITH_MANIFEST = (
    select(datasets.c.digest, datasets.c.manifest)
    .where(datasets.c.manifest.in_(bindparam("manifests", expanding=True)))
    .order_by(datasets.c.digest)
)

_ADD_ACTIVITIES = Many.into(activities, "id", "digest", "kind", "status", "sameness")
_ADD_EDGES = Many.into(edges, "activity", "position", "direction", "target_kind", "target", "role", "file")
_ADD_DATASETS = Many.into(datasets, "id", "digest", "scheme", "value", "manifest")


def _datasets(*, scheme: bool, value: bool, prefix: bool) -> Select[Any]:
    statement = _DATASET
    if scheme:
        statement = statement.where(datasets.c.scheme == bindparam("scheme"))
    if value:
        statement = statement.where(datasets.c.value == bindparam("value"))
    if prefix:
        statement = statement.where(datasets.c.value >= bindparam("prefix"), datasets.c.value < bindparam("end"))
    return statement.order_by(datasets.c.digest).limit(_LIMIT)


_DATASETS = {
    (scheme, value, prefix): _datasets(scheme=scheme, value=value, prefix=prefix)
    for scheme in (False, True)
    for value in (False, True)
    for prefix in (False, True)
}


class LineageTables:
    """Reads lineage."""

    connection: Connection

    def same_activity(self, sameness: Iterable[str]) -> dict[str, list[str]]:
        """Return, by sameness, digests of activities, in the order of entry."""
        found: dict[str, list[str]] = {}
        for part in chunks(map(pack, dict.fromkeys(sameness))):
            for key, digest in self.connection.execute(_SAME, {"sameness": part}).all():
                found.setdefault(unpack(key), []).append(text(digest))
        return found

    def edges(self, activities: Iterable[str]) -> list[EdgeRow]:
        """Return inputs and outputs of activities, in the record's order."""
        found: dict[tuple[int, int], EdgeRow] = {}
        for part in chunks(map(raw, dict.fromkeys(activities))):
            found |= _edges(_EDGES.all(self.connection, {"digests": part}))
        return list(found.values())

    def edges_at(self, targets: Iterable[str], direction: str, limit: int = 0) -> list[EdgeRow]:
        """Return edges whose target, or whose ``file``, is one of these, in the order of entry.

        Args:
            targets: what is sought.
            direction: as it was told: ``in`` or ``out``.
            limit: the first so many; 0: no limit.
        """
        found: dict[tuple[int, int], EdgeRow] = {}
        for part in chunks(map(pack, dict.fromkeys(targets))):
            given = {"targets": part, "direction": direction} | ({"limit": limit} if limit else {})
            for asked in _FEW_EDGES_AT if limit else _EDGES_AT:
                found |= _edges(asked.all(self.connection, given))
        return [found[place] for place in sorted(found)[: limit or None]]

    def activities(self, after: str = "", limit: int = 100, kind: str = "") -> list[str]:
        """Return digests of activities, by digest."""
        given = {"after": raw(after) if after else b"", "limit": limit}
        if kind:
            rows = self.connection.execute(_ACTIVITIES_OF, given | {"kind": kind})
        else:
            rows = self.connection.execute(_ACTIVITIES, given)
        return [text(digest) for digest in rows.scalars()]

    def datasets(
        self, *, scheme: str = "", value: str = "", prefix: str = "", after: str = "", limit: int = 100
    ) -> list[tuple[str, str, str, str]]:
        """Return (record, scheme, value, manifest) by record; an exact value or a prefix of the value may narrow."""
        given = {
            "scheme": scheme,
            "value": value,
            "prefix": prefix,
            "end": prefix + _LAST_TEXT,
            "after": raw(after) if after else b"",
            "limit": limit,
        }
        statement = _DATASETS[bool(scheme), bool(value), bool(prefix)]
        return [
            (text(digest), scheme_, value_, text(manifest) if manifest else "")
            for digest, scheme_, value_, manifest in self.connection.execute(statement, given)
        ]

    def datasets_named(self, ids: Iterable[str]) -> dict[str, list[str]]:
        """Return, by ``scheme:value``, records of datasets that have this id."""
        wanted = set(ids)
        found: dict[str, list[str]] = {}
        for part in chunks({id_.partition(":")[2] for id_ in wanted}):
            for digest, scheme, value in self.connection.execute(_DATASETS_NAMED, {"values": part}).all():
                if f"{scheme}:{value}" in wanted:
                    found.setdefault(f"{scheme}:{value}", []).append(text(digest))
        return found

    def datasets_with(self, manifests: Iterable[str]) -> list[tuple[str, str]]:
        """Return (record, manifest) of datasets that have one of these manifests."""
        found: list[tuple[str, str]] = []
        for part in chunks(map(raw, manifests)):
            rows = self.connection.execute(_WITH_MANIFEST, {"manifests": part})
            found += [(text(digest), text(manifest)) for digest, manifest in rows]
        return found


class LineageWriting(LineageTables):
    """Writes lineage."""

    def add_lineage(self, projection: Projection, ids: Mapping[str, int]) -> None:
        """Add activities, their edges, and datasets. ``ids``: numbers of the digests."""
        rows = [(ids[d], raw(d), kind, status, pack(same)) for d, kind, status, same in projection.activities]
        _ADD_ACTIVITIES.run(self.connection, rows, order=1)
        counts: dict[str, int] = {}
        edges_: list[tuple[Any, ...]] = []
        for edge in projection.edges:
            position = counts[edge.activity] = counts.get(edge.activity, -1) + 1
            target, file = pack(edge.target), pack(edge.file) if edge.file else None
            row = (ids[edge.activity], position, edge.direction, edge.target_kind, target, edge.role, file)
            edges_.append(row)
        _ADD_EDGES.run(self.connection, edges_, order=4)
        named = [(ids[d], raw(d), scheme, value, raw(m) if m else None) for d, scheme, value, m in projection.datasets]
        _ADD_DATASETS.run(self.connection, named)


def _edges(rows: Iterable[Any]) -> dict[tuple[int, int], EdgeRow]:
    return {
        (activity, position): EdgeRow(
            text(digest), direction, kind, unpack(target), role, unpack(file) if file is not None else ""
        )
        for activity, position, digest, direction, kind, target, role, file in rows
    }
