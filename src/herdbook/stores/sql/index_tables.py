"""Tables of the search index. All of it is derived: it can be emptied and built again from bodies and facts.

A posting list is kept in blocks of ``BLOCK`` items, so that words that are in half of all versions cost no more to
combine than rare ones (ADR 0003). ``index_blocks`` has the formats of the packed columns.
"""

from __future__ import annotations

from sqlalchemy import Column, Float, Integer, LargeBinary, Table, UniqueConstraint

from herdbook.stores.sql.schema import ORDERED, metadata

terms = Table(
    "terms",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("field", ORDERED, nullable=False),  # "?" for presence: its value is a field, or empty for every version
    Column("value", ORDERED, nullable=False),
    Column("count", Integer, nullable=False),  # of items in its postings, exact
    UniqueConstraint("field", "value", name="uq_terms_field_value"),
)

postings = Table(
    "postings",
    metadata,
    Column("term", Integer, primary_key=True, autoincrement=False),
    Column("block", Integer, primary_key=True, autoincrement=False),  # item // BLOCK
    Column("data", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

numbers = Table(
    "numbers",
    metadata,
    Column("field", ORDERED, primary_key=True),
    Column("chunk", Integer, primary_key=True, autoincrement=False),  # item // CHUNK
    Column("low", Float(53), nullable=False),  # the least and the greatest number here
    Column("high", Float(53), nullable=False),
    Column("data", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

documents = Table(
    "documents",
    metadata,
    Column("item", Integer, primary_key=True, autoincrement=False),
    Column("terms", LargeBinary, nullable=False),
    Column("numbers", LargeBinary, nullable=False),
)
