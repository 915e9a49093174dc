"""Selects that are compiled once: their way through SQLAlchemy costs more than the database takes for most of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import CompoundSelect, Connection, Select

LISTS = (1, 2, 4, 8, 32, 128, 500)
"""Lengths of lists; one that is shorter repeats its last value, so that few statements serve all."""

Row = tuple[Any, ...]

_Compiled = tuple[str, tuple[str, ...], dict[str, Any]]


class Prepared:
    """A select whose columns need no conversion (bytes, integers, text), with parameters by name.

    Args:
        select: with bound parameters; one of them may be a list (``expanding``), in an IN, where a value that stands
            twice changes nothing.
        listed: that parameter's name.
    """

    def __init__(self, select: Select[*tuple[Any, ...]] | CompoundSelect[*tuple[Any, ...]], listed: str = "") -> None:
        self._select = select
        self._listed = listed
        self._compiled: dict[tuple[str, int], _Compiled] = {}

    def all(self, connection: Connection, given: Mapping[str, Any]) -> list[Row]:
        """Return all rows; the list has 1 to 500 values."""
        values, size = given, 0
        if self._listed:
            part = given[self._listed]
            size = next(length for length in LISTS if length >= len(part))
            full = [*part, *[part[-1]] * (size - len(part))]
            values = {**given, **{f"{self._listed}_{place}": value for place, value in enumerate(full, 1)}}
        text, names, constants = self._compiled.get((connection.dialect.name, size)) or self._compile(connection, size)
        values = {**constants, **values} if constants else values
        cursor = connection.exec_driver_sql(text, tuple([values[name] for name in names]))
        assert cursor.cursor is not None
        found = list(cursor.cursor.fetchall())
        cursor.close()
        return found

    def first(self, connection: Connection, given: Mapping[str, Any]) -> Row | None:
        """Return the first row; for a select that has one at most."""
        return next(iter(self.all(connection, given)), None)

    def scalar(self, connection: Connection, given: Mapping[str, Any]) -> Any:  # noqa: ANN401 - whatever the column is
        """Return the first value of the first row, ``None`` when there is none."""
        row = self.first(connection, given)
        return None if row is None else row[0]

    def _compile(self, connection: Connection, size: int) -> _Compiled:
        compiled = self._select.compile(dialect=connection.dialect)
        constants = {
            name: value for name, value in compiled.construct_params(_check=False).items() if value is not None
        }
        stand_in = {name: constants.get(name) for name in compiled.bind_names.values()}
        if size:
            stand_in[self._listed] = list(range(size))
        state = compiled.construct_expanded_state(stand_in)
        names = tuple(state.positiontup or ())
        found = self._compiled[connection.dialect.name, size] = state.statement, names, constants
        return found
