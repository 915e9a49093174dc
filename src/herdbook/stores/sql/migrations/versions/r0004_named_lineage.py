"""What is known by its id alone, and which record is another's fuller telling, are found without reading all edges.

Revision ID: 0004
Revises: 0003
"""

from __future__ import annotations

from alembic import op
from sqlalchemy import text

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add an index on edges for each."""
    for name, where in (
        ("ix_edges_named", "target_kind = 'id' AND direction = 'in'"),
        ("ix_edges_resolves", "direction = 'resolves'"),
    ):
        op.create_index(name, "edges", ["target"], sqlite_where=text(where), postgresql_where=text(where))
