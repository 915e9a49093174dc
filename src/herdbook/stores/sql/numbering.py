"""Numbers of new rows. There is one writer, so they follow the highest; all are asked for at once, the first time."""

from __future__ import annotations

from sqlalchemy import Connection, Table, func, select

from herdbook.stores.sql.prepared import Prepared
from herdbook.stores.sql.schema import bodies, events, journals, models, versions

_TABLES = (bodies, events, journals, models, versions)
_LAST = Prepared(
    select(*(select(func.max(next(iter(table.primary_key)))).scalar_subquery() for table in _TABLES)),
)


class Numbering:
    """The next numbers, for one write transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._last: dict[str, int] = {}

    def take(self, table: Table, count: int) -> int:
        """Return the first of so many new numbers."""
        if not self._last:
            row = _LAST.all(self._connection, {})[0]
            self._last = {each.name: last or 0 for each, last in zip(_TABLES, row, strict=True)}
        first = self._last[table.name] + 1
        self._last[table.name] += count
        return first
