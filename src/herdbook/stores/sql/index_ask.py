"""Selects that are compiled once. A search asks many small questions; their way through SQLAlchemy costs more."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from sqlalchemy import BindParameter, Connection, Select, bindparam

LISTS = (1, 8, 64, 500)
"""Lengths of lists; one that is shorter repeats its last value, so that few statements serve all."""

Row = tuple[Any, ...]

Build = Callable[[list[BindParameter[Any]]], Select[*tuple[Any, ...]]]

_Compiled = tuple[str, list[int], tuple[object, ...]]


class Ask:
    """A select with parameters, and with a list.

    Args:
        build: makes the select for the list's parameters; of an empty list when it has none.
        names: the other parameters, in the order in which their values are given.
        width: how many parameters each thing in the list has.
        lists: lengths of the list for which the statement is compiled.
        postgresql: makes the select for that database, where the other one would have it read too much.
    """

    def __init__(
        self,
        build: Build,
        *names: str,
        width: int = 1,
        lists: tuple[int, ...] = LISTS,
        postgresql: Build | None = None,
    ) -> None:
        self._build = {"postgresql": postgresql or build}
        self._otherwise = build
        self._names = names
        self._width = width
        self._lists = lists
        self._compiled: dict[tuple[str, int], _Compiled] = {}

    def rows(self, connection: Connection, *values: object) -> list[Row]:
        """Return all rows; for a select without a list."""
        return self._run(connection, 0, values)

    def among(self, connection: Connection, listed: Sequence[Any], *values: object) -> Iterator[Row]:
        """Yield all rows, asking as often as the list's length needs. Each thing is a tuple when its width is not 1."""
        most = self._lists[-1]
        for start in range(0, len(listed), most):
            part = listed[start : start + most]
            size = next(length for length in self._lists if length >= len(part))
            full = [*part, *[part[-1]] * (size - len(part))]
            flat = full if self._width == 1 else [value for thing in full for value in thing]
            yield from self._run(connection, size, (*values, *flat))

    def _run(self, connection: Connection, size: int, values: Sequence[object]) -> list[Row]:
        text, order, constants = self._compiled.get((connection.dialect.name, size)) or self._compile(connection, size)
        given = (*values, *constants)
        # Bytes, integers, floats and text need no conversion, so that the driver's rows will do.
        cursor = connection.exec_driver_sql(text, tuple([given[place] for place in order]))
        assert cursor.cursor is not None
        found = list(cursor.cursor.fetchall())
        cursor.close()
        return found

    def _compile(self, connection: Connection, size: int) -> _Compiled:
        listed = [f"listed_{place}" for place in range(size * self._width)]
        build = self._build.get(connection.dialect.name, self._otherwise)
        compiled = build([bindparam(name) for name in listed]).compile(dialect=connection.dialect)
        given = [*self._names, *listed]
        constants = {name: value for name, value in compiled.params.items() if name not in given}
        places = {name: place for place, name in enumerate([*given, *constants])}
        order = [places[name] for name in compiled.positiontup or ()]
        found = self._compiled[connection.dialect.name, size] = str(compiled), order, tuple(constants.values())
        return found
