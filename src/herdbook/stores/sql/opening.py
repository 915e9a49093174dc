"""What opening a catalogue means in any database: the tables it has, the schema it is of, and its first rows."""

from __future__ import annotations

from importlib.metadata import version

from sqlalchemy import Connection, insert

from herdbook.kernel import digests, times
from herdbook.kernel.errors import HerdbookError, InvalidError
from herdbook.stores.sql import index_tables
from herdbook.stores.sql.schema import REVISIONS, alembic_version, registry

TABLES = index_tables.terms.metadata
"""All tables: those of the index join the others when their module is imported."""


def this_version() -> str:
    """Return which Herdbook this is."""
    return version("herdbook")


def fill(connection: Connection) -> None:
    """Make all tables, and the row that says which registry this is."""
    TABLES.create_all(connection, checkfirst=False)
    alembic_version.create(connection, checkfirst=False)
    connection.execute(insert(alembic_version), {"version_num": REVISIONS[-1]})
    row = {"id": digests.new_id("registry"), "created": times.now(), "written_by": this_version()}
    connection.execute(insert(registry), row)


def check_revision(place: object, revision: str, written_by: str) -> None:
    """Check that a schema is the one that this Herdbook reads.

    Raises:
        InvalidError: ``newer-schema`` or ``older-schema``.
    """
    if revision != REVISIONS[-1]:
        raise _other_schema(place, revision, written_by)


def _other_schema(place: object, revision: str, written_by: str) -> HerdbookError:
    if revision in REVISIONS:
        return InvalidError(
            f"{place} has the older schema {revision}; this Herdbook reads {REVISIONS[-1]}",
            code="older-schema",
            hint="Run `herdbook doctor --migrate`; it keeps a copy.",
            revision=revision,
        )
    return InvalidError(
        f"{place} has the newer schema {revision}, of Herdbook {written_by}; this is Herdbook {this_version()}",
        code="newer-schema",
        hint=f"Install Herdbook {written_by} or newer.",
        revision=revision,
        needs=written_by,
    )
