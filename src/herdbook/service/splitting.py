"""Splits that run: which part an entry is in, how many there are, which are in several or in none.

``contains`` is the rule in plain Python, for who has no numpy; ``mask`` the same for whole columns. Runs at the client.
"""

from __future__ import annotations

import fnmatch
import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from herdbook.kernel.errors import CorruptError, HerdbookError, InvalidError
from herdbook.model.splits import Split, SplitPart, SplitRule
from herdbook.ports.blobs import Progress
from herdbook.ports.dataset_readers import DataFile, DataFiles, DataTable
from herdbook.service.dataset_files import DataPath

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Mask = NDArray[np.bool_]
    Columns = Mapping[str, NDArray[np.generic]]

AT_ONCE = 100_000
_FORMS = {
    "modulo": "ROLE:modulo:COLUMN:DIVISOR:REMAINDERS, as train:modulo:event:10:0-7",
    "hash": "ROLE:hash:COLUMN+COLUMN:DIVISOR:REMAINDERS[:SALT], as test:hash:run+event:10:9",
    "range": "ROLE:range:COLUMN:SINCE..UNTIL, as train:range:run:300000..310000; UNTIL is outside",
    "files": "ROLE:files:PATTERN,PATTERN, as test:files:*_9.root",
    "entries": "ROLE:entries:SINCE..UNTIL, as train:entries:..80000",
}
_REMAINDER = re.compile(r"([0-9]{1,15})(?:-([0-9]{1,15}))?")
_BOUNDS = re.compile(r"(-?[0-9]{1,15})?\.\.(-?[0-9]{1,15})?")
MAX_REMAINDERS = 100_000


def read_rule(text: str) -> SplitPart:
    """Read a part as a person writes it: ``train:modulo:event:10:0-7``.

    Raises:
        InvalidError: ``bad-split``, with how it is written.
    """
    role, _, rest = text.partition(":")
    kind, _, said = rest.partition(":")
    if kind not in _FORMS:
        raise InvalidError(
            f"{text!r} is no part of a split", code="bad-split", hint=f"Write {'; '.join(_FORMS.values())}."
        )
    try:
        return SplitPart.read({"role": role, "rule": {"kind": kind, **_said(kind, said)}})
    except (ValueError, HerdbookError) as error:
        why = error.message if isinstance(error, HerdbookError) else str(error)
        raise InvalidError(f"{text!r}: {why}", code="bad-split", hint=f"Write {_FORMS[kind]}.") from error


def _said(kind: str, text: str) -> dict[str, Any]:
    if kind == "files":
        return {"paths": [pattern for pattern in text.split(",") if pattern] or None}
    column, _, rest = ("", "", text) if kind == "entries" else text.partition(":")
    columns = {"columns": column.split("+") if kind == "hash" else [column]} if kind != "entries" else {}
    if kind in {"range", "entries"}:
        bounds = _BOUNDS.fullmatch(rest)
        if bounds is None:
            raise ValueError(f"{rest!r} is no SINCE..UNTIL")
        given = {"since": bounds[1], "until": bounds[2]}
        return {**columns, **{name: int(value) for name, value in given.items() if value is not None}}
    divisor, _, rest = rest.partition(":")
    remainders, colon, salt = rest.partition(":")
    if not divisor.isdecimal() or len(divisor) > 15:
        raise ValueError(f"{divisor!r} is no divisor")
    return {
        **columns,
        "divisor": int(divisor),
        "remainders": _remainders(remainders),
        **({"salt": salt} if colon else {}),
    }


def _remainders(text: str) -> list[int]:
    found: set[int] = set()
    for part in text.split(","):
        match = _REMAINDER.fullmatch(part)
        if match is None:
            raise ValueError(f"{part!r} is no remainder")
        first, last = int(match[1]), int(match[2] or match[1])
        if last - first >= MAX_REMAINDERS:
            raise ValueError(f"{part!r} are too many remainders")
        found.update(range(first, last + 1))
    return sorted(found)


