"""Sorting more than fits: what was collected is sorted, spilled to files without names, and merged at the end."""

from __future__ import annotations

import heapq
import struct
import tempfile
from contextlib import ExitStack
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_SIZES = struct.Struct(">II")
FAN = 64
"""How many files are merged at once."""


def ordered(pairs: Iterable[tuple[bytes, bytes]], *, room: int = 32 * 2**20) -> Iterator[tuple[bytes, bytes]]:
    """Yield pairs sorted by their first bytes; equal ones in the order in which they came.

    Args:
        pairs: key and value, in any order.
        room: bytes of keys and values that are held in memory at once, about.
    """
    with ExitStack() as stack:
        runs: list[IO[bytes]] = []
        held: list[tuple[bytes, bytes]] = []
        size = 0
        for pair in pairs:
            held.append(pair)
            size += len(pair[0]) + len(pair[1]) + 150  # what Python needs around them
            if size > room:
                runs.append(stack.enter_context(_spill(sorted(held, key=_key))))
                held, size = [], 0
                if len(runs) == FAN:  # so that no more files are open than a process may have
                    runs = [stack.enter_context(_spill(_merged(runs)))]
        held.sort(key=_key)
        yield from _merged(runs, held)


def _key(pair: tuple[bytes, bytes]) -> bytes:
    return pair[0]


def _merged(runs: Iterable[IO[bytes]], last: Iterable[tuple[bytes, bytes]] = ()) -> Iterator[tuple[bytes, bytes]]:
    return heapq.merge(*map(_read, runs), last, key=_key)


def _spill(pairs: Iterable[tuple[bytes, bytes]]) -> IO[bytes]:
    file = tempfile.TemporaryFile(prefix="herdbook-sort-")  # noqa: SIM115 - the caller closes it
    try:
        for key, value in pairs:
            file.write(_SIZES.pack(len(key), len(value)))
            file.write(key)
            file.write(value)
        file.seek(0)
    except BaseException:
        file.close()
        raise
    return file


def _read(file: IO[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """Yield the pairs of a spilled file and close it: what it took on the disk is free again."""
    while sizes := file.read(_SIZES.size):
        key, value = _SIZES.unpack(sizes)
        yield file.read(key), file.read(value)
    file.close()
