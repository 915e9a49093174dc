"""Files of versions, digests of contents, facts, and who protects bytes, as tables."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Exists,
    Integer,
    Select,
    and_,
    bindparam,
    delete,
    exists,
    or_,
    select,
)

from herdbook.model.facts import Facts
from herdbook.model.files import Content
from herdbook.model.rows import FileRow, Lease
from herdbook.stores.sql.bulk import AnyRow, Many, chunks
from herdbook.stores.sql.digests import pack, raw, span, text, unpack
from herdbook.stores.sql.prepared import Prepared
from herdbook.stores.sql.schema import (
    bodies,
    contents,
    datasets,
    edges,
    facts,
    files,
    journals,
    known,
    leases,
    purges,
    unread,
)

_LIMIT = bindparam("limit", type_=Integer)
_SHA256S: BindParameter[bytes] = bindparam("sha256s", expanding=True)

_FILE = select(bodies.c.digest, files.c.path, files.c.digest.label("file"), files.c.size).join_from(
    files, bodies, bodies.c.id == files.c.record
)
_FILES = Prepared(
    _FILE.where(bodies.c.digest.in_(bindparam("digests", expanding=True))).order_by(files.c.record, files.c.position),
    "digests",
)
_NAMED = Prepared(
    _FILE.where(files.c.digest.in_(bindparam("digests", expanding=True))).order_by(files.c.record, files.c.position),
    "digests",
)

_CONTENT = select(contents.c.size, contents.c.sha256, contents.c.md5, contents.c.adler32, contents.c.git_sha1)
_CONTENTS = Prepared(_CONTENT.where(contents.c.sha256.in_(_SHA256S)), "sha256s")
_ALGORITHMS = {
    "sha256": (contents.c.sha256, 32),
    "git-sha1": (contents.c.git_sha1, 20),
    "md5": (contents.c.md5, 16),
    "adler32": (contents.c.adler32, 4),
}
_NAMED_BY = {
    algorithm: _CONTENT.where(column.in_(bindparam("digests", expanding=True)))
    for algorithm, (column, _) in _ALGORITHMS.items()
}
_LIKE = {
    algorithm: _CONTENT.where(column.between(bindparam("first"), bindparam("end"))).order_by(column).limit(_LIMIT)
    for algorithm, (column, _) in _ALGORITHMS.items()
}

_FACTS = Prepared(
    select(facts.c.sha256, facts.c.body).where(facts.c.sha256.in_(_SHA256S), facts.c.format != ""), "sha256s"
)
_UNREAD = select(unread.c.sha256).order_by(unread.c.sha256).limit(_LIMIT)
_OTHER_READERS = (
    select(facts.c.sha256)
    .where(facts.c.reader > bindparam("after"), facts.c.reader < bindparam("before"))
    .limit(_LIMIT)
)
_OTHER_VERSIONS = tuple(
    select(facts.c.sha256)
    .where(facts.c.reader == bindparam("reader"), facts.c.reader_version > "", compared)
    .limit(_LIMIT)
    for compared in (facts.c.reader_version < bindparam("version"), facts.c.reader_version > bindparam("version"))
)
_LAST_TEXT = "\U0010ffff"

_LEASES = Prepared(
    (
        select(leases.c.principal, leases.c.sha256, leases.c.until)
        .where(leases.c.sha256.in_(_SHA256S), leases.c.until > bindparam("now"))
        .order_by(leases.c.sha256, leases.c.principal)
    ),
    "sha256s",
)


def _is_named(naming: ColumnElement[bytes], record: ColumnElement[int], key: str) -> ColumnElement[bool]:
    """Is there a record that names it, known to a journal that did not purge it?"""
    purged = exists().where(purges.c.digest == bindparam("digest"), purges.c.journal == known.c.journal)
    return exists().where(naming == bindparam(key), naming.is_not(None), known.c.body == record, ~purged)


_NEEDED = select(
    or_(
        _is_named(files.c.digest, files.c.record, "packed"),
        _is_named(edges.c.target, edges.c.activity, "packed"),
        _is_named(edges.c.file, edges.c.activity, "packed"),
        _is_named(datasets.c.manifest, datasets.c.id, "digest"),
    )
)


def _is_named_in(naming: ColumnElement[bytes], record: ColumnElement[int], key: str) -> Exists:
    """Is there a record that names it, known to the journal that is asked about?"""
    of_journal = (known.c.journal == journals.c.id, journals.c.current, journals.c.folded == bindparam("folded"))
    return exists().where(naming == bindparam(key), naming.is_not(None), known.c.body == record, *of_journal)


_NAMES = select(
    and_(
        or_(
            _is_named_in(files.c.digest, files.c.record, "packed"),
            _is_named_in(datasets.c.manifest, datasets.c.id, "digest"),
            _is_named_in(edges.c.target, edges.c.activity, "packed").where(edges.c.target_kind == "blob"),
        ),
        ~exists().where(
            purges.c.digest == bindparam("digest"),
            purges.c.journal == journals.c.id,
            journals.c.current,
            journals.c.folded == bindparam("folded"),
        ),
    )
)

_ADD_FILES = Many.into(files, "record", "position", "path", "digest", "size")
_ADD_CONTENTS = Many.into(contents, "sha256", "size", "md5", "adler32", "git_sha1")
_PUT_FACTS = Many.over(facts, "sha256", "reader", "reader_version", "format", "body", key=["sha256"])
# A file is worth reading when a version has it, its content was here, and nobody read it.
_HAS_FACTS = select(facts.c.sha256).where(facts.c.sha256.in_(_SHA256S))
_HAS_CONTENT = select(contents.c.sha256).where(contents.c.sha256.in_(_SHA256S))
_HAS_FILE = select(exists().where(files.c.digest == bindparam("packed")))
_ADD_UNREAD = Many.into(unread, "sha256")
_END_UNREAD = Many(delete(unread).where(unread.c.sha256 == bindparam("s")), "s")
_PAGE = (
    select(contents.c.sha256).where(contents.c.sha256 > bindparam("after")).order_by(contents.c.sha256).limit(_LIMIT)
)

_PUT_LEASES = Many.over(leases, "sha256", "principal", "until", key=["sha256", "principal"])
_END_LEASES = Many(
    delete(leases).where(leases.c.sha256 == bindparam("s"), leases.c.principal == bindparam("p")), "s", "p"
)
_END_OLD = delete(leases).where(leases.c.until < bindparam("then"))
_DROP_CONTENTS = [delete(table).where(table.c.sha256.in_(_SHA256S)) for table in (contents, facts, unread, leases)]
LEASES_KEPT_S = 90 * 86400.0
"""How long an ended lease is kept, in seconds: garbage collection counts from its end."""


class FileTables:
    """Reads files, contents, facts and leases."""

    connection: Connection

    def files(self, records: Iterable[str]) -> dict[str, list[FileRow]]:
        """Return the files of version records."""
        found: dict[str, list[FileRow]] = {}
        for part in chunks(map(raw, dict.fromkeys(records))):
            for row in map(_file, _FILES.all(self.connection, {"digests": part})):
                found.setdefault(row.record, []).append(row)
        return found

    def files_named(self, digests: Iterable[str]) -> list[FileRow]:
        """Return files of version records that are named by one of these digests, whichever algorithm."""
        found: list[FileRow] = []
        for part in chunks(map(pack, dict.fromkeys(digests))):
            found += map(_file, _NAMED.all(self.connection, {"digests": part}))
        return found

    def contents(self, sha256s: Iterable[str]) -> dict[str, Content]:
        """Return what is known of contents that were once stored or told."""
        found: dict[str, Content] = {}
        for part in chunks(map(raw, sha256s)):
            for content in map(_content, _CONTENTS.all(self.connection, {"sha256s": part})):
                found[content.sha256] = content
        return found

    def contents_named(self, digests: Iterable[str]) -> list[Content]:
        """Return contents one of whose digests, of whichever algorithm, is one of these."""
        found: dict[str, Content] = {}
        by: dict[str, list[bytes]] = {}
        for digest in dict.fromkeys(digests):
            algorithm, _, digits = digest.partition(":")
            by.setdefault(algorithm, []).append(bytes.fromhex(digits))
        for algorithm, values in by.items():
            for part in chunks(values):
                rows = self.connection.execute(_NAMED_BY[algorithm], {"digests": part})
                found |= {content.sha256: content for content in map(_content, rows)}
        return list(found.values())

    def contents_like(self, prefix: str, algorithm: str = "", limit: int = 100) -> list[Content]:
        """Return contents one of whose digests begins with these hex digits, strongest algorithm first."""
        found: dict[str, Content] = {}
        for name, (_, length) in _ALGORITHMS.items():
            bounds = span(prefix, length) if algorithm in {"", name} else None
            if bounds is not None:
                given = {"first": bounds[0], "end": bounds[1], "limit": limit}
                for content in map(_content, self.connection.execute(_LIKE[name], given).all()):
                    found.setdefault(content.sha256, content)
        return list(found.values())[:limit]

    def facts(self, sha256s: Iterable[str]) -> dict[str, Facts]:
        """Return the newest facts of contents; those that no reader took have none."""
        found: dict[str, Facts] = {}
        for part in chunks(map(raw, sha256s)):
            rows = _FACTS.all(self.connection, {"sha256s": part})
            found |= {text(sha256): Facts.model_validate(json.loads(body)) for sha256, body in rows}
        return found

    def unread(self, readers: Mapping[str, str], limit: int = 100) -> list[str]:
        """Return sha256 of files of versions, with content here, that these readers have not yet read."""
        found = dict.fromkeys(self.connection.execute(_UNREAD, {"limit": limit}).scalars())
        for statement, given in _stale(readers):
            if len(found) >= limit:
                break
            found |= dict.fromkeys(self.connection.execute(statement, given | {"limit": limit}).scalars())
        return [text(sha256) for sha256 in found][:limit]

    def leases(self, sha256s: Iterable[str], now: float) -> list[Lease]:
        """Return leases on blobs that have not ended."""
        found: list[Lease] = []
        for part in chunks(map(raw, sha256s)):
            rows = _LEASES.all(self.connection, {"sha256s": part, "now": now})
            found += [Lease(principal, text(sha256), until) for principal, sha256, until in rows]
        return found

    def needed(self, sha256s: Sequence[str]) -> set[str]:
        """Return those that a file, a manifest, an activity or a schema names and no purge dropped everywhere."""
        given = ((sha256, {"packed": pack(sha256), "digest": raw(sha256)}) for sha256 in sha256s)
        return {sha256 for sha256, keys in given if self.connection.execute(_NEEDED, keys).scalar()}

    def names(self, namespace: str, sha256: str) -> bool:
        """Say whether a record or statement of a namespace names a blob that the namespace has not purged."""
        given = {"folded": namespace.lower(), "packed": pack(sha256), "digest": raw(sha256)}
        return bool(self.connection.execute(_NAMES, given).scalar())


class FileWriting(FileTables):
    """Writes files, contents and facts."""

    def add_files(self, rows: Iterable[FileRow], ids: Mapping[str, int]) -> None:
        """Add files of version records; ``ids``: numbers of the records."""
        counts: dict[str, int] = {}
        values: list[tuple[Any, ...]] = []
        for row in rows:
            position = counts[row.record] = counts.get(row.record, -1) + 1
            values.append((ids[row.record], position, row.path, pack(row.digest), row.size))
        _ADD_FILES.run(self.connection, values, order=3)
        sha256s = {key[1:] for _, _, _, key, _ in values if key[0] == 0}
        _queue(self.connection, _among(self.connection, _HAS_CONTENT, sha256s))

    def put_contents(self, contents: Iterable[Content]) -> None:
        """Remember the digests of stored contents."""
        put_contents(self.connection, contents)

    def put_facts(self, facts: Mapping[str, Facts]) -> None:
        """Keep facts by file sha256, in place of older ones."""
        rows = [
            (raw(sha256), item.reader, item.reader_version, item.format, json.dumps(item.model_dump(mode="json")))
            for sha256, item in facts.items()
        ]
        self._put_facts(rows)

    def put_unread(self, sha256s: Iterable[str], readers: Mapping[str, str] | None = None) -> None:
        """Remember that none of these readers (name → version) takes these contents; without them, no reader ever."""
        versions = "" if readers is None else _all_versions(readers)
        self._put_facts([(raw(sha256), "", versions, "", "{}") for sha256 in sha256s])

    def _put_facts(self, rows: list[tuple[bytes, str, str, str, str]]) -> None:
        _PUT_FACTS.run(self.connection, rows)
        _END_UNREAD.run(self.connection, [(row[0],) for row in rows])

    def drop_contents(self, sha256s: Iterable[str]) -> None:
        """Forget digests, facts and ended leases of contents that were removed and that nothing needs."""
        for part in chunks(map(raw, sha256s)):
            for statement in _DROP_CONTENTS:
                self.connection.execute(statement, {"sha256s": part})

    def clear_facts(self) -> None:
        """Forget all facts: all files of versions whose content was here are to be read again."""
        self.connection.execute(delete(facts))
        after = b""
        while page := self.connection.execute(_PAGE, {"after": after, "limit": 10_000}).scalars().all():
            _ADD_UNREAD.run(self.connection, [(sha256,) for sha256 in page if _has_file(self.connection, sha256)])
            after = page[-1]


def put_contents(connection: Connection, told: Iterable[Content]) -> None:
    """Remember the digests of stored contents."""
    rows = [(raw(item.sha256), item.size, _hex(item.md5), _hex(item.adler32), _hex(item.git_sha1)) for item in told]
    _ADD_CONTENTS.run(connection, rows, order=0)
    _queue(connection, {row[0] for row in rows if _has_file(connection, row[0])})


def _has_file(connection: Connection, sha256: bytes) -> bool:
    return bool(connection.execute(_HAS_FILE, {"packed": b"\x00" + sha256}).scalar())


def _queue(connection: Connection, sha256s: set[bytes]) -> None:
    read = _among(connection, _HAS_FACTS, sha256s)
    _ADD_UNREAD.run(connection, [(sha256,) for sha256 in sorted(sha256s - read)])


def _among(connection: Connection, statement: Select[bytes], sha256s: set[bytes]) -> set[bytes]:
    found: set[bytes] = set()
    for part in chunks(sha256s):
        found.update(connection.execute(statement, {"sha256s": part}).scalars())
    return found


def put_leases(connection: Connection, rows: Iterable[Lease], now: float) -> None:
    """Write leases; forget those that ended long before ``now`` (seconds since 1970)."""
    _PUT_LEASES.run(connection, [(raw(row.sha256), row.principal, row.until) for row in rows])
    connection.execute(_END_OLD, {"then": now - LEASES_KEPT_S})


def end_leases(connection: Connection, principal: str, sha256s: Iterable[str]) -> None:
    """End leases of a principal."""
    _END_LEASES.run(connection, [(raw(sha256), principal) for sha256 in sha256s])


def _stale(readers: Mapping[str, str]) -> Iterator[tuple[Select[Any], dict[str, object]]]:
    """Yield what finds facts of other readers, or of other versions of these: ranges of one index around theirs."""
    present = sorted({**readers, "": _all_versions(readers)}.items())
    names = [name for name, _ in present]
    for after, before in zip(names, [*names[1:], _LAST_TEXT], strict=True):
        yield _OTHER_READERS, {"after": after, "before": before}
    for reader, version in present:
        for statement in _OTHER_VERSIONS:
            yield statement, {"reader": reader, "version": version}


def _all_versions(readers: Mapping[str, str]) -> str:
    return json.dumps(dict(readers), sort_keys=True)


def _hex(digest: str) -> bytes:
    return bytes.fromhex(digest.partition(":")[2])


def _file(row: AnyRow) -> FileRow:
    record, path, digest, size = row
    return FileRow(text(record), path, unpack(digest), size)


def _content(row: AnyRow) -> Content:
    size, sha256, md5, adler32, git_sha1 = row
    return Content(
        size=size,
        sha256=text(sha256),
        md5="md5:" + md5.hex(),
        adler32="adler32:" + adler32.hex(),
        git_sha1="git-sha1:" + git_sha1.hex(),
    )
