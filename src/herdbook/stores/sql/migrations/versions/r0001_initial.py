"""The first schema.

Revision ID: 0001
Revises: -
"""

from __future__ import annotations

from alembic import op
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

_ORDERED = Text().with_variant(Text(collation="C"), "postgresql")
_ID = BigInteger().with_variant(Integer(), "sqlite")


def _id(name: str = "id", *more: ForeignKey) -> Column[int]:
    return Column(name, _ID, *more, primary_key=True, autoincrement=False)


def _ref(name: str, target: str, *, nullable: bool = False, key: bool = False) -> Column[int]:
    return Column(name, _ID, ForeignKey(target), nullable=nullable, primary_key=key)


def _sha(name: str, *, nullable: bool = False, key: bool = False) -> Column[bytes]:
    return Column(name, LargeBinary(), nullable=nullable, primary_key=key)


def _text(name: str, *, nullable: bool = False, key: bool = False) -> Column[str]:
    return Column(name, _ORDERED, nullable=nullable, primary_key=key)


def _int(name: str, *, key: bool = False) -> Column[int]:
    return Column(name, _ID, nullable=False, primary_key=key, autoincrement=False)


Table(
    "registry",
    metadata,
    _text("id", key=True),
    _text("created"),
    _text("written_by"),
)

journals = Table(
    "journals",
    metadata,
    _id(),
    _text("namespace"),
    _text("folded"),
    _sha("journal"),
    _text("home"),
    _int("seq"),
    _sha("head"),
    _text("time"),
    Column("current", Boolean(), nullable=False),
    UniqueConstraint("journal"),
)
Index(
    "uq_journals_current",
    journals.c.folded,
    unique=True,
    sqlite_where=journals.c.current,
    postgresql_where=journals.c.current,
)

Table(
    "events",
    metadata,
    _id(),
    _ref("journal", "journals.id"),
    _int("seq"),
    _sha("digest"),
    _text("time"),
    _text("principal"),
    Column("body", LargeBinary(), nullable=False),
    UniqueConstraint("journal", "seq"),
    UniqueConstraint("digest"),
)

Table(
    "bodies",
    metadata,
    _id(),
    _sha("digest"),
    Column("body", LargeBinary()),
    UniqueConstraint("digest"),
)

Table(
    "known",
    metadata,
    _ref("body", "bodies.id", key=True),
    _ref("journal", "journals.id", key=True),
    _text("op"),
    _int("seq"),
    sqlite_with_rowid=False,
)

Table(
    "purges",
    metadata,
    _sha("digest", key=True),
    _ref("journal", "journals.id", key=True),
    _int("seq"),
    sqlite_with_rowid=False,
)

Table(
    "models",
    metadata,
    _id(),
    _text("name"),
    _text("folded"),
    _ref("journal", "journals.id"),
    _int("versions"),
    _int("last"),
    _ref("profile", "bodies.id", nullable=True),
    UniqueConstraint("name"),
    UniqueConstraint("folded"),
)

Table(
    "versions",
    metadata,
    _id("item"),
    _ref("model", "models.id"),
    _int("ordinal"),
    _ref("record", "bodies.id"),
    _ref("journal", "journals.id"),
    _int("seq"),
    UniqueConstraint("model", "ordinal"),
    Index(None, "record"),
)

Table(
    "pointers",
    metadata,
    Column("id", _ID, primary_key=True),
    _ref("model", "models.id"),
    _text("kind"),
    _text("folded"),
    _text("name"),
    _ref("journal", "journals.id"),
    _ref("to", "bodies.id", nullable=True),
    _int("seq"),
    UniqueConstraint("model", "kind", "folded", "name"),
    Index(None, "to"),
)

Table(
    "moves",
    metadata,
    _ref("pointer", "pointers.id", key=True),
    _int("seq", key=True),
    _int("position", key=True),
    _ref("frm", "bodies.id", nullable=True),
    _ref("to", "bodies.id", nullable=True),
    _ref("reason", "bodies.id", nullable=True),
    sqlite_with_rowid=False,
)

