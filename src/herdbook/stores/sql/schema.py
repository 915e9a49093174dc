"""The tables of the catalogue. One ``metadata`` for all of them; Alembic compares it with the migrations."""

from __future__ import annotations

from sqlalchemy import MetaData

metadata = MetaData()
