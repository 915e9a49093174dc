"""Moves of one event have an order, and activities of a rare kind are found without reading all others.

Revision ID: 0002
Revises: 0001
"""

from __future__ import annotations

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, column, func, select, table, text

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_ID = BigInteger().with_variant(Integer(), "sqlite")
_POINTERS = table("pointers", column("id"), column("seq"), column("position"))
_MOVES = table("moves", column("pointer"), column("seq"), column("position"))


def upgrade() -> None:
    """Add ``pointers.position``, worked out from the moves, and an index on activities by kind."""
    with op.batch_alter_table("pointers") as batch:
        batch.add_column(Column("position", _ID, nullable=False, server_default=text("0")))
    last = (
        select(func.max(_MOVES.c.position))
        .where(_MOVES.c.pointer == _POINTERS.c.id, _MOVES.c.seq == _POINTERS.c.seq)
        .scalar_subquery()
    )
    op.execute(_POINTERS.update().values(position=func.coalesce(last, 0)))
    op.create_index("ix_activities_kind_digest", "activities", ["kind", "digest"])
