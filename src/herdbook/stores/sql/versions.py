"""Models and their versions, as tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Integer, bindparam, insert, select, update

from herdbook.kernel.errors import ConflictError
from herdbook.model.rows import ModelRow, VersionRow
from herdbook.stores.sql.bulk import AnyRow, Many, chunks
from herdbook.stores.sql.digests import raw, span, text
from herdbook.stores.sql.numbering import Numbering
from herdbook.stores.sql.prepared import Prepared
from herdbook.stores.sql.schema import bodies, events, journals, models, versions

_LIMIT = bindparam("limit", type_=Integer)
_LAST_TEXT = "\U0010ffff"
"""Follows every text that begins alike."""

_MODEL = (
    select(models.c.name, journals.c.namespace, models.c.versions, bodies.c.digest)
    .join_from(models, journals, journals.c.id == models.c.journal)
    .outerjoin(bodies, bodies.c.id == models.c.profile)
)
_MODEL_OF = Prepared(_MODEL.where(models.c.folded == bindparam("folded")))
_MODELS = (
    _MODEL.where(
        models.c.name >= bindparam("prefix"), models.c.name < bindparam("end"), models.c.name > bindparam("after")
    )
    .order_by(models.c.name)
    .limit(_LIMIT)
)
_SAME = select(models.c.name).where(models.c.folded.in_(bindparam("folded", expanding=True)))
_BELOW = select(models.c.name).where(models.c.folded > bindparam("first"), models.c.folded < bindparam("end"))
_LAST_ORDINALS = Prepared(
    select(models.c.folded, models.c.last).where(
        models.c.folded.in_(bindparam("folded", expanding=True)), models.c.last > 0
    ),
    "folded",
)

_VERSION = (
    select(
        versions.c.item,
        journals.c.namespace,
        models.c.name,
        versions.c.ordinal,
        bodies.c.digest,
        versions.c.seq,
        events.c.time,
    )
    .join_from(versions, models, models.c.id == versions.c.model)
    .join(journals, journals.c.id == versions.c.journal)
    .join(bodies, bodies.c.id == versions.c.record)
    .join(events, (events.c.journal == versions.c.journal) & (events.c.seq == versions.c.seq))
)
_OF_MODEL = _VERSION.where(models.c.folded == bindparam("folded"))
_VERSION_AT = Prepared(_OF_MODEL.where(versions.c.ordinal == bindparam("ordinal")))
_OLDEST = Prepared(_OF_MODEL.where(versions.c.ordinal > bindparam("after")).order_by(versions.c.ordinal).limit(_LIMIT))
_NEWEST = Prepared(
    _OF_MODEL.where(versions.c.ordinal < bindparam("after")).order_by(versions.c.ordinal.desc()).limit(_LIMIT)
)
_WITH = Prepared(
    _VERSION.where(bodies.c.digest.in_(bindparam("digests", expanding=True))).order_by(versions.c.item), "digests"
)
_ITEMS = Prepared(_VERSION.where(versions.c.item.in_(bindparam("items", expanding=True))), "items")
_LIKE = _VERSION.where(bodies.c.digest.between(bindparam("first"), bindparam("end")))
_LIKE_ANY = Prepared(_LIKE.order_by(versions.c.item).limit(_LIMIT))
_LIKE_OF = Prepared(_LIKE.where(models.c.folded == bindparam("folded")).order_by(versions.c.item).limit(_LIMIT))

_NUMBERS = select(models.c.name, models.c.id, models.c.versions, models.c.last).where(
    models.c.folded.in_(bindparam("folded", expanding=True))
)
_ADD_MODELS = Many(insert(models).inline(), "id", "name", "folded", "journal", "versions", "last", plain=True)
_COUNT = Many(
    update(models).where(models.c.id == bindparam("m")).values(versions=bindparam("v"), last=bindparam("l")),
    "m",
    "v",
    "l",
)
_ADD_VERSIONS = Many(insert(versions).inline(), "item", "model", "ordinal", "record", "journal", "seq", plain=True)

_FAR = 2**62
"""Beyond every ordinal."""


class VersionTables:
    """Reads models and versions."""

    connection: Connection

    def models(self, prefix: str = "", after: str = "", limit: int = 100) -> list[ModelRow]:
        """Return models whose name begins with ``prefix``, by name, those after ``after``."""
        given = {"prefix": prefix, "end": prefix + _LAST_TEXT, "after": after, "limit": limit}
        return [_model(*row) for row in self.connection.execute(_MODELS, given).all()]

    def model(self, name: str) -> ModelRow | None:
        """Return a model; the name is compared without case."""
        row = _MODEL_OF.first(self.connection, {"folded": name.lower()})
        return None if row is None else _model(*row)

    def clashes(self, name: str) -> list[str]:
        """Return models other than this exact name that equal it without case, lie below it, or above it."""
        folded = name.lower()
        segments = folded.split("/")
        above = ["/".join(segments[:count]) for count in range(1, len(segments) + 1)]
        found = set(self.connection.execute(_SAME, {"folded": above}).scalars())
        below = {"first": folded + "/", "end": folded + "0"}  # 0 follows / in ASCII
        found.update(self.connection.execute(_BELOW, below).scalars())
        return sorted(found - {name})

    def versions(self, model: str, *, after: int = 0, limit: int = 100, newest_first: bool = False) -> list[VersionRow]:
        """Return versions of a model by ordinal; ``after`` is an ordinal, exclusive, 0 for the beginning."""
        given = {"folded": model.lower(), "after": after, "limit": limit}
        if newest_first:
            return self._versions(_NEWEST, given | {"after": after or _FAR})
        return self._versions(_OLDEST, given)

    def _versions(self, asked: Prepared, given: Mapping[str, object]) -> list[VersionRow]:
        return [_version(row) for row in asked.all(self.connection, given)]

    def version(self, model: str, ordinal: int) -> VersionRow | None:
        """Return one version."""
        row = _VERSION_AT.first(self.connection, {"folded": model.lower(), "ordinal": ordinal})
        return None if row is None else _version(row)

    def versions_with(self, records: Iterable[str]) -> list[VersionRow]:
        """Return all versions that are one of these records, by item."""
        parts = [self._versions(_WITH, {"digests": part}) for part in chunks(map(raw, dict.fromkeys(records)))]
        return sorted((row for part in parts for row in part), key=lambda row: row.item)

    def versions_like(self, prefix: str, model: str = "", limit: int = 10) -> list[VersionRow]:
        """Return versions whose record digest begins with ``sha256:`` and these hex digits, by item."""
        bounds = span(prefix.removeprefix("sha256:"), 32)
        if bounds is None:
            return []
        given = {"first": bounds[0], "end": bounds[1], "limit": limit}
        if model:
            return self._versions(_LIKE_OF, given | {"folded": model.lower()})
        return self._versions(_LIKE_ANY, given)

    def items(self, items: Iterable[int]) -> dict[int, VersionRow]:
        """Return versions by this registry's numbers."""
        return {row.item: row for part in chunks(items) for row in self._versions(_ITEMS, {"items": part})}

    def last_ordinals(self, models: Iterable[str]) -> dict[str, int]:
        """Return the highest ordinal of each model that has versions."""
        asked = {name: name.lower() for name in models}
        found: dict[str, int] = {}
        for part in chunks(set(asked.values())):
            found |= {folded: int(last) for folded, last in _LAST_ORDINALS.all(self.connection, {"folded": part})}
        return {name: found[folded] for name, folded in asked.items() if folded in found}