def contains(rule: SplitRule, values: Mapping[str, int], path: str = "", number: int = 0) -> bool:
    """Say whether an entry is in a part.

    Args:
        rule: of the part.
        values: of the columns that the rule names.
        path: of the file in the manifest, for a rule by files.
        number: of the entry over all files in the manifest's order, for a rule by entries.
    """
    columns = rule.columns or ()
    if rule.kind == "files":
        return any(fnmatch.fnmatchcase(path, pattern) for pattern in rule.paths or ())
    if rule.kind == "modulo":
        return values[columns[0]] % (rule.divisor or 1) in (rule.remainders or ())
    if rule.kind == "hash":
        return hashed([values[name] for name in columns], rule.salt) % (rule.divisor or 1) in (rule.remainders or ())
    value = number if rule.kind == "entries" else values[columns[0]]
    return (rule.since is None or value >= rule.since) and (rule.until is None or value < rule.until)


def hashed(values: Sequence[int], salt: str | None) -> int:
    """Return what a rule by hash divides: the first eight bytes, big-endian, of sha256 of ``salt:value:value``."""
    text = ":".join([*([salt] if salt else []), *map(str, values)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def mask(rule: SplitRule, columns: Columns, path: str, first: int, count: int) -> Mask:
    """Return which entries of a part of a table are in a part of the split.

    Args:
        rule: of the part.
        columns: of the table's part, each with ``count`` values; masked ones are absent.
        path: of the file in the manifest.
        first: number of the first entry over all files.
        count: how many entries.

    Raises:
        InvalidError: ``bad-split-column``, when a column that is divided or hashed holds no integers.
    """
    import numpy as np  # noqa: PLC0415 - of an extra

    if rule.kind == "files":
        return np.full(count, contains(rule, {}, path), np.bool_)
    if rule.kind == "entries":
        return _between(np.arange(first, first + count, dtype=np.int64), rule)
    given = [columns[name] for name in rule.columns or ()]
    present = ~np.any([np.ma.getmaskarray(values) for values in given], axis=0)
    if rule.kind == "range":
        between: Mask = _between(np.asarray(given[0]), rule) & present
        return between
    plain = [_integers(name, columns[name]) for name in rule.columns or ()]
    divisor = np.uint64(rule.divisor or 1)
    if rule.kind == "hash":
        rows = zip(*(values.tolist() for values in plain), strict=True)
        keys = np.fromiter((hashed(row, rule.salt) for row in rows), np.uint64, count)
        rest = (keys % divisor).astype(np.int64)
    elif plain[0].dtype.kind == "u":
        rest = (plain[0].astype(np.uint64) % divisor).astype(np.int64)
    else:
        rest = plain[0].astype(np.int64) % np.int64(rule.divisor or 1)
    inside: Mask = np.isin(rest, rule.remainders or ()) & present
    return inside


def _between(values: NDArray[Any], rule: SplitRule) -> Mask:
    import numpy as np  # noqa: PLC0415 - of an extra

    inside: Mask = np.ones(len(values), np.bool_)
    if rule.since is not None:
        inside &= values >= rule.since
    if rule.until is not None:
        inside &= values < rule.until
    return inside


def _integers(name: str, values: NDArray[np.generic]) -> NDArray[Any]:
    import numpy as np  # noqa: PLC0415 - of an extra

    plain = np.asarray(values)
    if plain.dtype.kind == "b":
        return plain.astype(np.uint8)
    if plain.dtype.kind not in "iu":
        raise InvalidError(
            f"the column {name!r} holds {plain.dtype.name}, and no integers",
            code="bad-split-column",
            hint="Divide by a column that identifies the event, as its number; range takes any number.",
        )
    return plain


class Takes(Protocol):
    """Gets the numbers of entries of each part, as they are found."""

    def take(self, role: str, numbers: NDArray[np.int64]) -> None:
        """Take entry numbers of a part, in their order."""
        ...


@dataclass
class _Counts:
    parts: list[int]
    entries: int = 0
    overlap: int = 0
    left_over: int = 0


def run(
    files: DataFiles,
    given: Iterable[DataPath],
    split: Split,
    *,
    into: Takes | None = None,
    progress: Progress | None = None,
) -> Split:
    """Run a split over all entries of files, and return it with counts; ``checked`` is for the caller to set.

    Args:
        files: opens them.
        given: all files of the dataset, in the manifest's order.
        split: the rules.
        into: gets the numbers of entries.
        progress: told of bytes.

    Raises:
        InvalidError: ``no-column``, ``no-table``, ``bad-split-column``; and what refuses a file.
        CorruptError: when a file cannot be read: a check that leaves one out is none.
    """
    counts = _Counts([0] * len(split.parts))
    for file in given:
        try:
            opened = files.open(file.source)
            try:
                _run(opened, file.path, split, counts, into)
            finally:
                opened.close()
        except HerdbookError as error:
            raise type(error)(f"{file.path}: {error.message}", code=error.code, hint=error.hint) from error
        if progress is not None:
            progress(file.size)
    parts = tuple(
        part.model_copy(update={"entries": count}) for part, count in zip(split.parts, counts.parts, strict=True)
    )
    found = {"parts": parts, "entries": counts.entries, "overlap": counts.overlap, "left_over": counts.left_over}
    return split.model_copy(update=found)


def _run(opened: DataFile, path: str, split: Split, counts: _Counts, into: Takes | None) -> None:
    import numpy as np  # noqa: PLC0415 - of an extra

    names = sorted({name for part in split.parts for name in part.rule.columns or ()})
    table = choose(opened.tables, names, split.table)
    before = counts.entries
    for count, columns in _chunks(table, names):
        first = counts.entries
        inside = np.zeros(count, np.int16)
        for number, part in enumerate(split.parts):
            found = mask(part.rule, columns, path, first, count)
            inside += found
            counts.parts[number] += int(found.sum())
            if into is not None and found.any():
                into.take(part.role, np.flatnonzero(found).astype(np.int64) + first)
        counts.overlap += int((inside > 1).sum())
        counts.left_over += int((inside == 0).sum())
        counts.entries += count
    if counts.entries - before != table.entries:
        raise CorruptError("it ends before all its entries came", code="bad-data-file")


def _chunks(table: DataTable, names: Sequence[str]) -> Iterator[tuple[int, Columns]]:
    if names:
        for chunk in table.chunks(names, AT_ONCE):
            yield len(chunk[names[0]]), chunk
        return
    for first in range(0, table.entries, AT_ONCE):
        yield min(AT_ONCE, table.entries - first), {}


def choose(tables: Sequence[DataTable], names: Sequence[str], table: str | None = None) -> DataTable:
    """Return the table whose entries are divided: the one that is named, else the only one with the columns.

    Raises:
        InvalidError: ``no-table`` or ``no-column``, when there is none, or several.
    """
    wanted = [each for each in tables if table is None or each.name == table]
    if not wanted:
        there = ", ".join(repr(each.name) for each in tables) or "none"
        raise InvalidError(f"there is no table {table!r}", code="no-table", hint=f"There are: {there}.")
    having = [each for each in wanted if {c.name for c in each.columns if c.shape is None} >= set(names)]
    if not having:
        raise InvalidError(
            f"no table has {', '.join(map(repr, names))} with one value an entry",
            code="no-column",
            hint="`herdbook dataset profile FILE` shows tables and columns.",
        )
    if len(having) > 1:
        names_ = ", ".join(repr(each.name) for each in having)
        raise InvalidError(f"several tables could be divided: {names_}", code="no-table", hint="Name one with --table.")
    return having[0]
