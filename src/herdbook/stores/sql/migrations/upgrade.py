"""Runs Alembic over a database: any, within a transaction; a SQLite file, from one end to the other."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, create_engine, update
from sqlalchemy.pool import NullPool

from herdbook.kernel.errors import CorruptError
from herdbook.stores.sql.opening import this_version
from herdbook.stores.sql.schema import registry


def run(connection: Connection, revision: str) -> None:
    """Bring the tables to a revision, in a transaction that was begun and that the caller ends."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.attributes["connection"] = connection
    if not connection.in_transaction():
        connection.begin()  # in SQLAlchemy's eyes: else Alembic would begin one, and end it
    command.upgrade(config, revision)
    connection.execute(update(registry).values(written_by=this_version()))


def upgrade(path: Path, patience_s: float, revision: str = "head") -> None:
    """Bring a database to a revision, in one transaction: after an error it is as it was.

    Args:
        path: the file; an empty one becomes a database without rows.
        patience_s: how long to wait for another writer, in seconds.
        revision: how far to go.

    Raises:
        CorruptError: when rows refer to rows that are not there.
    """
    engine = create_engine(
        "sqlite+pysqlite://",
        creator=lambda: sqlite3.connect(path, timeout=patience_s, isolation_level=None),
        poolclass=NullPool,
    )
    with engine.connect() as connection:
        # A table may be rebuilt under another name; keys that refer to it are checked when all is done.
        connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
        connection.exec_driver_sql("PRAGMA synchronous=FULL")
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        run(connection, revision)
        if connection.exec_driver_sql("PRAGMA foreign_key_check").first() is not None:
            raise CorruptError(
                f"{path} has rows that refer to rows which are not there; it was left as it was",
                code="catalogue-corrupt",
                hint="Restore a backup, or import the bundle of each namespace into a new registry.",
            )
        connection.exec_driver_sql("COMMIT")
