"""Many rows at once: lists cut into what one statement takes, and statements that are compiled once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from operator import itemgetter
from typing import Any, TypeVar

from sqlalchemy import Connection, Delete, Dialect, Insert, Row, Table, Update
from sqlalchemy.dialects import sqlite

CHUNK = 500
"""How many values one IN list takes."""

ROWS = "herdbook rows"
"""Where a connection's ``info`` has how many rows were written through it."""
QUEUE = "herdbook queue"
"""Where it has what sends statements without waiting; absent where each is waited for."""

T = TypeVar("T")

_Arrange = Callable[[tuple[Any, ...]], tuple[Any, ...]]

AnyRow = Row[*tuple[Any, ...]] | tuple[Any, ...]


def chunks(values: Iterable[T], size: int = CHUNK) -> Iterator[list[T]]:
    """Yield lists of at most ``size`` values, in order."""
    rest = iter(values)
    while part := list(islice(rest, size)):
        yield part


_Inserting = Callable[[Table], Any]


def _insert(dialect: Dialect) -> _Inserting:
    """Return the insert that can say what is done about a row that is there; each database's own dialect has it."""
    if dialect.name == "sqlite":
        return sqlite.insert
    from sqlalchemy.dialects import postgresql  # noqa: PLC0415  # loading it is a tenth of a start

    return postgresql.insert


class Many:
    """A statement for many rows, compiled once a dialect: SQLAlchemy's own way costs three times as much a row.

    Args:
        statement: an insert of plain values, or any statement with bound parameters; or what makes it for a dialect.
        names: of the columns or parameters, in the order in which a row has their values.
        plain: whether ``names`` are columns of an insert.
    """

    def __init__(
        self,
        statement: Insert | Update | Delete | Callable[[Dialect], Insert],
        *names: str,
        plain: bool = False,
    ) -> None:
        self._statement = statement
        self._names = names
        self._keys = list(names) if plain else None
        self._compiled: dict[str, tuple[str, _Arrange | None]] = {}

    @classmethod
    def into(cls, table: Table, *columns: str) -> Many:
        """Insert rows, leaving those that are there."""
        return cls(lambda dialect: _insert(dialect)(table).inline().on_conflict_do_nothing(), *columns, plain=True)

    @classmethod
    def over(cls, table: Table, *columns: str, key: Sequence[str]) -> Many:
        """Insert rows in place of those that have the same key."""

        def build(dialect: Dialect) -> Insert:
            insert = _insert(dialect)(table).inline()
            rest = {name: insert.excluded[name] for name in columns if name not in key}
            over: Insert = insert.on_conflict_do_update(index_elements=key, set_=rest)
            return over

        return cls(build, *columns, plain=True)

    def run(self, connection: Connection, rows: Iterable[tuple[Any, ...]], order: int | None = None) -> None:
        """Run it for all rows.

        Args:
            connection: where.
            rows: values, in the order of ``names``.
            order: the place of a value by which rows are sorted first, where an index takes it at a random place: each
                page of that index is then touched once. At 10^6 versions this decides the speed of a large event.
        """
        if order is not None:
            rows = sorted(rows, key=itemgetter(order))
        text, arrange = self._compiled.get(connection.dialect.name) or self._compile(connection.dialect)
        values = list(rows) if arrange is None else [arrange(row) for row in rows]
        if values:
            queue = connection.info.get(QUEUE)
            if queue is None:
                connection.exec_driver_sql(text, values)
            else:
                queue.put(text, values)
            connection.info[ROWS] = connection.info.get(ROWS, 0) + len(values)

    def _compile(self, dialect: Dialect) -> tuple[str, _Arrange | None]:
        statement = self._statement(dialect) if callable(self._statement) else self._statement
        compiled = statement.compile(dialect=dialect, column_keys=self._keys)
        order = tuple(compiled.positiontup or ())
        arrange = None if order == self._names else itemgetter(*(self._names.index(name) for name in order))
        self._compiled[dialect.name] = str(compiled), arrange
        return self._compiled[dialect.name]
