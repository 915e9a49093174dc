"""Memos: what this registry notes for itself, in no journal and no copy."""

from __future__ import annotations

import time
from collections.abc import Iterable

from sqlalchemy import BindParameter, Connection, Integer, bindparam, delete, or_, select, tuple_

from herdbook.stores.sql.bulk import Many, chunks
from herdbook.stores.sql.schema import memos

SWEPT = 20
"""How many memos whose time is over go with one that is written: more than come, so that none stay."""

_KEYS: BindParameter[str] = bindparam("keys", expanding=True)
_HOLDS = or_(memos.c.until == 0, memos.c.until > bindparam("now"))
_OF_SCOPE = memos.c.scope == bindparam("scope")
_ONE = select(memos.c.value).where(_OF_SCOPE, memos.c.key == bindparam("key"), _HOLDS)
_PAGE = (
    select(memos.c.key, memos.c.value)
    .where(_OF_SCOPE, memos.c.key > bindparam("after"), _HOLDS)
    .order_by(memos.c.key)
    .limit(bindparam("limit", type_=Integer))
)
_PUT = Many.over(memos, "scope", "key", "value", "until", key=["scope", "key"])
_OVER = (
    select(memos.c.scope, memos.c.key)
    .where(memos.c.until > 0, memos.c.until <= bindparam("now"))
    .order_by(memos.c.until)
    .limit(SWEPT)
)
_SWEEP = delete(memos).where(tuple_(memos.c.scope, memos.c.key).in_(_OVER))
_DROP = delete(memos).where(_OF_SCOPE, memos.c.key.in_(_KEYS))


class MemoTables:
    """Reads memos."""

    connection: Connection

    def memo(self, scope: str, key: str) -> bytes | None:
        """Return a memo, ``None`` when there is none or its time is over."""
        given = {"scope": scope, "key": key, "now": time.time()}
        return self.connection.execute(_ONE, given).scalar()

    def memos(self, scope: str, after: str = "", limit: int = 1000) -> dict[str, bytes]:
        """Return memos of a scope whose time is not over, by key in order, those after ``after``."""
        given = {"scope": scope, "after": after, "limit": limit, "now": time.time()}
        return dict(self.connection.execute(_PAGE, given).all())


class MemoWriting(MemoTables):
    """Writes memos."""

    def put_memo(self, scope: str, key: str, value: bytes, until: float = 0.0) -> None:
        """Write a memo in place of an older one; it ends at ``until`` (Unix time in seconds), 0: never."""
        self.connection.execute(_SWEEP, {"now": time.time()})
        _PUT.run(self.connection, [(scope, key, value, until)])

    def drop_memos(self, scope: str, keys: Iterable[str]) -> None:
        """Remove memos; harmless where there is none."""
        for part in chunks(keys):
            self.connection.execute(_DROP, {"scope": scope, "keys": part})
