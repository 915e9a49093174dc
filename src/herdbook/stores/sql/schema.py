"""The tables of the catalogue. One ``metadata`` for all of them; Alembic compares it with the migrations.

A record's or a statement's digest stands once, in ``bodies``; elsewhere stands that row's number. So most tables grow
at their end, and few indices take entries at random places. Digests are bytes, see ``digests.py``.
"""

from __future__ import annotations

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
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

REVISIONS = ("0001", "0002", "0003", "0004")
"""Revisions of the schema, oldest first; the last one is what ``metadata`` says."""

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# Text compares by code points: SQLite's BINARY, its default, does so, and PostgreSQL's collation C.
ORDERED = Text().with_variant(Text(collation="C"), "postgresql")
_ID = BigInteger().with_variant(Integer(), "sqlite")  # SQLite's row number, which costs nothing, is INTEGER only


def _id(name: str = "id", *more: ForeignKey) -> Column[int]:
    return Column(name, _ID, *more, primary_key=True, autoincrement=False)


def _ref(name: str, target: str, *, nullable: bool = False, key: bool = False) -> Column[int]:
    return Column(name, _ID, ForeignKey(target), nullable=nullable, primary_key=key)


def _sha(name: str, *, nullable: bool = False, key: bool = False) -> Column[bytes]:
    return Column(name, LargeBinary(), nullable=nullable, primary_key=key)


def _text(name: str, *, nullable: bool = False, key: bool = False) -> Column[str]:
    return Column(name, ORDERED, nullable=nullable, primary_key=key)


def _int(name: str, *, key: bool = False) -> Column[int]:
    return Column(name, _ID, nullable=False, primary_key=key, autoincrement=False)


registry = Table(
    "registry",
    metadata,
    _text("id", key=True),
    _text("created"),
    _text("written_by"),  # the Herdbook that brought the schema to this revision: an older one is told what it needs
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
# The same condition for PostgreSQL would load its dialect here, a tenth of a start: it is added where that is in use.
Index(
    "uq_journals_current",
    journals.c.folded,
    unique=True,
    sqlite_where=journals.c.current,
)

events = Table(
    "events",
    metadata,
    _id(),
    _ref("journal", "journals.id"),
    _int("seq"),
    _sha("digest"),
    _text("time"),
    _text("principal"),
    Column("body", LargeBinary(), nullable=False),  # last: what stands before it is read without it
    UniqueConstraint("journal", "seq"),
    UniqueConstraint("digest"),
)

bodies = Table(
    "bodies",
    metadata,
    _id(),
    _sha("digest"),
    Column("body", LargeBinary()),  # absent when purged, or named by somebody and never here
    UniqueConstraint("digest"),
)

known = Table(
    "known",
    metadata,
    _ref("body", "bodies.id", key=True),
    _ref("journal", "journals.id", key=True),
    _text("op"),
    _int("seq"),
    sqlite_with_rowid=False,
)

purges = Table(
    "purges",
    metadata,
    _sha("digest", key=True),  # of a body, or of a blob
    _ref("journal", "journals.id", key=True),
    _int("seq"),
    sqlite_with_rowid=False,
)

models = Table(
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

versions = Table(
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

pointers = Table(
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
    Column("position", _ID, nullable=False, server_default=text("0")),  # of the last move, within its event
    UniqueConstraint("model", "kind", "folded", "name"),
    Index(None, "to"),
)

moves = Table(
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

statements = Table(
    "statements",
    metadata,
    _id("id", ForeignKey("bodies.id")),
    _text("type"),
    _sha("issuer"),
    _sha("sameness"),
    Index(None, "sameness"),
)

subjects = Table(
    "subjects",
    metadata,
    _text("kind", key=True),
    _sha("subject", key=True),
    _ref("statement", "statements.id", key=True),
    sqlite_with_rowid=False,
)

supersedes = Table(
    "supersedes",
    metadata,
    _ref("old", "bodies.id", key=True),
    _ref("new", "bodies.id", key=True),
    sqlite_with_rowid=False,
)

activities = Table(
    "activities",
    metadata,
    _id("id", ForeignKey("bodies.id")),
    _sha("digest"),  # once more, so that a listing by digest needs no other table
    _text("kind"),
    _text("status"),
    _sha("sameness"),
    UniqueConstraint("digest"),
    Index(None, "kind", "digest"),
    Index(None, "sameness"),
)

edges = Table(
    "edges",
    metadata,
    _ref("activity", "bodies.id", key=True),  # a statement can hold a blob too
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
)

for _name, _where in (
    ("ix_edges_named", text("target_kind = 'id' AND direction = 'in'")),
    ("ix_edges_resolves", text("direction = 'resolves'")),
):
    Index(_name, edges.c.target, sqlite_where=_where)

datasets = Table(
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

files = Table(
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

contents = Table(
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

facts = Table(
    "facts",
    metadata,
    _sha("sha256", key=True),
    _text("reader"),
    _text("reader_version"),
    _text("format"),
    _text("body"),
    Index(None, "reader", "reader_version"),
)

unread = Table("unread", metadata, _sha("sha256", key=True), sqlite_with_rowid=False)

leases = Table(
    "leases",
    metadata,
    _sha("sha256", key=True),
    _text("principal", key=True),
    Column("until", Float(53), nullable=False),
    Index(None, "until"),
    sqlite_with_rowid=False,
)

people = Table("people", metadata, _text("id", key=True), _text("name", nullable=True), _text("email", nullable=True))

memos = Table(
    "memos",
    metadata,
    _text("scope", key=True),
    _text("key", key=True),
    Column("value", LargeBinary(), nullable=False),
    Column("until", Float(53), nullable=False),  # Unix time in seconds; 0: for ever
    Index(None, "until"),
)

alembic_version = Table(  # Alembic's own, so not among ours
    "alembic_version",
    MetaData(),
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)
