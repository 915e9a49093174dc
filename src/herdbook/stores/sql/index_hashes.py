"""Which versions have a digest that begins so: looked up in the catalogue's own tables, not in the index."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sqlalchemy import ColumnElement, Connection, Select, bindparam, select

from herdbook.kernel.digests import HEX_DIGITS
from herdbook.model.query import Hash
from herdbook.model.query_match import DIGESTS
from herdbook.stores.sql import digests
from herdbook.stores.sql.schema import bodies, contents, files, versions

_IN = 500


def _between(column: ColumnElement[bytes]) -> ColumnElement[bool]:
    return column.between(bindparam("low"), bindparam("high"))


_RECORDS = select(versions.c.item).join(bodies, bodies.c.id == versions.c.record).where(_between(bodies.c.digest))
_by_file = select(versions.c.item).join(files, files.c.record == versions.c.record)
_NAMED = _by_file.where(_between(files.c.digest))
_HOLDING = _by_file.where(files.c.digest.in_(bindparam("digests", expanding=True)))
_CONTENTS: dict[str, Select[bytes]] = {
    algorithm: select(contents.c.sha256).where(_between(contents.c[algorithm.replace("-", "_")]))
    for algorithm in HEX_DIGITS
    if algorithm != "sha256"
}


def _spans(of: Hash) -> Iterator[tuple[str, dict[str, object]]]:
    for algorithm, length in HEX_DIGITS.items():
        if of.algorithm not in {"", algorithm} or len(of.prefix) > length:
            continue
        if (span := digests.span(of.prefix, length // 2)) is not None:
            yield algorithm, {"low": span[0], "high": span[1]}


def items(connection: Connection, of: Hash) -> list[int]:
    """Return the versions whose record, or one of whose files, has such a digest."""
    found: set[int] = set()
    for algorithm, span in _spans(of):
        if algorithm == "sha256" and of.scope != "file":
            found |= _all(connection, _RECORDS, span)
        if of.scope == "record":
            continue
        name = digests.pack(f"{algorithm}:{'0' * HEX_DIGITS[algorithm]}")[:1]
        found |= _all(connection, _NAMED, {key: name + _bytes(value) for key, value in span.items()})
        if algorithm in _CONTENTS:
            # A file that is named by sha256 is also found by the other digests of the same bytes.
            held = [digests.pack(digests.text(row[0])) for row in connection.execute(_CONTENTS[algorithm], span)]
            for start in range(0, len(held), _IN):
                found |= _all(connection, _HOLDING, {"digests": held[start : start + _IN]})
    return sorted(found)


def _all(connection: Connection, statement: Select[int], params: dict[str, object]) -> set[int]:
    return set(connection.execute(statement, params).scalars())


def _bytes(value: object) -> bytes:
    assert isinstance(value, bytes)
    return value


def spellings(of: Hash) -> Iterable[tuple[str, str]]:
    """Yield (field, beginning) of the terms by which documents name further digests."""
    for scope, field in DIGESTS.items():
        if of.scope in {"", scope}:
            for algorithm in [of.algorithm] if of.algorithm else HEX_DIGITS:
                yield field, f"{algorithm}:{of.prefix}"
