"""Which versions have a digest that begins so: looked up in the catalogue's own tables, not in the index."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import ColumnElement, Connection, bindparam, select

from herdbook.kernel.digests import HEX_DIGITS
from herdbook.model.query import Hash
from herdbook.model.query_match import DIGESTS
from herdbook.stores.sql import digests
from herdbook.stores.sql.index_ask import Ask
from herdbook.stores.sql.schema import bodies, contents, files, versions


def _between(column: ColumnElement[bytes]) -> ColumnElement[bool]:
    return column.between(bindparam("low"), bindparam("high"))


_by_file = select(versions.c.item).join(files, files.c.record == versions.c.record)
_RECORDS = Ask(
    lambda _: select(versions.c.item).join(bodies, bodies.c.id == versions.c.record).where(_between(bodies.c.digest)),
    "low",
    "high",
)
_NAMED = Ask(lambda _: _by_file.where(_between(files.c.digest)), "low", "high")
_HOLDING = Ask(lambda packed: _by_file.where(files.c.digest.in_(packed)))


def _contents(algorithm: str) -> Ask:
    return Ask(
        lambda _: select(contents.c.sha256).where(_between(contents.c[algorithm.replace("-", "_")])), "low", "high"
    )


# A file that is named by sha256 is also found by the other digests of the same bytes.
_CONTENTS = {algorithm: _contents(algorithm) for algorithm in HEX_DIGITS if algorithm != "sha256"}


def items(connection: Connection, of: Hash) -> list[int]:
    """Return the versions whose record, or one of whose files, has such a digest."""
    found: set[int] = set()
    for algorithm, length in HEX_DIGITS.items():
        span = digests.span(of.prefix, length // 2) if len(of.prefix) <= length else None
        if span is None or of.algorithm not in {"", algorithm}:
            continue
        if algorithm == "sha256" and of.scope != "file":
            found.update(item for (item,) in _RECORDS.rows(connection, *span))
        if of.scope == "record":
            continue
        tag = digests.pack(f"{algorithm}:{'0' * length}")[:1]
        found.update(item for (item,) in _NAMED.rows(connection, tag + span[0], tag + span[1]))
        if algorithm in _CONTENTS:
            held = [digests.pack(digests.text(sha256)) for (sha256,) in _CONTENTS[algorithm].rows(connection, *span)]
            found.update(item for (item,) in _HOLDING.among(connection, held))
    return sorted(found)


def spellings(of: Hash) -> Iterable[tuple[str, str]]:
    """Yield (field, beginning) of the terms by which documents name further digests."""
    for scope, field in DIGESTS.items():
        if of.scope in {"", scope}:
            for algorithm in [of.algorithm] if of.algorithm else HEX_DIGITS:
                yield field, f"{algorithm}:{of.prefix}"
