"""Alembic runs this file. The connection, in a transaction that the caller ends, is in the configuration."""

from __future__ import annotations

from alembic import context

from herdbook.stores.sql.opening import TABLES

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=TABLES,
    render_as_batch=True,
    compare_type=True,
    compare_server_default=True,
)
context.run_migrations()
