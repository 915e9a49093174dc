"""What a registry notes for itself: answers it gave, how far a task is.

Revision ID: 0003
Revises: 0002
"""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, Float, LargeBinary, Text

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_TEXT = Text().with_variant(Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Add ``memos``."""
    op.create_table(
        "memos",
        Column("scope", _TEXT, primary_key=True, nullable=False),
        Column("key", _TEXT, primary_key=True, nullable=False),
        Column("value", LargeBinary, nullable=False),
        Column("until", Float(53), nullable=False),
    )
    op.create_index("ix_memos_until", "memos", ["until"])
