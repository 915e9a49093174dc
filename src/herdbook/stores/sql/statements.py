"""Statements: what they are about, what they supersede, as tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlalchemy import Connection, bindparam, select

from herdbook.model.rows import Projection, StatementRow
from herdbook.stores.sql.bulk import AnyRow, Many, chunks
from herdbook.stores.sql.digests import pack, raw, text, unpack
from herdbook.stores.sql.prepared import Prepared
from herdbook.stores.sql.schema import bodies, journals, known, statements, subjects, supersedes

_ABOUT = (
    select(
        bodies.c.digest,
        journals.c.namespace,
        known.c.seq,
        statements.c.type,
        statements.c.issuer,
        subjects.c.kind,
        subjects.c.subject,
    )
    .join_from(subjects, statements, statements.c.id == subjects.c.statement)
    .join(bodies, bodies.c.id == statements.c.id)
    .join(known, known.c.body == statements.c.id)
    .join(journals, journals.c.id == known.c.journal)
    .where(
        subjects.c.kind.in_([bindparam("kind"), bindparam("other")]),
        subjects.c.subject.in_(bindparam("subjects", expanding=True)),
    )
)
_ABOUT_ANY = Prepared(_ABOUT, "subjects")
_ABOUT_TYPE = Prepared(_ABOUT.where(statements.c.type == bindparam("type")), "subjects")
_SUBJECTS = (
    select(subjects.c.subject)
    .join_from(subjects, statements, statements.c.id == subjects.c.statement)
    .where(subjects.c.kind == bindparam("kind"), statements.c.type == bindparam("type"))
    .distinct()
    .order_by(subjects.c.subject)
)

_OLD, _NEW = bodies.alias("old_body"), bodies.alias("new_body")
_SUPERSEDED = Prepared(
    (
        select(_NEW.c.digest.label("new"), _OLD.c.digest.label("old"))
        .join_from(_OLD, supersedes, supersedes.c.old == _OLD.c.id)
        .join(_NEW, _NEW.c.id == supersedes.c.new)
        .where(_OLD.c.digest.in_(bindparam("digests", expanding=True)))
        .order_by(supersedes.c.new, supersedes.c.old)
    ),
    "digests",
)
_SAME = Prepared(
    (
        select(statements.c.sameness, bodies.c.digest)
        .join_from(statements, bodies, bodies.c.id == statements.c.id)
        .where(statements.c.sameness.in_(bindparam("sameness", expanding=True)))
        .order_by(statements.c.id)
    ),
    "sameness",
)

_ADD_STATEMENTS = Many.into(statements, "id", "type", "issuer", "sameness")
_ADD_SUBJECTS = Many.into(subjects, "kind", "subject", "statement")
_ADD_SUPERSEDES = Many.into(supersedes, "old", "new")


class StatementTables:
    """Reads statements."""

    connection: Connection

    def statements(self, subjects: Iterable[tuple[str, str]], type_: str = "") -> list[StatementRow]:
        """Return statements about subjects (kind, text), by namespace and seq; ``type_`` narrows when it is given."""
        wanted = dict.fromkeys((kind, pack(subject)) for kind, subject in subjects)
        asked = _ABOUT_TYPE if type_ else _ABOUT_ANY
        more = {"type": type_} if type_ else {}
        found: list[StatementRow] = []
        for kinds in chunks(dict.fromkeys(kind for kind, _ in wanted), 2):  # most ask of a record and of its model
            for part in chunks(dict.fromkeys(subject for kind, subject in wanted if kind in kinds)):
                rows = asked.all(self.connection, {"kind": kinds[0], "other": kinds[-1], "subjects": part} | more)
                found += [_statement(row) for row in rows if row[5:] in wanted]
        return sorted(found, key=lambda row: (row.namespace, row.seq, row.digest, row.subject_kind, row.subject))

    def subjects(self, kind: str, type_: str) -> list[str]:
        """Return what statements of a type are about, of one kind of subject, in order."""
        rows = self.connection.execute(_SUBJECTS, {"kind": kind, "type": type_})
        return [unpack(subject) for subject in rows.scalars()]

    def superseded(self, digests: Iterable[str]) -> list[tuple[str, str]]:
        """Return (new, old) for statements that supersede one of these, in the order of entry."""
        found: list[tuple[str, str]] = []
        for part in chunks(map(raw, dict.fromkeys(digests))):
            found += [(text(new), text(old)) for new, old in _SUPERSEDED.all(self.connection, {"digests": part})]
        return found

    def same_statement(self, sameness: Iterable[str]) -> dict[str, list[str]]:
        """Return, by sameness, digests of statements that say the same but for the time, in the order of entry."""
        found: dict[str, list[str]] = {}
        for part in chunks(map(pack, dict.fromkeys(sameness))):
            for key, digest in _SAME.all(self.connection, {"sameness": part}):
                found.setdefault(unpack(key), []).append(text(digest))
        return found


class StatementWriting(StatementTables):
    """Writes statements."""

    def add_statements(self, projection: Projection, ids: Mapping[str, int]) -> None:
        """Add statements, their subjects and what they supersede. ``ids``: numbers of the digests."""
        rows = [(ids[digest], type_, pack(issuer), pack(same)) for digest, type_, issuer, same in projection.statements]
        _ADD_STATEMENTS.run(self.connection, rows, order=3)
        about = [(kind, pack(subject), ids[statement]) for statement, kind, subject in projection.subjects]
        _ADD_SUBJECTS.run(self.connection, about, order=1)
        _ADD_SUPERSEDES.run(self.connection, [(ids[old], ids[new]) for new, old in projection.supersedes])


def _statement(row: AnyRow) -> StatementRow:
    digest, namespace, seq, type_, issuer, kind, subject = row
    return StatementRow(text(digest), namespace, seq, type_, unpack(issuer), kind, unpack(subject))