Table(
    "statements",
    metadata,
    _id("id", ForeignKey("bodies.id")),
    _text("type"),
    _sha("issuer"),
    _sha("sameness"),
    Index(None, "sameness"),
)

Table(
    "subjects",
    metadata,
    _text("kind", key=True),
    _sha("subject", key=True),
    _ref("statement", "statements.id", key=True),
    sqlite_with_rowid=False,
)

Table(
    "supersedes",
    metadata,
    _ref("old", "bodies.id", key=True),
    _ref("new", "bodies.id", key=True),
    sqlite_with_rowid=False,
)

Table(
    "activities",
    metadata,
    _id("id", ForeignKey("bodies.id")),
    _sha("digest"),
    _text("kind"),
    _text("status"),
    _sha("sameness"),
    UniqueConstraint("digest"),
    Index(None, "sameness"),
)

edges = Table(
    "edges",
    metadata,
    _ref("activity", "bodies.id", key=True),
    _int("position", key=True),
    _text("direction"),
    _text("target_kind"),
    _sha("target"),
    _text("role"),
    _sha("file", nullable=True),
    Index(None, "target", "direction"),
    sqlite_with_rowid=False,
)
Index(
    "ix_edges_file_direction",
    edges.c.file,
    edges.c.direction,
    sqlite_where=edges.c.file.is_not(None),
    postgresql_where=edges.c.file.is_not(None),
)

Table(
    "datasets",
    metadata,
    _id("id", ForeignKey("bodies.id")),
    _sha("digest"),
    _text("scheme"),
    _text("value"),
    _sha("manifest", nullable=True),
    UniqueConstraint("digest"),
    Index(None, "value", "scheme"),
    Index(None, "manifest"),
)

Table(
    "files",
    metadata,
    _ref("record", "bodies.id", key=True),
    _int("position", key=True),
    _text("path"),
    _sha("digest"),
    Column("size", _ID),
    Index(None, "digest"),
    sqlite_with_rowid=False,
)

Table(
    "contents",
    metadata,
    _sha("sha256", key=True),
    _int("size"),
    _sha("md5"),
    _sha("adler32"),
    _sha("git_sha1"),
    Index(None, "md5"),
    Index(None, "adler32"),
    Index(None, "git_sha1"),
)

Table(
    "facts",
    metadata,
    _sha("sha256", key=True),
    _text("reader"),
    _text("reader_version"),
    _text("format"),
    _text("body"),
    Index(None, "reader", "reader_version"),
)

Table("unread", metadata, _sha("sha256", key=True), sqlite_with_rowid=False)

Table(
    "leases",
    metadata,
    _sha("sha256", key=True),
    _text("principal", key=True),
    Column("until", Float(53), nullable=False),
    Index(None, "until"),
    sqlite_with_rowid=False,
)

Table("people", metadata, _text("id", key=True), _text("name", nullable=True), _text("email", nullable=True))

Table(
    "terms",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("field", _ORDERED, nullable=False),
    Column("value", _ORDERED, nullable=False),
    Column("count", Integer, nullable=False),
    UniqueConstraint("field", "value", name="uq_terms_field_value"),
)

Table(
    "postings",
    metadata,
    Column("term", Integer, primary_key=True, autoincrement=False),
    Column("block", Integer, primary_key=True, autoincrement=False),
    Column("data", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

Table(
    "numbers",
    metadata,
    Column("field", _ORDERED, primary_key=True),
    Column("chunk", Integer, primary_key=True, autoincrement=False),
    Column("low", Float(53), nullable=False),
    Column("high", Float(53), nullable=False),
    Column("data", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

Table(
    "documents",
    metadata,
    Column("item", Integer, primary_key=True, autoincrement=False),
    Column("terms", LargeBinary, nullable=False),
    Column("numbers", LargeBinary, nullable=False),
)


def upgrade() -> None:
    """Make all tables."""
    metadata.create_all(op.get_bind(), checkfirst=False)