class VersionWriting(VersionTables):
    """Writes models and versions."""

    numbers: Numbering

    def number_models(self, journal: int, names: Iterable[str]) -> dict[str, ModelNumber]:
        """Return models by exact name; those that are new begin to exist.

        Raises:
            ConflictError: when another model has that name but for case.
        """
        wanted = dict.fromkeys(names)
        found: dict[str, ModelNumber] = {}
        for part in chunks({name.lower() for name in wanted}):
            rows = self.connection.execute(_NUMBERS, {"folded": part})
            found |= {name: ModelNumber(*counts) for name, *counts in rows}
        new = [name for name in wanted if name not in found]
        if new:
            taken = {name.lower(): name for name in found}
            first = self.numbers.take(models, len(new))
            for id_, name in enumerate(new, first):
                if (other := taken.setdefault(name.lower(), name)) != name:
                    raise _same_name(name, other)
                found[name] = ModelNumber(id_, 0, 0)
            rows_ = [(id_, name, name.lower(), journal, 0, 0) for id_, name in enumerate(new, first)]
            _ADD_MODELS.run(self.connection, rows_)
        return found

    def add_versions(
        self,
        journal: int,
        seq: int,
        placed: Sequence[tuple[str, int, str]],
        numbers: Mapping[str, ModelNumber],
        ids: Mapping[str, int],
    ) -> list[int]:
        """Add versions (model, ordinal, record); return their items, in order.

        Args:
            journal: the journal's number.
            seq: of the event.
            placed: model, ordinal and record of each.
            numbers: what ``number_models`` gave.
            ids: numbers of the records.
        """
        first = self.numbers.take(versions, len(placed))
        rows = []
        for item, (name, ordinal, record) in enumerate(placed, first):
            model = numbers[name]
            model.versions += 1
            model.last = max(model.last, ordinal)
            rows.append((item, model.id, ordinal, ids[record], journal, seq))
        _ADD_VERSIONS.run(self.connection, rows)
        changed = {name: numbers[name] for name, _, _ in placed}
        _COUNT.run(self.connection, [(model.id, model.versions, model.last) for model in changed.values()])
        return list(range(first, first + len(placed)))


@dataclass(slots=True)
class ModelNumber:
    """A model's number, how many versions it has, and its highest ordinal."""

    id: int
    versions: int
    last: int


def _same_name(name: str, other: str) -> ConflictError:
    return ConflictError(
        f"{name!r} and {other!r} are the same name but for case",
        code="name-clash",
        hint=f"Write {other}, or choose another name.",
    )


def _model(name: str, namespace: str, versions: int, profile: bytes | None) -> ModelRow:
    return ModelRow(name, namespace, versions, text(profile) if profile else "")


def _version(row: AnyRow) -> VersionRow:
    item, namespace, model, ordinal, record, seq, time = row
    return VersionRow(item, namespace, model, ordinal, text(record), seq, time)
