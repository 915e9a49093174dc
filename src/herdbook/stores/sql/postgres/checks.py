"""What PostgreSQL can say about the soundness of our tables."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection, ForeignKeyConstraint, func, select
from sqlalchemy.exc import DBAPIError

from herdbook.stores.sql import opening

_FEW = 100
"""So many problems of one sort are told at most."""

_NAMES = "SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'i')"
_KEYS = (
    "SELECT conname FROM pg_constraint "
    "WHERE connamespace = current_schema()::regnamespace AND convalidated AND contype = 'f'"
)
_INVALID = (
    "SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid "
    "WHERE c.relnamespace = current_schema()::regnamespace AND NOT (i.indisvalid AND i.indisready)"
)
_FAILURES = "SELECT checksum_failures FROM pg_stat_database WHERE datname = current_database()"
_AMCHECK = "SELECT count(*) FROM pg_extension WHERE extname = 'amcheck'"
_BTREES = (
    "SELECT c.relname, c.oid FROM pg_class c JOIN pg_am a ON a.oid = c.relam "
    "WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'i' AND a.amname = 'btree'"
)


def problems(connection: Connection) -> list[str]:
    """Return what is missing, invalid or broken; empty when nothing is.

    Indices are read with ``amcheck`` where the database has that extension and lets us.
    """
    return [*_missing(connection), *_broken(connection), *_dangling(connection), *_unordered(connection)]


def _missing(connection: Connection) -> Iterator[str]:
    there = set(connection.exec_driver_sql(_NAMES).scalars())
    keys = set(connection.exec_driver_sql(_KEYS).scalars())
    for table in opening.TABLES.sorted_tables:
        names = {str(table.name), *(str(index.name) for index in table.indexes)}
        names.update(str(rule.name) for rule in table.constraints if not isinstance(rule, ForeignKeyConstraint))
        yield from (f"{name} is missing" for name in sorted(names - there))
        references = {str(rule.name) for rule in table.foreign_key_constraints}
        yield from (f"the reference {name} is not enforced" for name in sorted(references - keys))


def _broken(connection: Connection) -> Iterator[str]:
    for name in connection.exec_driver_sql(_INVALID).scalars():
        yield f"the index {name} is not valid: REINDEX makes it anew"
    failures = connection.exec_driver_sql(_FAILURES).scalar()
    if failures:
        yield f"PostgreSQL found {failures} pages whose checksum is wrong"


def _dangling(connection: Connection) -> Iterator[str]:
    """Yield rows that refer to none: PostgreSQL refuses them, but a restore may have been told not to."""
    for table in opening.TABLES.sorted_tables:
        for key in table.foreign_keys:
            parent = key.column.table.alias("parent")
            lost = (
                select(func.count())
                .select_from(table.outerjoin(parent, parent.c[key.column.name] == key.parent))
                .where(key.parent.is_not(None), parent.c[key.column.name].is_(None))
            )
            number = connection.execute(lost).scalar()
            if number:
                yield f"{number} rows of {table.name} refer to a row of {key.column.table.name} that is not there"


def _unordered(connection: Connection) -> Iterator[str]:
    if not connection.exec_driver_sql(_AMCHECK).scalar():
        return
    for name, oid in connection.exec_driver_sql(_BTREES).all()[:_FEW]:
        try:
            connection.exec_driver_sql("SELECT bt_index_check(%s::oid, true)", (oid,))
        except DBAPIError as error:
            code = getattr(error.orig, "sqlstate", "")
            if code == "42501":  # the extension is there, and not for us
                return
            if code not in {"XX001", "XX002"}:
                raise
            yield f"the index {name} does not fit its table: {str(error.orig).splitlines()[0]}"
