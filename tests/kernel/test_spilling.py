"""Sorting with spills is sorting, however little fits in memory."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from herdbook.kernel import spilling

PAIRS = st.lists(st.tuples(st.binary(max_size=6), st.binary(max_size=6)), max_size=60)


@given(PAIRS, st.integers(1, 2000))
def test_pairs_come_sorted_and_equal_keys_in_their_order(pairs: list[tuple[bytes, bytes]], room: int) -> None:
    assert [*spilling.ordered(pairs, room=room)] == sorted(pairs, key=lambda pair: pair[0])


def test_no_more_files_are_open_than_are_merged_at_once() -> None:
    pairs = [(str(number * 7919 % 1000).encode(), b"") for number in range(1000)]
    before = _open_files()  # those of other tests in this process
    found = spilling.ordered(pairs, room=1)  # each pair a file
    next(found)
    assert _open_files() - before < spilling.FAN + 8
    assert [key for key, _ in found] == sorted(key for key, _ in pairs)[1:]


def _open_files() -> int:
    return len([*Path("/proc/self/fd").iterdir()])


def test_what_was_not_taken_leaves_no_file_open() -> None:
    found = spilling.ordered([(b"b", b""), (b"a", b"")], room=1)
    assert next(found) == (b"a", b"")
    found.close()  # type: ignore[attr-defined]  # a generator is


def test_an_error_on_the_way_is_the_caller_s() -> None:
    def broken() -> object:
        yield b"b", b""
        raise OSError("no")

    with pytest.raises(OSError, match="no"):
        next(spilling.ordered(broken(), room=1))  # type: ignore[arg-type]  # it yields pairs
